package directory_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
)

// TestProfileColumns: each column of the table profiles is in ProfileFields, except those of every table.
func TestProfileColumns(t *testing.T) {
	want := []string{"user_id", "created_at", "updated_at", "version", "schema_version"}
	for _, f := range directory.ProfileFields {
		want = append(want, f.Column)
	}
	slices.Sort(want)
	directorytest.Run(t, func(t *testing.T, w *world) {
		rows := value(w.SQL(t).QueryContext(t.Context(), `SELECT * FROM profiles LIMIT 0`))(t)
		defer rows.Close()
		got := value(rows.Columns())(t)
		noError(t, rows.Err())
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}
