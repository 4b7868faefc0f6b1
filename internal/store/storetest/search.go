package storetest

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

func token(n byte) []byte { return bytes.Repeat([]byte{n}, 16) }

func search(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	tokens := func(id uuid.UUID) [][]byte { t.Helper(); return must(r.SearchTokens(ctx, id))(t) }
	start := time.Date(2002, 2, 3, 4, 5, 6, 0, time.UTC)
	var ids []uuid.UUID
	for i := range 3 {
		ids = append(ids, cardinal.IDAt(start.Add(time.Duration(i)*time.Millisecond)))
		insertUser(t, s, ids[i], "person")
	}
	all := []store.SearchToken{{Token: token(3), UserID: ids[0]}, {Token: token(1), UserID: ids[0]},
		{Token: token(2), UserID: ids[0]}, {Token: token(1), UserID: ids[1]}, {Token: token(2), UserID: ids[2]}}
	write(t, s, func(tx store.Tx) error { return tx.InsertSearchTokens(ctx, all) })
	wantEqual(t, "SearchTokens", tokens(ids[0]), [][]byte{token(1), token(2), token(3)})
	wantViolation(t, "search_tokens_pk", s.Write(ctx, func(tx store.Tx) error {
		return tx.InsertSearchTokens(ctx, all[:1])
	}))
	wantViolation(t, "search_tokens_token_ck", s.Write(ctx, func(tx store.Tx) error {
		return tx.InsertSearchTokens(ctx, []store.SearchToken{{Token: token(1)[:15], UserID: ids[0]}})
	}))
	wantViolation(t, "search_tokens_user_ck", s.Write(ctx, func(tx store.Tx) error {
		return tx.InsertSearchTokens(ctx, []store.SearchToken{{Token: token(1), UserID: cardinal.SystemID}})
	}))
	wantViolation(t, foreignKey(s, "search_tokens_user_fk"), s.Write(ctx, func(tx store.Tx) error {
		return tx.InsertSearchTokens(ctx, []store.SearchToken{{Token: token(1), UserID: cardinal.NewID()}})
	}))

	finds := func(name string, f store.UserQuery, want ...uuid.UUID) {
		t.Helper()
		for _, f.Descending = range []bool{false, true} {
			f.Limit, f.After = 1, uuid.Nil
			var got []uuid.UUID
			for more := true; more; {
				page := must(r.Users(ctx, f))(t)
				if more = len(page.Users) > 1; len(page.Users) > 0 {
					got, f.After = append(got, page.Users[0].ID), page.Users[0].ID
				}
			}
			if f.Descending {
				slices.Reverse(got)
			}
			wantEqual(t, name, got, want)
		}
	}
	finds("one token", store.UserQuery{Tokens: [][]byte{token(1)}}, ids[:2]...)
	finds("two tokens", store.UserQuery{Tokens: [][]byte{token(1), token(2)}}, ids[0])
	finds("two tokens and a pair", store.UserQuery{Tokens: [][]byte{token(1), token(2)}, Pairs: [][]byte{token(3)}},
		ids[0])
	finds("unknown pair", store.UserQuery{Tokens: [][]byte{token(1), token(2)}, Pairs: [][]byte{token(4)}})
	finds("a token and a status", store.UserQuery{Tokens: [][]byte{token(1)}, Status: "suspended"})
	finds("a token and a kind", store.UserQuery{Tokens: [][]byte{token(2)}, Kind: "person"}, ids[0], ids[2])

	write(t, s, func(tx store.Tx) error {
		return tx.ReplaceSearchTokens(ctx, ids[:2], []store.SearchToken{{Token: token(5), UserID: ids[1]}})
	})
	wantEqual(t, "ReplaceSearchTokens", [][][]byte{tokens(ids[0]), tokens(ids[1]), tokens(ids[2])},
		[][][]byte{{}, {token(5)}, {token(2)}})
	wantEqual(t, "LockUserIDsAfter", inTx(t, s, func(tx store.Tx) ([]uuid.UUID, error) {
		return tx.LockUserIDsAfter(ctx, ids[0], 2)
	}), ids[1:])
	searchBuilds(t, s)
	build := must(r.LatestFinishedSearchBuild(ctx))(t)
	write(t, s, func(tx store.Tx) error { return tx.DeleteSearchBuilds(ctx) })
	_, err := r.LatestFinishedSearchBuild(ctx)
	wantError(t, "LatestFinishedSearchBuild after DeleteSearchBuilds", cardinal.ErrNotFound, err)
	write(t, s, func(tx store.Tx) error { return tx.InsertSearchBuild(ctx, build) })
	wantEqual(t, "DeleteSearchIndex", inTx(t, s, func(tx store.Tx) (int64, error) {
		return tx.DeleteSearchIndex(ctx, 1)
	}), int64(1))
	wantEqual(t, "DeleteSearchIndex, rest", inTx(t, s, func(tx store.Tx) (int64, error) {
		return tx.DeleteSearchIndex(ctx, 10)
	}), int64(1))
	wantEqual(t, "DeleteSearchIndex, empty", inTx(t, s, func(tx store.Tx) (int64, error) {
		return tx.DeleteSearchIndex(ctx, 10)
	}), int64(0))
	_, err = r.LatestFinishedSearchBuild(ctx)
	wantError(t, "LatestFinishedSearchBuild after DeleteSearchIndex", cardinal.ErrNotFound, err)
	boundedUserScan(t, s)
}

