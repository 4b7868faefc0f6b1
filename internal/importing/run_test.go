package importing_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/access"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/importing"
	"cardinal/internal/store"
)

const (
	bcryptHash = "$2a$10$CCCCCCCCCCCCCCCCCCCCC.KgQljzbljH4iwhlg3oTf8buusOTZRX6" // of U*U
	md5Hash    = "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/"                           // of password
)

// TestPathStaysOnServer: readers of an import that the command line started learn the name of its file. The path is for
// a resume without FILE.
func TestPathStaysOnServer(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx, k, src := t.Context(), w.Operator(), lines(`{"email":"ana@example.com","email_verified":true}`)
		plan, _ := checkFile(t, w, k, src)
		o := importing.Options{Name: "/srv/files/people.csv"}
		run := value(importing.Run(ctx, k, src, o, plan, noProgress))(t)
		read := []cardinal.ImportRun{value(importing.Get(ctx, k, run.ID))(t)}
		for _, r := range append(read, value(importing.List(ctx, k, cardinal.Page{Limit: 1}))(t).Data...) {
			text, err := json.Marshal(r)
			if err != nil || strings.Contains(string(text), "srv") || r.Name != "people.csv" || r.Path != o.Name {
				t.Errorf("%v %s", err, text)
			}
		}
	})
}

func TestRun(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx, k := t.Context(), w.Operator()
		src := lines(
			`{"email":"ana@example.com","email_verified":true,"display_name":"Ana","username":"ana",`+
				`"password_hash":"`+bcryptHash+`","created_at":"2024-03-01T10:00:00Z","roles":[{"name":"auditor"}]}`,
			`{"email":"bo@example.com","password_hash":"`+bcryptHash+`"}`,
			`{"email":"cy@example.com","email_verified":true,"phone":"+442079460000",`+
				`"password_hash":"`+md5Hash+`","must_change_password":true}`,
			`{"username":"dee","status":"suspended","country":"de","locale":"de-DE"}`,
			`{"username":"eva","status":"deleted","deleted_at":"2025-01-01T00:00:00Z",`+
				`"created_at":"2024-01-01T00:00:00Z"}`,
			`{"id":"01900000-0000-7000-8000-000000000001","kind":"service","display_name":"billing"}`)
		plan, problems := checkFile(t, w, k, src)
		if diff := cmp.Diff(map[int64][]string{}, problems); diff != "" || plan.New != 6 || plan.Rows != 6 {
			t.Fatalf("%+v %s", plan, diff)
		}
		diff := cmp.Diff(map[string]int64{"bcrypt": 2, "MD5-crypt (weak: wrapped in Argon2id)": 1}, plan.Hashes)
		if diff != "" {
			t.Error(diff)
		}
		w.ResetEvents(t)
		run := importFile(t, w, src)
		want := cardinal.ImportRun{
			ID: run.ID, ActorID: cardinal.OperatorID, Format: "ndjson", Name: "people", State: "finished", Read: 6,
			Created: 6, CreatedAt: run.CreatedAt, UpdatedAt: run.UpdatedAt, FinishedAt: run.FinishedAt,
		}
		if diff := cmp.Diff(want, value(importing.Get(ctx, k, run.ID))(t)); diff != "" {
			t.Error(diff)
		}
		t.Run("CreatesUsers", func(t *testing.T) {
			ana := w.UserByEmail(t, "ana@example.com")
			created := time.Date(2024, 3, 1, 10, 0, 0, 0, time.UTC)
			if ana.Status != "active" || !ana.CreatedAt.Equal(created) || ana.Profile.DisplayName != "Ana" ||
				ana.Profile.Username != "ana" {
				t.Errorf("%+v", ana)
			}
			grants := value(access.Grants(ctx, k, ana.ID, cardinal.Page{Limit: 5}))(t).Data
			if len(grants) != 1 || grants[0].RoleName != "auditor" {
				t.Errorf("%+v", grants)
			}
			if cy := w.UserByEmail(t, "cy@example.com"); len(value(k.Contacts(ctx, cy.ID))(t)) != 2 {
				t.Errorf("%+v", cy)
			}
			for status, count := range map[string]int{"suspended": 1, "deleted": 1} {
				filter := cardinal.UserFilter{Page: cardinal.Page{Limit: 5}, Status: status}
				if n := len(value(k.Users(ctx, filter, false))(t).Data); n != count {
					t.Errorf("%d users are %s", n, status)
				}
			}
			if s := w.User(t, uuid.MustParse("01900000-0000-7000-8000-000000000001")); s.Kind != "service" {
				t.Errorf("%+v", s)
			}
		})
		t.Run("SignInReplacesHash", func(t *testing.T) {
			for email, password := range map[string]string{
				"ana@example.com": "U*U", "bo@example.com": "U*U", "cy@example.com": "password",
			} {
				id := w.UserByEmail(t, email).ID
				before := value(w.Store.Read(ctx).Credential(ctx, id))(t)
				in := w.SignIn(t, email, password)
				if in.MustChangePassword != (email == "cy@example.com") {
					t.Errorf("%s: must change %v", email, in.MustChangePassword)
				}
				after := value(w.Store.Read(ctx).Credential(ctx, id))(t)
				if !strings.HasPrefix(after.Hash, "$argon2id$") || after.Hash == before.Hash {
					t.Errorf("%s has %.20s after, %.20s before", email, after.Hash, before.Hash)
				}
				w.SignIn(t, email, password)
			}
		})
		t.Run("DuplicateSaltWrapped", func(t *testing.T) {
			again := importFile(t, w, lines(`{"email":"fay@example.com","password_hash":"`+bcryptHash+`"}`,
				`{"email":"gil@example.com","password_hash":"`+bcryptHash+`"}`))
			if again.Created != 2 {
				t.Fatalf("%+v", again)
			}
			gil := value(w.Store.Read(ctx).Credential(ctx, w.UserByEmail(t, "gil@example.com").ID))(t)
			if !strings.HasPrefix(gil.Hash, "$argon2id-over$") ||
				strings.Contains(gil.Hash, "E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW") {
				t.Errorf("is stored as %.30s", gil.Hash)
			}
			w.SignIn(t, "fay@example.com", "U*U")
			w.SignIn(t, "gil@example.com", "U*U")
		})
		t.Run("SecondImportSkipsAll", func(t *testing.T) {
			plan, problems := checkFile(t, w, k, src)
			if plan.New != 0 || plan.Existing != 6 || plan.Earlier == nil || plan.Earlier.ID != run.ID {
				t.Errorf("%+v %v", plan, problems)
			}
		})
	})
}

