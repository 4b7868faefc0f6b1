package importing_test

import (
	"fmt"
	"io"
	"testing"

	"cardinal"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/importing"
)

func TestUndo(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx, k := t.Context(), w.Operator()
		run := importFile(t, w, lines(
			`{"email":"ana@example.com","email_verified":true,"username":"ana","display_name":"Ana",`+
				`"country":"DE","attributes":{},"password_hash":"`+bcryptHash+`","roles":[{"name":"auditor"}]}`,
			`{"email":"bo@example.com","status":"suspended"}`,
			`{"email":"cy@example.com","status":"deleted"}`,
			`{"email":"dee@example.com","password_hash":"`+md5Hash+`"}`,
			`{"email":"eve@example.com"}`))
		ana := w.UserByEmail(t, "ana@example.com")
		w.SignIn(t, "dee@example.com", "password")
		eve := w.UserByEmail(t, "eve@example.com")
		value(k.SuspendUser(ctx, eve.ID, eve.Version))(t)
		helper, _ := w.NewPerson(t, "support")
		_, err := importing.Undo(ctx, w.DeskOf(helper), run.ID, noProgress)
		expectRefusal(t, err, "permission_missing")
		w.ResetEvents(t)
		kept := map[string]int{}
		run = value(importing.Undo(ctx, k, run.ID, noProgress))(t)
		if run.State != "undone" || run.Undone != 3 || run.Kept != 2 {
			t.Fatalf("%+v", run)
		}
		if left := value(w.Store.Read(ctx).SearchTokens(ctx, ana.ID))(t); len(left) != 0 {
			t.Errorf("%d search tokens are left", len(left))
		}
		gone := w.User(t, ana.ID)
		if gone.Status != "erased" || gone.ErasedAt == nil {
			t.Errorf("%+v", gone)
		}
		if p := value(k.Profile(ctx, ana.ID))(t); p.DisplayName != "" || p.Username != "" || p.Country != "" {
			t.Errorf("%+v", p)
		}
		for _, e := range w.Events(t) {
			if e.Action != "import.undo" || e.RequestID == nil || *e.RequestID != run.ID {
				t.Errorf("%+v", e)
			}
			if e.IsRefused {
				kept[fmt.Sprint(e.Changes["import_runs.rows_kept"].To)]++
			}
			for _, row := range e.ChangedRows {
				w.ExpectStamp(t, row)
			}
		}
		if len(kept) != 1 || kept["changed"] != 2 {
			t.Errorf("users that were kept, by the reason in the audit log: %v", kept)
		}
		if again := value(importing.Undo(ctx, k, run.ID, noProgress))(t); again.Undone != 3 {
			t.Errorf("%+v", again)
		}
		if now := value(importing.Get(ctx, k, run.ID))(t); now.Name != "" || now.UndoneAt == nil {
			t.Errorf("%+v", now)
		}
		// Users of an undone import can be imported again.
		if plan, _ := checkFile(t, w, k, lines(`{"email":"ana@example.com","username":"ana"}`)); plan.New != 1 {
			t.Errorf("%+v", plan)
		}
	})
}

func TestUndoUpload(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		importer, k := newImporter(t, w)
		t.Run("WhileUploading", func(t *testing.T) {
			first := true
			body := readerFunc(func(p []byte) (int, error) {
				if first {
					first = false
					for i := range p {
						p[i] = ' '
					}
					return len(p), nil
				}
				run := value(importing.List(ctx, k, cardinal.Page{Limit: 1, Descending: true}))(t).Data[0]
				if run.State != "uploading" {
					t.Errorf("%+v", run)
				}
				value(importing.StartUndo(ctx, k, run.ID))(t)
				return copy(p, `{"email":"a@example.com"}`), io.EOF
			})
			_, err := importing.Upload(ctx, k, cardinal.NewImport{}, body)
			expectRefusal(t, err, "import_running_elsewhere")
		})
		runImportJobs(t, w)
		t.Run("AfterCheck", func(t *testing.T) {
			run := upload(t, k, cardinal.NewImport{}, threeRows)
			runImportJobs(t, w)
			value(importing.StartUndo(ctx, k, run.ID))(t)
			runImportJobs(t, w)
			now := getImport(t, k, run.ID)
			if now.State != "undone" || now.Undone != 0 || countChunks(t, w, run.ID) != 0 {
				t.Errorf("%+v", now)
			}
		})
		t.Run("ByCommandLine", func(t *testing.T) {
			run := upload(t, k, cardinal.NewImport{Start: true}, threeRows)
			value(importing.Undo(ctx, w.Operator(), run.ID, noProgress))(t)
			runImportJobs(t, w)
			if now := getImport(t, k, run.ID); now.State != "undone" || now.Created != 0 {
				t.Errorf("%+v", now)
			}
		})
		t.Run("ImportOfCommandLine", func(t *testing.T) {
			run := importFile(t, w, lines(`{"email":"shell@example.com"}`))
			_, err := importing.StartUndo(ctx, k, run.ID)
			expectRefusal(t, err, "import_not_yours")
			w.Grant(t, importer, w.NewRole(t, "imports.manage"), nil)
			value(importing.StartUndo(ctx, k, run.ID))(t)
			runImportJobs(t, w)
			if now := getImport(t, k, run.ID); now.State != "undone" || now.Undone != 1 {
				t.Errorf("%+v", now)
			}
		})
		t.Run("ResumeRefused", func(t *testing.T) {
			run := upload(t, k, cardinal.NewImport{}, threeRows)
			_, err := importing.Resume(ctx, w.Operator(), run.ID, file(threeRows), nil, nil, nil)
			expectRefusal(t, err, "import_running_elsewhere")
			value(importing.StartUndo(ctx, k, run.ID))(t)
			runImportJobs(t, w)
			_, err = importing.Resume(ctx, w.Operator(), run.ID, file(threeRows), nil, nil, nil)
			expectRefusal(t, err, "import_finished")
		})
	})
}

