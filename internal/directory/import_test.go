package directory_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/importfile"
	"cardinal/internal/importing"
	"cardinal/internal/store"
)

// file is an import source in memory.
type file string

func (f file) Open() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(string(f))), nil }

// lines are rows of JSON lines.
func lines(rows ...string) file { return file(strings.Join(rows, "\n") + "\n") }

// checked checks a file and returns the codes of its problems, by row.
func (w *world) checked(t testing.TB, k directory.Desk, src importing.Source) (importing.Plan, map[int64][]string) {
	t.Helper()
	problems := map[int64][]string{}
	plan, err := importing.Check(t.Context(), k, src, importing.Options{Name: "people"}, func(_ *importfile.Reader, row *importfile.Row, faults []cardinal.Fault) error {
		for _, f := range faults {
			problems[row.Number] = append(problems[row.Number], strings.TrimPrefix(f.Pointer+" ", "/")+f.Code)
		}
		return nil
	}, func(int64) {})
	ok(t, err)
	return plan, problems
}

func (w *world) imports(t testing.TB, src importing.Source) cardinal.ImportRun {
	t.Helper()
	k := w.operator()
	plan, _ := w.checked(t, k, src)
	return must(importing.Run(t.Context(), k, src, importing.Options{Name: "people"}, plan, func(cardinal.ImportRun) {}))(t)
}

func (w *world) byEmail(t testing.TB, email string) cardinal.User {
	t.Helper()
	found := must(w.operator().Users(t.Context(), cardinal.UserFilter{Page: cardinal.Page{Limit: 2}, Email: email}, true))(t).Data
	if len(found) != 1 {
		t.Fatalf("%d users have %s", len(found), email)
	}
	return found[0]
}

const (
	bcryptHash = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW" // of U*U
	md5Hash    = "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/"                           // of password
)

func TestImport(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx, k := t.Context(), w.operator()
		src := lines(
			`{"email":"ana@example.com","email_verified":true,"display_name":"Ana","username":"ana","password_hash":"`+bcryptHash+`","created_at":"2024-03-01T10:00:00Z","roles":[{"name":"auditor"}]}`,
			`{"email":"bo@example.com","password_hash":"`+bcryptHash+`"}`,
			`{"email":"cy@example.com","email_verified":true,"phone":"+442079460000","password_hash":"`+md5Hash+`","must_change_password":true}`,
			`{"username":"dee","status":"suspended","country":"de","locale":"de-DE"}`,
			`{"username":"eva","status":"deleted","deleted_at":"2025-01-01T00:00:00Z","created_at":"2024-01-01T00:00:00Z"}`,
			`{"id":"01900000-0000-7000-8000-000000000001","kind":"service","display_name":"billing"}`)
		plan, problems := w.checked(t, k, src)
		if diff := cmp.Diff(map[int64][]string{}, problems); diff != "" || plan.New != 6 || plan.Rows != 6 {
			t.Fatalf("%+v %s", plan, diff)
		}
		if diff := cmp.Diff(map[string]int64{"bcrypt": 2, "MD5-crypt (weak: wrapped in Argon2id)": 1}, plan.Hashes); diff != "" {
			t.Error(diff)
		}
		w.forget(t)
		run := w.imports(t, src)
		want := cardinal.ImportRun{ID: run.ID, ActorID: cardinal.OperatorID, Format: "ndjson", Name: "people", State: "finished", Read: 6, Created: 6, CreatedAt: run.CreatedAt, UpdatedAt: run.UpdatedAt, FinishedAt: run.FinishedAt}
		if diff := cmp.Diff(want, must(importing.Get(ctx, k, run.ID))(t)); diff != "" {
			t.Error(diff)
		}
		t.Run("MakesPeopleAsTheFileSays", func(t *testing.T) {
			ana := w.byEmail(t, "ana@example.com")
			if ana.Status != "active" || !ana.CreatedAt.Equal(time.Date(2024, 3, 1, 10, 0, 0, 0, time.UTC)) || ana.Profile.DisplayName != "Ana" || ana.Profile.Username != "ana" {
				t.Errorf("%+v", ana)
			}
			if grants := must(k.Grants(ctx, ana.ID, cardinal.Page{Limit: 5}))(t).Data; len(grants) != 1 || grants[0].RoleName != "auditor" {
				t.Errorf("%+v", grants)
			}
			if cy := w.byEmail(t, "cy@example.com"); len(must(k.Contacts(ctx, cy.ID))(t)) != 2 {
				t.Errorf("%+v", cy)
			}
			for status, count := range map[string]int{"suspended": 1, "deleted": 1} {
				if n := len(must(k.Users(ctx, cardinal.UserFilter{Page: cardinal.Page{Limit: 5}, Status: status}, false))(t).Data); n != count {
					t.Errorf("%d are %s", n, status)
				}
			}
			if s := w.user(t, uuid.MustParse("01900000-0000-7000-8000-000000000001")); s.Kind != "service" {
				t.Errorf("%+v", s)
			}
		})
		t.Run("SignInVerifiesAndReplacesTheHash", func(t *testing.T) {
			for email, password := range map[string]string{"ana@example.com": "U*U", "bo@example.com": "U*U", "cy@example.com": "password"} {
				id := w.byEmail(t, email).ID
				before := must(w.Store.Read(ctx).Credential(ctx, id))(t)
				in := w.signIn(t, email, password)
				if in.MustChangePassword != (email == "cy@example.com") {
					t.Errorf("%s: must change %v", email, in.MustChangePassword)
				}
				after := must(w.Store.Read(ctx).Credential(ctx, id))(t)
				if !strings.HasPrefix(after.Hash, "$argon2id$") || after.Hash == before.Hash {
					t.Errorf("%s has %.20s after, %.20s before", email, after.Hash, before.Hash)
				}
				w.signIn(t, email, password)
			}
		})
		t.Run("SaltThatIsTakenIsWrapped", func(t *testing.T) {
			again := w.imports(t, lines(`{"email":"fay@example.com","password_hash":"`+bcryptHash+`"}`, `{"email":"gil@example.com","password_hash":"`+bcryptHash+`"}`))
			if again.Created != 2 {
				t.Fatalf("%+v", again)
			}
			gil := must(w.Store.Read(ctx).Credential(ctx, w.byEmail(t, "gil@example.com").ID))(t)
			if !strings.HasPrefix(gil.Hash, "$argon2id-over$") || strings.Contains(gil.Hash, "E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW") {
				t.Errorf("is stored as %.30s", gil.Hash)
			}
			w.signIn(t, "fay@example.com", "U*U")
			w.signIn(t, "gil@example.com", "U*U")
		})
		t.Run("TwiceChangesNothing", func(t *testing.T) {
			plan, problems := w.checked(t, k, src)
			if plan.New != 0 || plan.Existing != 6 || plan.Earlier == nil || plan.Earlier.ID != run.ID {
				t.Errorf("%+v %v", plan, problems)
			}
		})
	})
}