// TestRunEvents: an import records the same events as CreateUser: one per user, with the stamps of all its rows.
func TestRunEvents(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		run := importFile(t, w, lines(
			`{"email":"ana@example.com","email_verified":true,"username":"ana","password_hash":"`+bcryptHash+`",`+
				`"roles":[{"name":"auditor"}]}`,
			`{"phone":"+442079460000"}`))
		people := value(w.Store.Read(t.Context()).ImportedUserEvents(t.Context(), run.ID, uuid.Nil, 10))(t)
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
				w.ExpectStamp(t, row)
			}
		}
		want := map[string]int{
			"users": 2, "profiles": 2, "user_keys": 2, "contacts": 2, "identifiers": 3, "credentials": 1,
			"user_roles": 1,
		}
		if diff := cmp.Diff(want, tables); diff != "" {
			t.Error(diff)
		}
	})
}

// TestRunConcurrentUsers: a user who was created between the check and the import violates a constraint, and is
// skipped.
func TestRunConcurrentUsers(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		id := cardinal.NewID().String()
		src := lines(`{"email":"ana@example.com"}`,
			`{"email":"bo@example.com","email_verified":true,"password_hash":"`+bcryptHash+`"}`,
			`{"id":"`+id+`","username":"cy"}`,
			`{"id":"`+cardinal.NewID().String()+`","username":"dee"}`, `{"username":"eva"}`)
		plan, _ := checkFile(t, w, w.Operator(), src)
		value(w.Operator().CreateUser(t.Context(), cardinal.NewUser{Email: "ana@example.com", EmailVerified: true}))(t)
		importFile(t, w, lines(`{"username":"dee"}`, `{"id":"`+id+`"}`,
			`{"username":"fay","password_hash":"`+bcryptHash+`"}`))
		run := value(importing.Run(t.Context(), w.Operator(), src, importing.Options{}, plan, noProgress))(t)
		if run.Created != 2 || run.Skipped != 2 || run.Invalid != 1 {
			t.Errorf("%+v", run)
		}
		w.SignIn(t, "bo@example.com", "U*U")
	})
}

