package importing_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardinal"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/importing"
)

func TestCheckProblems(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		value(w.Operator().CreateUser(t.Context(), cardinal.NewUser{
			Email: "taken@example.com", EmailVerified: true,
		}))(t)
		value(w.Operator().CreateUser(t.Context(), cardinal.NewUser{Username: "held"}))(t)
		src := lines(
			`{"email":"ana@@x","phone":"12","country":"XX","locale":"!","time_zone":"Mars",`+
				`"avatar_url":"http://x","password_hash":"secret","status":"erased","kind":"robot",`+
				`"id":"3fa85f64-5717-4562-b3fc-2c963f66afa6"}`,
			`{"display_name":"no address"}`,
			`{"email":"taken@example.com","username":"other"}`,
			`{"email":"taken@example.com","username":"held"}`,
			`not json`,
			`{"email":1,"nonsense":true}`,
			`{"email":"once@example.com"}`,
			`{"email":"Once@Example.com"}`,
			`{"email":"bo@example.com","attributes":{"shoe":42},"roles":[{"name":"king"},{"name":"cardinal"}]}`,
			`{"email":"cy@example.com","created_at":"2999-01-01T00:00:00Z","must_change_password":true,`+
				`"deleted_at":"2020-01-01T00:00:00Z"}`,
			`{"kind":"service","email":"svc@example.com"}`,
			`{"contacts":[{"kind":"email","value":"a@example.com","is_primary":true},`+
				`{"kind":"email","value":"b@example.com","is_primary":true},{"kind":"fax","value":"1"}]}`,
			`{"email":"dee@example.com","password_hash":"$argon2id$v=19$m=262145,t=1,p=1$`+
				`c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"}`)
		plan, problems := checkFile(t, w, w.Operator(), src)
		want := map[int64][]string{
			1: {"id id_format", "kind kind_unknown", "status status_unknown", "avatar_url url_format",
				"locale locale_format", "time_zone time_zone_format", "country country_unknown", "email email_format",
				"phone phone_format", "password_hash hash_unusable"},
			2:  {" row_without_identifier"},
			4:  {"username identifier_taken", "email identifier_taken"},
			5:  {" row_malformed"},
			6:  {"email field_type", "nonsense field_unknown"},
			8:  {" row_duplicate"},
			9:  {"attributes/shoe attribute_unknown", "roles/0 role_unknown", "roles/1 role_not_assignable"},
			10: {"deleted_at deletion_unexpected", "must_change_password password_missing", "created_at time_range"},
			11: {"kind kind_cannot_sign_in"},
			12: {"contacts/1 contact_primary", "contacts/2/kind contact_kind_unknown"},
			13: {"password_hash hash_too_expensive"},
		}
		for n := range want {
			slices.Sort(want[n])
			slices.Sort(problems[n])
		}
		if diff := cmp.Diff(want, problems); diff != "" {
			t.Error(diff)
		}
		if plan.Rows != 13 || plan.New != 1 || plan.Existing != 1 || plan.Invalid != 11 {
			t.Errorf("%+v", plan)
		}
		run := value(importing.Run(t.Context(), w.Operator(), src, importing.Options{}, plan, noProgress))(t)
		if run.Created != 1 || run.Skipped != 1 || run.Invalid != 11 {
			t.Errorf("%+v", run)
		}
	})
}