// The events are the same that other ways of making people leave: one a person, with the digests of all their rows.
func TestImportIsRecorded(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		run := w.imports(t, lines(`{"email":"ana@example.com","email_verified":true,"username":"ana","password_hash":"`+bcryptHash+`","roles":[{"name":"auditor"}]}`, `{"phone":"+442079460000"}`))
		people := must(w.Store.Read(t.Context()).ImportedPeople(t.Context(), run.ID, uuid.Nil, 10))(t)
		if len(people) != 2 {
			t.Fatalf("%d events", len(people))
		}
		tables := map[string]int{}
		for _, e := range people {
			if e.ActorID != cardinal.OperatorID || e.Action != store.ImportAction {
				t.Errorf("%+v", e)
			}
			for _, row := range e.ChangedRows {
				tables[row.Table]++
				w.stampFits(t, row)
			}
		}
		if diff := cmp.Diff(map[string]int{"users": 2, "profiles": 2, "user_keys": 2, "contacts": 2, "identifiers": 3, "credentials": 1, "user_roles": 1}, tables); diff != "" {
			t.Error(diff)
		}
	})
}

func TestImportFindsEveryProblem(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ok(t, errorOf(w.operator().CreateUser(t.Context(), cardinal.NewUser{Email: "taken@example.com", EmailVerified: true})))
		ok(t, errorOf(w.operator().CreateUser(t.Context(), cardinal.NewUser{Username: "held"})))
		src := lines(
			`{"email":"ana@@x","phone":"12","country":"XX","locale":"!","time_zone":"Mars","avatar_url":"http://x","password_hash":"secret","status":"erased","kind":"robot","id":"3fa85f64-5717-4562-b3fc-2c963f66afa6"}`,
			`{"display_name":"nobody"}`,
			`{"email":"taken@example.com","username":"other"}`,
			`{"email":"taken@example.com","username":"held"}`,
			`not json`,
			`{"email":1,"nonsense":true}`,
			`{"email":"once@example.com"}`,
			`{"email":"Once@Example.com"}`,
			`{"email":"bo@example.com","attributes":{"shoe":42},"roles":[{"name":"king"},{"name":"cardinal"}]}`,
			`{"email":"cy@example.com","created_at":"2999-01-01T00:00:00Z","must_change_password":true,"deleted_at":"2020-01-01T00:00:00Z"}`,
			`{"kind":"service","email":"svc@example.com"}`,
			`{"contacts":[{"kind":"email","value":"a@example.com","is_primary":true},{"kind":"email","value":"b@example.com","is_primary":true},{"kind":"fax","value":"1"}]}`)
		plan, problems := w.checked(t, w.operator(), src)
		want := map[int64][]string{
			1: {"id id_format", "kind kind_unknown", "status status_unknown", "avatar_url url_format", "locale locale_format", "time_zone time_zone_format", "country country_unknown",
				"email email_format", "phone phone_format", "password_hash hash_unusable"},
			2:  {" row_without_identifier"},
			4:  {"username identifier_taken", "email identifier_taken"},
			5:  {" row_malformed"},
			6:  {"email field_type", "nonsense field_unknown"},
			8:  {" row_duplicate"},
			9:  {"attributes/shoe attribute_unknown", "roles/0 role_unknown", "roles/1 role_not_assignable"},
			10: {"deleted_at deletion_unexpected", "must_change_password password_missing", "created_at time_range"},
			11: {"kind kind_cannot_sign_in"},
			12: {"contacts/1 contact_primary", "contacts/2/kind contact_kind_unknown"},
		}
		for n := range want {
			slices.Sort(want[n])
			slices.Sort(problems[n])
		}
		if diff := cmp.Diff(want, problems); diff != "" {
			t.Error(diff)
		}
		if plan.Rows != 12 || plan.New != 1 || plan.Existing != 1 || plan.Faulty != 10 {
			t.Errorf("%+v", plan)
		}
		run := must(importing.Run(t.Context(), w.operator(), src, importing.Options{}, plan, func(cardinal.ImportRun) {}))(t)
		if run.Created != 1 || run.Skipped != 1 || run.Faulty != 10 {
			t.Errorf("%+v", run)
		}
	})
}

