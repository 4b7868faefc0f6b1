package directory

import (
	"context"
	"sync/atomic"
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

// searchModeCache caches the setting search.mode in a node: every change of a name or an address needs it.
type searchModeCache struct {
	cached atomic.Pointer[cachedSearchMode]
}

type cachedSearchMode struct {
	enabled    bool
	validUntil time.Time
}

// SearchEnabled reports whether search is on. The answer can be old, by half of searchPropagationTime at most.
func (d *Directory) SearchEnabled(ctx context.Context, r store.Reader) (bool, error) {
	if mode := d.searchMode.cached.Load(); mode != nil && time.Now().Before(mode.validUntil) {
		return mode.enabled, nil
	}
	s, err := d.CurrentSettings(ctx, r)
	if err == nil {
		d.searchMode.cached.Store(&cachedSearchMode{s.SearchOn, time.Now().Add(searchPropagationTime / 2)})
	}
	return s.SearchOn, err
}

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
	since, err := searchChangedAt(ctx, r, mode)
	if err != nil {
		return err
	}
	finished, err := r.LatestFinishedSearchBuild(ctx)
	if err != nil && !isNotFound(err) {
		return err
	}
	due := isNotFound(err) || finished.BeganAt.Before(since)
	for batches := 0; ; batches++ {
		done, err := k.buildSearchBatch(ctx, due && k.d.Now().After(since.Add(searchPropagationTime)))
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

// searchChangedAt returns when the set of searchable values last changed: search was switched on, or an attribute
// became searchable. It is the zero time when neither ever changed.
func searchChangedAt(ctx context.Context, r store.Reader, mode cardinal.Setting) (time.Time, error) {
	var latest time.Time
	if mode.Version > 1 {
		latest = mode.UpdatedAt
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
// when no build is running, or the running one has finished. It starts a new build only when one is due.
func (k Desk) buildSearchBatch(ctx context.Context, due bool) (done bool, err error) {
	const batch = 200
	err = k.d.store.Write(ctx, func(tx store.Tx) error {
		build, err := tx.LockRunningSearchBuild(ctx)
		if isNotFound(err) {
			if done = !due; done {
				return nil
			}
			build, err = store.SearchBuild{ID: cardinal.NewID(), BeganAt: k.d.Now()}, nil
			err = tx.InsertSearchBuild(ctx, build)
		}
		if err != nil {
			return err
		}
		ids, err := tx.LockUserIDsAfter(ctx, maxID(build.Place, cardinal.IDAt(time.UnixMilli(1))), batch)
		if err != nil {
			return err
		}
		tokens, err := k.d.searchTokensOf(ctx, tx.Reader, ids)
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