// numberedRows returns a file of n rows. Every tenth is invalid.
func numberedRows(n int) file {
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

func TestResume(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		src, k := numberedRows(350), w.Operator()
		plan, problems := checkFile(t, w, k, src)
		if len(problems) != 35 || plan.New != 315 {
			t.Fatalf("%+v", plan)
		}
		// The import is interrupted after the second batch, as by a signal.
		ctx, cancel := context.WithCancel(t.Context())
		run, err := importing.Run(ctx, k, src, importing.Options{Name: "many"}, plan, func(run cardinal.ImportRun) {
			if run.Read >= 200 {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("%+v, %v", run, err)
		}
		stored := value(importing.Get(t.Context(), k, run.ID))(t)
		if stored.State != "running" || stored.Read < 200 || stored.Read >= 350 ||
			stored.Created+stored.Invalid != stored.Read {
			t.Fatalf("%+v", stored)
		}
		plan, _ = checkFile(t, w, k, src)
		if plan.Earlier == nil || plan.Earlier.ID != run.ID || plan.Existing != stored.Created {
			t.Errorf("%+v", plan)
		}
		_, err = importing.Resume(t.Context(), k, run.ID, numberedRows(351), ignoreRow, noRows, noProgress)
		expectRefusal(t, err, "import_file_changed")
		run = value(importing.Resume(t.Context(), k, run.ID, src, ignoreRow, noRows, noProgress))(t)
		if run.State != "finished" || run.Read != 350 || run.Created != 315 || run.Invalid != 35 || run.Skipped != 0 {
			t.Errorf("%+v", run)
		}
		_, err = importing.Resume(t.Context(), k, run.ID, src, ignoreRow, noRows, noProgress)
		expectRefusal(t, err, "import_finished")
		people := value(w.Store.Read(t.Context()).ImportedUserEvents(t.Context(), run.ID, uuid.Nil, 400))(t)
		if len(people) != 315 {
			t.Errorf("%d users", len(people))
		}
	})
}

func TestRunWithOlderNode(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		now := time.Now()
		noError(t, w.Store.Write(t.Context(), func(tx store.Tx) error {
			return tx.InsertNode(t.Context(), store.Node{
				ID: cardinal.NewID(), Build: "older", SchemaNumber: 8, StartedAt: now, LastSeenAt: now,
			})
		}))
		src := lines(`{"email":"a@example.com"}`)
		plan, _ := checkFile(t, w, w.Operator(), src)
		_, err := importing.Run(t.Context(), w.Operator(), src, importing.Options{}, plan, noProgress)
		expectRefusal(t, err, "import_older_nodes")
	})
}

func TestRunSearchTokens(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx, k := t.Context(), w.Operator()
		value(k.CreateAttributeDefinition(ctx, cardinal.NewAttributeDefinition{
			Name: "team", Description: "Team.", ValueType: "string", IsSearchable: true,
		}))(t)
		importFile(t, w, lines(
			`{"email":"ines.silva@example.com","display_name":"Inês da Silva","attributes":{"team":"blue"}}`))
		w.RunJob(t, "search.build")
		w.Clock.Add(time.Minute)
		w.RunJob(t, "search.build")
		for name, filter := range map[string]cardinal.UserFilter{
			"Words":     {Search: "ines si"},
			"Domain":    {Search: "ines @example.com"},
			"Attribute": {Attributes: map[string]any{"team": "blue"}},
		} {
			filter.Limit = 2
			if found := value(k.Users(ctx, filter, false))(t).Data; len(found) != 1 {
				t.Errorf("%s: %d users found", name, len(found))
			}
		}
	})
}

// TestRunNotesSchemes: with the users, an import commits which schemes their hashes have. Sign-ins take the time of the
// most expensive one.
func TestRunNotesSchemes(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		importFile(t, w, lines(`{"email":"ana@example.com","password_hash":"`+bcryptHash+`"}`,
			`{"email":"bo@example.com","password_hash":"`+md5Hash+`"}`))
		var names []string
		for _, s := range value(w.Store.Read(t.Context()).PasswordSchemes(t.Context()))(t) {
			names = append(names, s.Name)
		}
		if diff := cmp.Diff([]string{"2a", "argon2id-over 1"}, names); diff != "" {
			t.Error(diff)
		}
	})
}

// TestPermissionLostDuringImport: each batch needs the permissions, not only the first one.
func TestPermissionLostDuringImport(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		for name, row := range map[string]string{
			"users.import":    `{"email":"%s%d@example.com"}`,
			"contacts.verify": `{"email":"%s%d@example.com","email_verified":true}`,
			"roles.grant":     `{"email":"%s%d@example.com","roles":[{"name":"auditor"}]}`,
		} {
			t.Run(name, func(t *testing.T) {
				importer, _ := w.NewPerson(t, w.NewRole(t, "users.read", "sessions.read", "roles.read", "access.check",
					"audit.read", "api_keys.read", "settings.read"))
				lost := "" // the role that the importer loses
				for _, permission := range []string{"users.import", "contacts.verify", "roles.grant"} {
					role := w.NewRole(t, permission)
					w.Grant(t, importer, role, nil)
					if permission == name {
						lost = role
					}
				}
				var rows []string
				for i := range 250 {
					rows = append(rows, fmt.Sprintf(row, strings.ReplaceAll(name, ".", ""), i))
				}
				k, people := w.DeskOf(importer), lines(rows...)
				plan, problems := checkFile(t, w, k, people)
				if len(problems) > 0 {
					t.Fatal(problems)
				}
				run, err := importing.Run(ctx, k, people, importing.Options{}, plan, func(run cardinal.ImportRun) {
					if run.Created == 100 {
						noError(t, access.RevokeGrant(ctx, w.Operator(), importer.ID, w.Role(t, lost).ID))
					}
				})
				if !errors.Is(err, cardinal.ErrForbidden) || run.Created != 100 {
					t.Errorf("%d users were created, want 100: %v", run.Created, err)
				}
			})
		}
	})
}