// Who comes between the check and the run is met by what the database refuses.
func TestImportMeetsWhoCameMeanwhile(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		id := cardinal.NewID().String()
		src := lines(`{"email":"ana@example.com"}`, `{"email":"bo@example.com","email_verified":true,"password_hash":"`+bcryptHash+`"}`, `{"id":"`+id+`","username":"cy"}`,
			`{"id":"`+cardinal.NewID().String()+`","username":"dee"}`, `{"username":"eva"}`)
		plan, _ := w.checked(t, w.operator(), src)
		ok(t, errorOf(w.operator().CreateUser(t.Context(), cardinal.NewUser{Email: "ana@example.com", EmailVerified: true})))
		w.imports(t, lines(`{"username":"dee"}`, `{"id":"`+id+`"}`, `{"username":"fay","password_hash":"`+bcryptHash+`"}`))
		run := must(importing.Run(t.Context(), w.operator(), src, importing.Options{}, plan, func(cardinal.ImportRun) {}))(t)
		if run.Created != 2 || run.Skipped != 2 || run.Faulty != 1 {
			t.Errorf("%+v", run)
		}
		w.signIn(t, "bo@example.com", "U*U")
	})
}

func TestImportNeedsThePermission(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		helper, _ := w.person(t, "support")
		_, err := importing.Check(t.Context(), w.as(helper), lines(`{"email":"a@example.com"}`), importing.Options{}, nil, nil)
		refuses(t, err, "permission_missing")
		_, err = importing.List(t.Context(), w.as(helper), cardinal.Page{Limit: 1})
		refuses(t, err, "permission_missing")
		importer, _ := w.person(t, w.holding(t, "users.import"))
		_, problems := w.checked(t, w.as(importer), lines(`{"email":"a@example.com","roles":[{"name":"administrator"}]}`))
		if diff := cmp.Diff(map[int64][]string{1: {"roles/0 role_not_assignable"}}, problems); diff != "" {
			t.Error(diff)
		}
	})
}

// many are n rows, of which every tenth is wrong.
func many(n int) file {
	var b strings.Builder
	for i := range n {
		at := "@example.com"
		if i%10 == 9 {
			at = "@@"
		}
		fmt.Fprintf(&b, `{"email":"many%d%s","email_verified":true}`+"\n", i, at)
	}
	return file(b.String())
}