// TestUndoKeepsUsersWithMore: an undo erases no user who has permissions that the caller does not have.
func TestUndoKeepsUsersWithMore(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.NewPerson(t, "administrator")
		run := importFile(t, w, lines(
			`{"email":"chief@example.com","email_verified":true,"roles":[{"name":"administrator"}]}`,
			`{"email":"clerk@example.com","roles":[{"name":"auditor"}]}`,
			`{"email":"user@example.com"}`))
		chief := w.UserByEmail(t, "chief@example.com")
		importer, _ := w.NewPerson(t, w.NewRole(t, "users.import"))
		undo := func() (cardinal.ImportRun, error) {
			return importing.Undo(ctx, w.DeskOf(importer), run.ID, noProgress)
		}
		w.ResetEvents(t)
		_, err := undo()
		expectRefusal(t, err, "import_not_yours")
		w.ExpectEvents(t, event{
			Action: "import.undo", Actor: importer.ID, Subject: cardinal.SystemID, Refused: true,
		})
		w.Grant(t, importer, w.NewRole(t, "imports.manage"), nil)
		w.ResetEvents(t)
		undone := value(undo())(t)
		if undone.State != "undone" || undone.Undone != 1 || undone.Kept != 2 {
			t.Errorf("undone %+v", undone)
		}
		if u := w.User(t, chief.ID); u.Status != "active" {
			t.Errorf("the administrator is %s", u.Status)
		}
		reasons := map[string]int{}
		for _, e := range w.Events(t) {
			if e.IsRefused {
				reasons[fmt.Sprint(e.Changes["import_runs.rows_kept"].To)]++
			}
		}
		if len(reasons) != 1 || reasons["target_has_more_permissions"] != 2 {
			t.Errorf("users that were kept, by reason: %v", reasons)
		}
	})
}

// TestUndoKeepsLastAdministrator: the undo of an import goes on although it cannot erase one user.
func TestUndoKeepsLastAdministrator(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		run := importFile(t, w, lines(
			`{"email":"chief@example.com","email_verified":true,"roles":[{"name":"administrator"}]}`,
			`{"email":"user@example.com"}`))
		undone := value(importing.Undo(t.Context(), w.Operator(), run.ID, noProgress))(t)
		if undone.State != "undone" || undone.Undone != 1 || undone.Kept != 1 {
			t.Errorf("undone %+v", undone)
		}
	})
}

// TestStartByAnotherUser: an import that another user starts gives only what its uploader can give.
func TestStartByAnotherUser(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		uploader, _ := w.NewPerson(t, w.NewRole(t, "users.import"))
		run := upload(t, w.DeskOf(uploader), cardinal.NewImport{},
			`{"email":"mine@example.com","roles":[{"name":"administrator"}]}`+"\n"+`{"email":"plain@example.com"}`)
		runImportJobs(t, w)
		other, _ := w.NewPerson(t, w.NewRole(t, "users.import"))
		_, err := importing.Start(ctx, w.DeskOf(other), run.ID)
		expectRefusal(t, err, "import_not_yours")
		admin, _ := w.NewPerson(t, "administrator")
		value(importing.Start(ctx, w.DeskOf(admin), run.ID))(t)
		runImportJobs(t, w)
		done := value(importing.Get(ctx, w.DeskOf(admin), run.ID))(t)
		if done.State != "finished" || done.Created != 1 || done.Invalid != 1 {
			t.Errorf("finished %+v", done)
		}
		_, err = importing.Problems(ctx, w.DeskOf(admin), run.ID)
		expectRefusal(t, err, "import_not_yours")
	})
}
