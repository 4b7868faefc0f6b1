package directory

import (
	"context"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

// The search index is built by a background job. A build is a scan of all users in batches: it writes the search tokens
// of each user, and its row in search_builds records the last user of a batch, so that another node can resume it. A
// new build starts when search was switched on, or a custom attribute became searchable, after the last one began.
// Until the first build has finished, a search is refused.

// searchMigration is the last of the first set of migrations, which has the search tokens: a program that knows it
// keeps them up to date.
const searchMigration = 14

// searchPropagationTime is how long a build waits after a change of what is searchable. Until then a node can still use
// its cached setting and write users without tokens.
const searchPropagationTime = 10 * time.Second

// buildSearchIndex continues the running build, or starts one that is due, until all users have their tokens. When
// search is off, it deletes the index.
func buildSearchIndex(ctx context.Context, k Desk, _ uuid.UUID) error {
	r := k.d.store.Read(ctx)
	mode, err := r.Setting(ctx, "search.mode")
	if err != nil {
		return err
	}
	if mode.Value != "on" {
		return k.deleteSearchIndex(ctx)
	}
	if older, err := r.OlderNodes(ctx, searchMigration, k.d.Now()); err != nil {
		return err
	} else if len(older) > 0 {
		// Nodes with an older program do not write tokens. All builds are deleted, so that another one follows when
		// these nodes have stopped.
		return k.d.store.Write(ctx, func(tx store.Tx) error { return tx.DeleteSearchBuilds(ctx) })
	}
	domains, err := r.Setting(ctx, "search.domains")
	if err != nil {
		return err
	}
	since, err := searchChangedAt(ctx, r, mode, domains)
	if err != nil {
		return err
	}
	finished, err := r.LatestFinishedSearchBuild(ctx)
	if err != nil && !isNotFound(err) {
		return err
	}
	next, err := nextForm(ctx, r, finished)
	if err != nil {
		return err
	}
	if finished.Form == formBoth && finished.FinishedAt.After(since) {
		since = *finished.FinishedAt // until then nodes can have written exact tokens, which the next scan deletes
	}
	due := finished.Form != next || finished.BeganAt.Before(since)
	for batches := 0; ; batches++ {
		done, err := k.buildSearchBatch(ctx, next, due && k.d.Now().After(since.Add(searchPropagationTime)))
		switch {
		case err != nil:
			return err
		case done && batches > 0:
			return k.d.RefreshStatistics(ctx)
		case done:
			return nil
		}
	}
}

// searchChangedAt returns when the set of searchable values last changed: a setting of search, or an attribute became
// searchable. It is the zero time when neither ever changed.
func searchChangedAt(ctx context.Context, r store.Reader, settings ...cardinal.Setting) (time.Time, error) {
	var latest time.Time
	for _, s := range settings {
		if s.Version > 1 && s.UpdatedAt.After(latest) {
			latest = s.UpdatedAt
		}
	}
	definitions, err := r.AllAttributeDefinitions(ctx)
	for _, definition := range definitions {
		if definition.IsSearchable && definition.CreatedAt.After(latest) {
			latest = definition.CreatedAt
		}
	}
	return latest, err
}

// buildSearchBatch writes the tokens of the next batch of users and records the position of the build. It returns true
// when no build is running, or the running one has finished. It starts a new build, with a form, only when one is due.
func (k Desk) buildSearchBatch(ctx context.Context, form int64, due bool) (done bool, err error) {
	const batch = 200
	err = k.d.store.Write(ctx, func(tx store.Tx) error {
		build, err := tx.LockRunningSearchBuild(ctx)
		if isNotFound(err) {
			if done = !due; done {
				return nil
			}
			build, err = store.SearchBuild{ID: cardinal.NewID(), BeganAt: k.d.Now(), Form: form}, nil
			err = tx.InsertSearchBuild(ctx, build)
		}
		if err != nil {
			return err
		}
		ids, err := tx.LockUserIDsAfter(ctx, maxID(build.Place, cardinal.IDAt(time.UnixMilli(1))), batch)
		if err != nil {
			return err
		}
		s, err := k.d.CurrentSettings(ctx, tx.Reader)
		if err != nil {
			return err
		}
		tokens, err := k.d.searchTokensOf(ctx, tx.Reader, ids, formsOf(build.Form, s))
		if err != nil {
			return err
		}
		if err := tx.ReplaceSearchTokens(ctx, ids, tokens); err != nil {
			return err
		}
		if len(ids) > 0 {
			build.Place = ids[len(ids)-1]
		}
		if done = len(ids) < batch; done {
			now := k.d.Now()
			build.FinishedAt = &now
		}
		return tx.UpdateSearchBuild(ctx, build)
	})
	return done, err
}

// maxID returns the greater of two ids.
func maxID(a, b uuid.UUID) uuid.UUID {
	if string(a[:]) < string(b[:]) {
		return b
	}
	return a
}

// deleteSearchIndex deletes all search tokens and builds, a batch per transaction.
func (k Desk) deleteSearchIndex(ctx context.Context) error {
	for {
		var n int64
		err := k.d.store.Write(ctx, func(tx store.Tx) (err error) {
			n, err = tx.DeleteSearchIndex(ctx, 5000)
			return err
		})
		if err != nil || n == 0 {
			return err
		}
	}
}