func searchBuilds(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	wantEqual(t, "search build of the migration", must(r.LatestFinishedSearchBuild(ctx))(t).Place, uuid.Nil)
	build := store.SearchBuild{ID: cardinal.NewID(), BeganAt: baseTime, Form: 2}
	write(t, s, func(tx store.Tx) error { return tx.InsertSearchBuild(ctx, build) })
	wantViolation(t, "search_builds_one_running_uq", s.Write(ctx, func(tx store.Tx) error {
		return tx.InsertSearchBuild(ctx, store.SearchBuild{ID: cardinal.NewID(), BeganAt: baseTime, Form: 2})
	}))
	running := func() store.SearchBuild {
		return inTx(t, s, func(tx store.Tx) (store.SearchBuild, error) { return tx.LockRunningSearchBuild(ctx) })
	}
	wantEqual(t, "LockRunningSearchBuild", running(), build)
	build.Place = cardinal.NewID()
	write(t, s, func(tx store.Tx) error { return tx.UpdateSearchBuild(ctx, build) })
	wantEqual(t, "UpdateSearchBuild", running(), build)
	build.FinishedAt = ptr(baseTime)
	write(t, s, func(tx store.Tx) error { return tx.UpdateSearchBuild(ctx, build) })
	wantEqual(t, "LatestFinishedSearchBuild", must(r.LatestFinishedSearchBuild(ctx))(t), build)
	wantError(t, "LockRunningSearchBuild, unknown", cardinal.ErrNotFound,
		txError(t, s, func(tx store.Tx) (store.SearchBuild, error) {
			return tx.LockRunningSearchBuild(ctx)
		}))
	wantViolation(t, "search_builds_form_ck", s.Write(ctx, func(tx store.Tx) error {
		return tx.InsertSearchBuild(ctx, store.SearchBuild{ID: cardinal.NewID(), BeganAt: baseTime, Form: 4})
	}))
	early := build
	early.FinishedAt = ptr(baseTime.Add(-time.Second))
	wantViolation(t, "search_builds_finished_ck", s.Write(ctx, func(tx store.Tx) error {
		return tx.UpdateSearchBuild(ctx, early)
	}))
}

// boundedUserScan: two filters have more users than one page scans, and only one user in common. The first page ends
// before it reaches that user; the second page continues the scan and returns it.
func boundedUserScan(t *testing.T, s *store.Store) {
	const each = 2500
	ctx, r := t.Context(), s.Read(t.Context())
	start := time.Date(2003, 2, 3, 4, 5, 6, 0, time.UTC)
	var both uuid.UUID
	write(t, s, func(tx store.Tx) error {
		var rows []store.SearchToken
		for i := range 2 * each {
			id := cardinal.IDAt(start.Add(time.Duration(i) * time.Millisecond))
			if _, err := tx.InsertUser(ctx, id, "person", "create", baseTime); err != nil {
				return err
			}
			if err := tx.InsertProfile(ctx, minimalProfile(id)); err != nil {
				return err
			}
			rows = append(rows, store.SearchToken{Token: token(byte(6 + i%2)), UserID: id})
			if both = id; i == 2*each-1 {
				rows = append(rows, store.SearchToken{Token: token(6), UserID: id})
			}
		}
		return tx.InsertSearchTokens(ctx, rows)
	})
	f := store.UserQuery{Tokens: [][]byte{token(6), token(7)}, Page: cardinal.Page{Limit: 10}}
	first := must(r.Users(ctx, f))(t)
	if len(first.Users) != 0 || first.ResumeAfter == uuid.Nil {
		t.Fatalf("the first page has %d users and continues at %s", len(first.Users), first.ResumeAfter)
	}
	f.After = first.ResumeAfter
	second := must(r.Users(ctx, f))(t)
	if len(second.Users) != 1 || second.Users[0].ID != both || second.ResumeAfter != uuid.Nil {
		t.Errorf("the second page has %v and continues at %s", second.Users, second.ResumeAfter)
	}
}

func userCounts(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	start := time.Date(2004, 2, 3, 4, 5, 6, 0, time.UTC)
	for i := range 5 {
		insertUser(t, s, cardinal.IDAt(start.Add(time.Duration(i)*time.Millisecond)),
			[]string{"person", "service"}[i%2])
	}
	f := store.UserQuery{CreatedFrom: start, CreatedUntil: start.Add(time.Hour)}
	wantEqual(t, "CountUsers", must(r.CountUsers(ctx, f, 5))(t), cardinal.Count{Value: 5, IsExact: true})
	if beyond := must(r.CountUsers(ctx, f, 4))(t); beyond.IsExact || beyond.Value < 4 {
		t.Errorf("CountUsers, above the limit: %+v", beyond)
	}
	f.Kind, f.Status = "service", "active"
	wantEqual(t, "CountUsers, two filters", must(r.CountUsers(ctx, f, 5))(t), cardinal.Count{Value: 2, IsExact: true})
}

// statistics uses the thousands of users that earlier cases inserted.
func statistics(t *testing.T, s *store.Store) {
	write(t, s, func(tx store.Tx) error { return tx.RefreshStatistics(t.Context()) })
	n := must(s.Read(t.Context()).CountUsers(t.Context(), store.UserQuery{BuiltIn: true}, 10))(t)
	if n.IsExact || n.Value < 4000 {
		t.Errorf("CountUsers, estimated: %+v", n)
	}
}
