package importing_test

import (
	"testing"
	"time"

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

func TestImportVerifiedNeedsPermission(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		people := lines(
			`{"email":"a@example.com","email_verified":true}`,
			`{"phone":"+442079460000","phone_verified":true}`,
			`{"contacts":[{"kind":"email","value":"b@example.com","verified_at":"2026-01-02T00:00:00Z"}]}`,
			`{"email":"c@example.com"}`,
		)
		importer, _ := w.NewPerson(t, w.NewRole(t, "users.import"))
		k := w.DeskOf(importer)
		plan, problems := checkFile(t, w, k, people)
		if diff := cmp.Diff(map[int64][]string{
			1: {"email_verified verified_not_allowed"},
			2: {"phone_verified verified_not_allowed"},
			3: {"contacts/0/verified_at verified_not_allowed"},
		}, problems); diff != "" {
			t.Errorf("problems (-want +got)\n%s", diff)
		}
		run := value(importing.Run(ctx, k, people, importing.Options{Name: "people"}, plan, noProgress))(t)
		if run.Created != 1 {
			t.Errorf("%d users were created without the permission, want 1", run.Created)
		}
		w.Grant(t, importer, w.NewRole(t, "contacts.verify"), nil)
		if _, problems := checkFile(t, w, k, people); len(problems) != 0 {
			t.Errorf("problems with the permission: %v", problems)
		}
	})
}

// TestImportedGrantCannotOutlastImporter: a role in a file is held to the same end as a grant.
func TestImportedGrantCannotOutlastImporter(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		end := w.Clock.Now().Add(time.Hour)
		importer, _ := w.NewPerson(t, w.NewRole(t, "users.import"))
		w.Grant(t, importer, "administrator", &end)
		until := func(at time.Time) string {
			role := `{"name":"auditor","expires_at":"` + at.Format(time.RFC3339Nano) + `"}`
			return `{"email":"a@example.com","roles":[` + role + `]}`
		}
		_, problems := checkFile(t, w, w.DeskOf(importer), lines(
			`{"email":"b@example.com","roles":[{"name":"auditor"}]}`,
			until(end.Add(time.Minute)),
			until(end.Add(-time.Minute)),
		))
		if diff := cmp.Diff(map[int64][]string{
			1: {"roles/0 outlasts_your_permissions"},
			2: {"roles/0 outlasts_your_permissions"},
		}, problems); diff != "" {
			t.Errorf("problems (-want +got)\n%s", diff)
		}
	})
}
