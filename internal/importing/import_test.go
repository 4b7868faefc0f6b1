package importing_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardinal"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/importing"
)

func TestImportPermissions(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		helper, _ := w.NewPerson(t, "support")
		_, err := importing.Check(t.Context(), w.DeskOf(helper), lines(`{"email":"a@example.com"}`),
			importing.Options{}, nil, nil)
		expectRefusal(t, err, "permission_missing")
		_, err = importing.List(t.Context(), w.DeskOf(helper), cardinal.Page{Limit: 1})
		expectRefusal(t, err, "permission_missing")
		importer, _ := w.NewPerson(t, w.NewRole(t, "users.import"))
		_, problems := checkFile(t, w, w.DeskOf(importer),
			lines(`{"email":"a@example.com","roles":[{"name":"administrator"}]}`))
		if diff := cmp.Diff(map[int64][]string{1: {"roles/0 role_not_assignable"}}, problems); diff != "" {
			t.Error(diff)
		}
	})
}
