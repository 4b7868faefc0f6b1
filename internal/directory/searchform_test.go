package directory_test

import (
	"testing"
	"time"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/store"
)

// TestSearchFormChanges: the tokens of a database of the first version get another form while the service runs, and
// every user is found at every time, also a user who is created in between.
func TestSearchFormChanges(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		const contraction = `number = %d AND phase = 'contract'`
		execute(t, w, `UPDATE schema_migrations SET number = 90000 + number WHERE `+contraction, store.BucketsMigration)
		execute(t, w, `UPDATE search_builds SET form = 1`)

		var names []string
		create := func(d *directory.Directory, name string) {
			t.Helper()
			names = append(names, name)
			value(d.As(cardinal.Operator()).CreateUser(ctx, cardinal.NewUser{DisplayName: name}))(t)
		}
		expect := func(state string, form int64) {
			t.Helper()
			if got := value(w.Store.Read(ctx).LatestFinishedSearchBuild(ctx))(t); got.Form != form {
				t.Errorf("%s: the index has the form %d, want %d", state, got.Form, form)
			}
			for _, name := range names {
				if got := search(t, w, cardinal.UserFilter{Search: name}); len(got) != 1 {
					t.Errorf("%s: %q finds %v", state, name, got)
				}
			}
		}
		tokens := func() int { return len(allTokens(t, w)) }

		node := w.OpenNode(t, directorytest.CheapHash)
		create(node, "Ana Belén")
		both := tokens()
		create(node, "Bruno Costa")
		expect("before the contraction", 1)
		w.RunJob(t, "search.build")
		expect("before the contraction, after the job", 1)

		execute(t, w, `UPDATE schema_migrations SET number = number - 90000 WHERE `+contraction,
			90000+store.BucketsMigration)
		node = w.OpenNode(t, directorytest.CheapHash)
		create(node, "Carla Dias")
		expect("after the contraction", 1)
		w.RunJob(t, "search.build")
		expect("after the first scan", 2)
		node = w.OpenNode(t, directorytest.CheapHash)
		create(node, "Diego Egal")
		expect("between the scans", 2)
		w.RunJob(t, "search.build")
		expect("directly after the first scan", 2) // nodes can still write exact tokens
		w.Clock.Add(time.Minute)
		w.RunJob(t, "search.build")
		expect("after the second scan", 3)
		perUser := tokens() / len(names)
		if perUser >= both/2 {
			t.Errorf("%d tokens per user, %d with both forms", perUser, both)
		}
		w.RunJob(t, "search.build")
		expect("later", 3)
	})
}

// TestSearchFormOfNewDatabase: a new database has bucketed tokens from the start.
func TestSearchFormOfNewDatabase(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		build := value(w.Store.Read(t.Context()).LatestFinishedSearchBuild(t.Context()))(t)
		value(w.Operator().CreateUser(t.Context(), cardinal.NewUser{DisplayName: "Ana Belén Ximena"}))(t)
		if n := len(allTokens(t, w)); build.Form != 3 || n < 2 || n > 6 {
			t.Errorf("form %d, %d tokens of three words, want at most 3 prefixes and 3 pairs", build.Form, n)
		}
	})
}