func TestImportGoesOn(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		src, k := many(3500), w.operator()
		plan, problems := w.checked(t, k, src)
		if len(problems) != 350 || plan.New != 3150 {
			t.Fatalf("%+v", plan)
		}
		// Cut after the second batch, as by a signal.
		ctx, cancel := context.WithCancel(t.Context())
		run, err := importing.Run(ctx, k, src, importing.Options{Name: "many"}, plan, func(run cardinal.ImportRun) {
			if run.Read >= 2000 {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("%+v, %v", run, err)
		}
		cut := must(importing.Get(t.Context(), k, run.ID))(t)
		if cut.State != "running" || cut.Read < 2000 || cut.Read >= 3500 || cut.Created+cut.Faulty != cut.Read {
			t.Fatalf("%+v", cut)
		}
		if plan, _ := w.checked(t, k, src); plan.Earlier == nil || plan.Earlier.ID != run.ID || plan.Existing != cut.Created {
			t.Errorf("%+v", plan)
		}
		nothing := func(int64) {}
		ignore := func(*importfile.Reader, *importfile.Row, []cardinal.Fault) error { return nil }
		_, err = importing.Resume(t.Context(), k, run.ID, many(3501), ignore, nothing, func(cardinal.ImportRun) {})
		refuses(t, err, "import_file_changed")
		run = must(importing.Resume(t.Context(), k, run.ID, src, ignore, nothing, func(cardinal.ImportRun) {}))(t)
		if run.State != "finished" || run.Read != 3500 || run.Created != 3150 || run.Faulty != 350 || run.Skipped != 0 {
			t.Errorf("%+v", run)
		}
		_, err = importing.Resume(t.Context(), k, run.ID, src, ignore, nothing, func(cardinal.ImportRun) {})
		refuses(t, err, "import_finished")
		if people := must(w.Store.Read(t.Context()).ImportedPeople(t.Context(), run.ID, uuid.Nil, 4000))(t); len(people) != 3150 {
			t.Errorf("%d people", len(people))
		}
	})
}

func TestImportIsUndone(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx, k := t.Context(), w.operator()
		run := w.imports(t, lines(
			`{"email":"ana@example.com","email_verified":true,"username":"ana","display_name":"Ana","country":"DE","attributes":{},"password_hash":"`+bcryptHash+`","roles":[{"name":"auditor"}]}`,
			`{"email":"bo@example.com","status":"suspended"}`,
			`{"email":"cy@example.com","status":"deleted"}`,
			`{"email":"dee@example.com","password_hash":"`+md5Hash+`"}`,
			`{"email":"eve@example.com"}`))
		ana := w.byEmail(t, "ana@example.com")
		w.signIn(t, "dee@example.com", "password")
		eve := w.byEmail(t, "eve@example.com")
		ok(t, errorOf(k.SuspendUser(ctx, eve.ID, eve.Version)))
		helper, _ := w.person(t, "support")
		_, err := importing.Undo(ctx, w.as(helper), run.ID, func(cardinal.ImportRun) {})
		refuses(t, err, "permission_missing")
		w.forget(t)
		run = must(importing.Undo(ctx, k, run.ID, func(cardinal.ImportRun) {}))(t)
		if run.State != "undone" || run.Undone != 3 || run.Kept != 2 {
			t.Fatalf("%+v", run)
		}
		if left := must(w.Store.Read(ctx).SearchTokens(ctx, ana.ID))(t); len(left) != 0 {
			t.Errorf("%d search tokens are left", len(left))
		}
		gone := w.user(t, ana.ID)
		if gone.Status != "erased" || gone.ErasedAt == nil {
			t.Errorf("%+v", gone)
		}
		if p := must(k.Profile(ctx, ana.ID))(t); p.DisplayName != "" || p.Username != "" || p.Country != "" {
			t.Errorf("%+v", p)
		}
		for _, e := range w.events(t) {
			if e.Action != "import.undo" {
				t.Errorf("%+v", e)
			}
			for _, row := range e.ChangedRows {
				w.stampFits(t, row)
			}
		}
		if again := must(importing.Undo(ctx, k, run.ID, func(cardinal.ImportRun) {}))(t); again.Undone != 3 {
			t.Errorf("%+v", again)
		}
		if now := must(importing.Get(ctx, k, run.ID))(t); now.Name != "" || now.UndoneAt == nil {
			t.Errorf("%+v", now)
		}
		// What was undone can be imported again.
		if plan, _ := w.checked(t, k, lines(`{"email":"ana@example.com","username":"ana"}`)); plan.New != 1 {
			t.Errorf("%+v", plan)
		}
	})
}

func TestImportWaitsForOlderNodes(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		now := time.Now()
		ok(t, w.Store.Write(t.Context(), func(tx store.Tx) error {
			return tx.InsertNode(t.Context(), store.Node{ID: cardinal.NewID(), Build: "older", SchemaNumber: 8, StartedAt: now, LastSeenAt: now})
		}))
		src := lines(`{"email":"a@example.com"}`)
		plan, _ := w.checked(t, w.operator(), src)
		_, err := importing.Run(t.Context(), w.operator(), src, importing.Options{}, plan, func(cardinal.ImportRun) {})
		refuses(t, err, "import_older_nodes")
	})
}

func errorOf[T any](_ T, err error) error { return err }
