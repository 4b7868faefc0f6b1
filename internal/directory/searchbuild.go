package directory

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

// searchSchema is the newest migration of the first version that keeps the search index up to date.
const searchSchema = 14

// searchSettle is how long a change of what is searchable is left alone: until then some node may go by what it knew before.
const searchSettle = 10 * time.Second

// searchMode is the setting search.mode as a node knows it, for the many changes that go by it.
type searchMode struct {
	known atomic.Pointer[searchKnown]
}

type searchKnown struct {
	on    bool
	until time.Time
}

// searchOn reports whether people are to be findable, as it was half of searchSettle ago at the longest.
func (d *Directory) searchOn(ctx context.Context, r store.Reader) (bool, error) {
	if known := d.searchMode.known.Load(); known != nil && time.Now().Before(known.until) {
		return known.on, nil
	}
	s, err := d.settings(ctx, r)
	if err == nil {
		d.searchMode.known.Store(&searchKnown{s.searchOn, time.Now().Add(searchSettle / 2)})
	}
	return s.searchOn, err
}

// buildSearch makes everybody findable who is not yet, or nobody when search is off.
func (k Desk) buildSearch(ctx context.Context) error {
	r := k.d.store.Read(ctx)
	mode, err := r.Setting(ctx, "search.mode")
	if err != nil {
		return err
	}
	if mode.Value != "on" {
		return k.forgetSearch(ctx)
	}
	if older, err := r.OlderNodes(ctx, searchSchema, k.d.now()); err != nil {
		return err
	} else if len(older) > 0 { // what they change is not found: another pass follows when they are gone
		return k.d.store.Write(ctx, func(tx store.Tx) error { return tx.DeleteSearchBuilds(ctx) })
	}
	var since time.Time // of the latest change of what is searchable
	if mode.Version > 1 {
		since = mode.UpdatedAt
	}
	definitions, err := r.AllAttributeDefinitions(ctx)
	if err != nil {
		return err
	}
	for _, definition := range definitions {
		if definition.IsSearchable && definition.CreatedAt.After(since) {
			since = definition.CreatedAt
		}
	}
	finished, err := r.FinishedSearchBuild(ctx)
	if err != nil && !isNotFound(err) {
		return err
	}
	due := isNotFound(err) || finished.BeganAt.Before(since)
	for batches := 0; ; batches++ {
		done, err := k.buildBatch(ctx, due && k.d.now().After(since.Add(searchSettle)))
		switch {
		case err != nil:
			return err
		case done && batches > 0:
			return k.refreshStatistics(ctx)
		case done:
			return nil
		}
	}
}

// buildBatch makes some people findable and notes how far the pass has come; true when there is none, or no more of it. A new one is
// begun only when it is due.
func (k Desk) buildBatch(ctx context.Context, due bool) (done bool, err error) {
	const batch = 200
	err = k.d.store.Write(ctx, func(tx store.Tx) error {
		build, err := tx.RunningSearchBuild(ctx)
		if isNotFound(err) {
			if done = !due; done {
				return nil
			}
			build, err = store.SearchBuild{ID: cardinal.NewID(), BeganAt: k.d.now()}, nil
			err = tx.InsertSearchBuild(ctx, build)
		}
		if err != nil {
			return err
		}
		ids, err := tx.PeopleForSearch(ctx, later(build.Place, cardinal.IDAt(time.UnixMilli(1))), batch)
		if err != nil {
			return err
		}
		tokens, err := k.d.tokensOf(ctx, tx.Reader, ids)
		if err != nil {
			return err
		}
		if err := tx.SetSearchTokens(ctx, ids, tokens); err != nil {
			return err
		}
		if len(ids) > 0 {
			build.Place = ids[len(ids)-1]
		}
		if done = len(ids) < batch; done {
			now := k.d.now()
			build.FinishedAt = &now
		}
		return tx.UpdateSearchBuild(ctx, build)
	})
	return done, err
}

func later(a, b uuid.UUID) uuid.UUID {
	if string(a[:]) < string(b[:]) {
		return b
	}
	return a
}

// forgetSearch deletes all that people are found by.
func (k Desk) forgetSearch(ctx context.Context) error {
	for {
		var n int64
		err := k.d.store.Write(ctx, func(tx store.Tx) (err error) {
			n, err = tx.DeleteSearch(ctx, 5000)
			return err
		})
		if err != nil || n == 0 {
			return err
		}
	}
}
