package directory_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/importing"
	"cardinal/internal/signin"
	"cardinal/internal/store"
)

// importer is somebody who may import, and grant the role auditor.
func (w *world) importer(t testing.TB) (cardinal.User, directory.Desk) {
	t.Helper()
	u, _ := w.person(t)
	w.grant(t, u, w.holding(t, "users.import", "roles.grant", "users.read", "roles.read", "settings.read", "audit.read"), nil)
	return u, w.as(u)
}

// upload uploads a file.
func (w *world) upload(t testing.TB, k directory.Desk, in cardinal.NewImport, text string) cardinal.ImportRun {
	t.Helper()
	return must(importing.Upload(t.Context(), k, in, strings.NewReader(text)))(t)
}

// work does what the service has to do of imports, and returns how many pieces of work there were.
func (w *world) work(t testing.TB) (n int) {
	t.Helper()
	node := cardinal.NewID()
	for ; ; n++ {
		job, err := w.ClaimJob(t.Context(), node, time.Minute, "imports.run")
		if errors.Is(err, cardinal.ErrNotFound) {
			return n
		}
		ok(t, err)
		ok(t, w.As(cardinal.System()).RunJob(t.Context(), jobOf(t, job.Kind), job.ID))
		ok(t, w.EndJob(t.Context(), job, node, nil))
	}
}

// problems are the rows with problems, as they are read.
func (w *world) problems(t testing.TB, k directory.Desk, id uuid.UUID) string {
	t.Helper()
	in := must(importing.Problems(t.Context(), k, id))(t)
	defer in.Close()
	return string(must(io.ReadAll(in))(t))
}

// chunks counts what is kept of an import.
func (w *world) chunks(t testing.TB, id uuid.UUID) (n int) {
	t.Helper()
	for _, part := range []string{store.ImportFile, store.ImportProblems} {
		for number := int64(0); ; number++ {
			_, err := w.Store.Read(t.Context()).ImportChunk(t.Context(), id, part, number)
			if errors.Is(err, cardinal.ErrNotFound) {
				break
			}
			ok(t, err)
			n++
		}
	}
	return n
}

func (w *world) imported(t testing.TB, k directory.Desk, id uuid.UUID) cardinal.ImportRun {
	t.Helper()
	return must(importing.Get(t.Context(), k, id))(t)
}

const threePeople = "E-Mail,Team colour\nana@example.com,red\nbo@example,green\nana@example.com,blue\n"

func TestUpload(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		u, k := w.importer(t)
		run := w.upload(t, k, cardinal.NewImport{Name: "people.csv"}, threePeople)
		want := cardinal.ImportRun{ID: run.ID, ActorID: u.ID, Format: "csv", Name: "people.csv", State: "checking", CreatedAt: run.CreatedAt, UpdatedAt: run.UpdatedAt,
			Columns: []cardinal.ImportColumn{{Name: "E-Mail", Field: "email"}, {Name: "Team colour", Near: run.Columns[1].Near}}, Check: &cardinal.ImportCheck{Bytes: int64(len(threePeople))}}
		if diff := cmp.Diff(want, run); diff != "" {
			t.Fatal(diff)
		}
		_, err := importing.Start(ctx, k, run.ID)
		refuses(t, err, "import_unchecked")
		if n := w.work(t); n != 1 {
			t.Fatalf("%d pieces of work", n)
		}
		checked := w.imported(t, k, run.ID)
		if diff := cmp.Diff(&cardinal.ImportCheck{Bytes: int64(len(threePeople)), Rows: 3, New: 1, Faulty: 2}, checked.Check); diff != "" || checked.State != "checked" || checked.Created != 0 {
			t.Errorf("%s %+v", diff, checked)
		}
		t.Run("TellsOfTheRowsWithProblems", func(t *testing.T) {
			got := w.problems(t, k, run.ID)
			if rows := strings.Split(strings.TrimSpace(got), "\n"); len(rows) != 3 || rows[0] != "E-Mail,Team colour,problems" ||
				!strings.HasPrefix(rows[1], "bo@example,green,") || !strings.Contains(rows[2], "The other is row 1.") {
				t.Error(got)
			}
		})
		t.Run("OneAtATime", func(t *testing.T) {
			_, err := importing.Upload(ctx, k, cardinal.NewImport{}, strings.NewReader(threePeople))
			refuses(t, err, "import_unfinished")
		})
		t.Run("OnlyWhoUploadedStartsAndReads", func(t *testing.T) {
			_, other := w.importer(t)
			_, err := importing.Start(ctx, other, run.ID)
			refuses(t, err, "import_not_yours")
			_, err = importing.Problems(ctx, other, run.ID)
			refuses(t, err, "import_not_yours")
			if again := w.imported(t, other, run.ID); again.State != "checked" {
				t.Errorf("%+v", again)
			}
		})
		t.Run("StartMakesThem", func(t *testing.T) {
			w.forget(t)
			must(importing.Start(ctx, k, run.ID))(t)
			_, err := importing.Start(ctx, k, run.ID)
			refuses(t, err, "import_finished")
			w.tells(t, told{action: "import.start", actor: u.ID, subject: cardinal.SystemID})
			w.work(t)
			done := w.imported(t, k, run.ID)
			if done.State != "finished" || done.Created != 1 || done.Faulty != 2 || done.Read != 3 || done.StartedAt == nil {
				t.Errorf("%+v", done)
			}
			ana := w.byEmail(t, "ana@example.com")
			if events := must(w.Store.Read(ctx).ImportedPeople(ctx, run.ID, uuid.Nil, 5))(t); len(events) != 1 || events[0].SubjectID != ana.ID || events[0].ActorID != u.ID {
				t.Errorf("%+v", events)
			}
		})
		t.Run("TheFileIsGoneAfterAndTheProblemsAWeekLater", func(t *testing.T) {
			if n := w.chunks(t, run.ID); n != 1 || w.problems(t, k, run.ID) == "" {
				t.Errorf("%d chunks are kept", n)
			}
			before := must(w.Store.Read(ctx).Import(ctx, run.ID))(t)
			w.run(t, "imports.purge")
			w.Clock.Add(7 * 24 * time.Hour)
			w.run(t, "imports.purge")
			after := must(w.Store.Read(ctx).Import(ctx, run.ID))(t)
			if n := w.chunks(t, run.ID); n != 0 || w.problems(t, k, run.ID) != "" || bytes.Equal(before.WrappedKey, after.WrappedKey) || w.imported(t, k, run.ID).Name != "people.csv" {
				t.Errorf("%d chunks are kept, or the key that opened them is", n)
			}
		})
		t.Run("IsUndoneByTheService", func(t *testing.T) {
			_, other := w.importer(t)
			run := must(importing.StartUndo(ctx, other, run.ID))(t)
			if run.State != "undoing" {
				t.Errorf("%+v", run)
			}
			w.work(t)
			if done := w.imported(t, other, run.ID); done.State != "undone" || done.Undone != 1 || done.Name != "" {
				t.Errorf("%+v", done)
			}
		})
	})
}

func TestUploadStartedAtOnce(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		_, k := w.importer(t)
		var file strings.Builder
		for i := range 250 {
			fmt.Fprintf(&file, `{"email":"p%d@example.com","display_name":%q}`+"\n", i, strings.Repeat("x", 150))
		}
		file.WriteString(`{"email":"nobody"}` + "\n")
		run := w.upload(t, k, cardinal.NewImport{Start: true}, file.String())
		if w.work(t) != 1 || w.problems(t, k, run.ID) == "" {
			t.Error("it shall be checked and written by one piece of work, and its problems kept")
		}
		if done := w.imported(t, k, run.ID); done.State != "finished" || done.Created != 250 || done.Faulty != 1 || done.Check.Rows != 251 {
			t.Errorf("%+v", done)
		}
		again := w.upload(t, k, cardinal.NewImport{Start: true}, file.String())
		w.work(t)
		if done := w.imported(t, k, again.ID); done.State != "finished" || done.Created != 0 || done.Skipped != 250 {
			t.Errorf("%+v", done)
		}
	})
}

func TestUploadsThatEnd(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, k := w.importer(t)
		failed := func(t *testing.T, id uuid.UUID, why string) {
			t.Helper()
			if run := w.imported(t, k, id); run.State != "failed" || run.Problem != why || run.Created != 0 || w.chunks(t, id) != 0 {
				t.Errorf("%+v, and %d chunks", run, w.chunks(t, id))
			}
		}
		newest := func(t *testing.T) uuid.UUID {
			return must(importing.List(ctx, k, cardinal.Page{Limit: 1, Descending: true}))(t).Data[0].ID
		}
		t.Run("CutOnTheWay", func(t *testing.T) {
			cut := io.MultiReader(strings.NewReader(strings.Repeat(`{"email":"a@example.com"}`+"\n", 60_000)), iotest.ErrReader(io.ErrUnexpectedEOF))
			if _, err := importing.Upload(ctx, k, cardinal.NewImport{}, cut); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Error(err)
			}
			failed(t, newest(t), "It did not arrive whole")
		})
		t.Run("NoFile", func(t *testing.T) {
			_, err := importing.Upload(ctx, k, cardinal.NewImport{Format: "csv"}, strings.NewReader(`{"email":"a@example.com"}`))
			refuses(t, err, " import_file")
			failed(t, newest(t), `it is not csv: it begins with "{"`)
			_, err = importing.Upload(ctx, k, cardinal.NewImport{}, strings.NewReader(""))
			refuses(t, err, " import_file")
		})
		t.Run("HowItIsReadIsWrong", func(t *testing.T) {
			_, err := importing.Upload(ctx, k, cardinal.NewImport{Format: "excel", Name: strings.Repeat("x", 300), FirebaseHash: "none"}, strings.NewReader(threePeople))
			var invalid *cardinal.Invalid
			if !errors.As(err, &invalid) || len(invalid.Faults) != 3 {
				t.Errorf("%v", err)
			}
		})
		t.Run("BreaksInTheMiddle", func(t *testing.T) {
			run := w.upload(t, k, cardinal.NewImport{Start: true, Format: "auth0"}, `[{"email":"a@example.com"},{"email":"b@example.com"} oops`)
			w.work(t)
			if now := w.imported(t, k, run.ID); now.State != "failed" || now.Created != 0 || !strings.HasPrefix(now.Problem, "line 1: ") {
				t.Errorf("%+v", now)
			}
		})
		t.Run("RightsAreLost", func(t *testing.T) {
			who, k := w.importer(t)
			run := w.upload(t, k, cardinal.NewImport{Start: true}, threePeople)
			must(w.operator().SuspendUser(ctx, who.ID, who.Version))(t)
			w.work(t)
			failed(t, run.ID, "The rights to go on with it were lost")
		})
		t.Run("AsTheAPIKey", func(t *testing.T) {
			may := w.holding(t, "users.import")
			svc := w.service(t, "administrator", may)
			key := must(w.operator().CreateAPIKey(ctx, cardinal.NewAPIKey{UserID: svc.ID, Name: "k", RoleIDs: []uuid.UUID{w.role(t, may).ID}, ExpiresAt: w.Clock.Now().Add(time.Hour)}))(t)
			k := w.As(must(signin.Authenticate(ctx, w.Directory, key.Token.Reveal(), uuid.NullUUID{}, cardinal.Client{}))(t))
			run := w.upload(t, k, cardinal.NewImport{Start: true}, `{"email":"mighty@example.com","roles":[{"name":"administrator"}]}`)
			w.work(t)
			if done := w.imported(t, k, run.ID); done.Created != 0 || done.Check.Faulty != 1 {
				t.Errorf("a key that may grant nothing granted what its service holds: %+v", done)
			}
		})
		t.Run("TheAPIKeyIsRevoked", func(t *testing.T) {
			may := w.holding(t, "users.import")
			svc := w.service(t, may)
			key := must(w.operator().CreateAPIKey(ctx, cardinal.NewAPIKey{UserID: svc.ID, Name: "k", RoleIDs: []uuid.UUID{w.role(t, may).ID}, ExpiresAt: w.Clock.Now().Add(time.Hour)}))(t)
			run := w.upload(t, w.As(must(signin.Authenticate(ctx, w.Directory, key.Token.Reveal(), uuid.NullUUID{}, cardinal.Client{}))(t)), cardinal.NewImport{Start: true}, threePeople)
			must(w.operator().RevokeAPIKey(ctx, key.ID))(t)
			w.work(t)
			failed(t, run.ID, "The rights to go on with it were lost")
		})
		t.Run("NobodyStartedIt", func(t *testing.T) {
			_, k := w.importer(t)
			run := w.upload(t, k, cardinal.NewImport{}, threePeople)
			w.work(t)
			w.Clock.Add(7*24*time.Hour - time.Minute)
			w.run(t, "imports.purge")
			if now := must(w.Store.Read(ctx).Import(ctx, run.ID))(t); now.State != "checked" {
				t.Errorf("%+v", now)
			}
			w.Clock.Add(time.Minute)
			w.run(t, "imports.purge")
			failed(t, run.ID, "Nobody started it in time")
		})
		t.Run("DiedWithItsProcess", func(t *testing.T) {
			_, k := w.importer(t)
			began, dead := make(chan bool), make(chan bool)
			ended := make(chan error)
			go func() {
				_, err := importing.Upload(ctx, k, cardinal.NewImport{}, readerFunc(func([]byte) (int, error) {
					close(began)
					<-dead
					return 0, io.EOF
				}))
				ended <- err
			}()
			<-began
			id := newest(t)
			w.Clock.Add(time.Hour - time.Minute)
			w.run(t, "imports.purge")
			if now := w.imported(t, k, id); now.State != "uploading" {
				t.Errorf("%+v", now)
			}
			w.Clock.Add(time.Minute)
			w.run(t, "imports.purge")
			failed(t, id, "It did not arrive whole")
			close(dead)
			refuses(t, <-ended, " import_file") // of nothing
		})
	})
}

func TestUploadIsUndoneWhereverItIs(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, k := w.importer(t)
		t.Run("WhileItComes", func(t *testing.T) {
			first := true
			body := readerFunc(func(p []byte) (int, error) {
				if first {
					first = false
					for i := range p {
						p[i] = ' '
					}
					return len(p), nil
				}
				run := must(importing.List(ctx, k, cardinal.Page{Limit: 1, Descending: true}))(t).Data[0]
				if run.State != "uploading" {
					t.Errorf("%+v", run)
				}
				must(importing.StartUndo(ctx, k, run.ID))(t)
				return copy(p, `{"email":"a@example.com"}`), io.EOF
			})
			_, err := importing.Upload(ctx, k, cardinal.NewImport{}, body)
			refuses(t, err, "import_running_elsewhere")
		})
		w.work(t)
		t.Run("WhenItIsChecked", func(t *testing.T) {
			run := w.upload(t, k, cardinal.NewImport{}, threePeople)
			w.work(t)
			must(importing.StartUndo(ctx, k, run.ID))(t)
			w.work(t)
			if now := w.imported(t, k, run.ID); now.State != "undone" || now.Undone != 0 || w.chunks(t, run.ID) != 0 {
				t.Errorf("%+v", now)
			}
		})
		t.Run("FromTheShell", func(t *testing.T) {
			run := w.upload(t, k, cardinal.NewImport{Start: true}, threePeople)
			must(importing.Undo(ctx, w.operator(), run.ID, func(cardinal.ImportRun) {}))(t)
			w.work(t)
			if now := w.imported(t, k, run.ID); now.State != "undone" || now.Created != 0 {
				t.Errorf("%+v", now)
			}
		})
		t.Run("AndAnImportOfTheShellByTheService", func(t *testing.T) {
			run := w.imports(t, lines(`{"email":"shell@example.com"}`))
			must(importing.StartUndo(ctx, k, run.ID))(t)
			w.work(t)
			if now := w.imported(t, k, run.ID); now.State != "undone" || now.Undone != 1 {
				t.Errorf("%+v", now)
			}
		})
		t.Run("ResumingItIsTheServicesToDo", func(t *testing.T) {
			run := w.upload(t, k, cardinal.NewImport{}, threePeople)
			_, err := importing.Resume(ctx, w.operator(), run.ID, file(threePeople), nil, nil, nil)
			refuses(t, err, "import_running_elsewhere")
			must(importing.StartUndo(ctx, k, run.ID))(t)
			w.work(t)
			_, err = importing.Resume(ctx, w.operator(), run.ID, file(threePeople), nil, nil, nil)
			refuses(t, err, "import_finished")
		})
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// What is kept of a file opens only where it stands.
func TestUploadIsSealed(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, k := w.importer(t)
		run := w.upload(t, k, cardinal.NewImport{}, threePeople)
		w.work(t)
		_, other := w.importer(t)
		second := w.upload(t, other, cardinal.NewImport{}, threePeople)
		r := w.Store.Read(ctx)
		sealed := must(r.ImportChunk(ctx, run.ID, store.ImportFile, 0))(t)
		if bytes.Contains(sealed, []byte("ana@example.com")) {
			t.Error("the file is kept in clear")
		}
		moved := func(to store.ImportChunk) {
			ok(t, w.Store.Write(ctx, func(tx store.Tx) error {
				if err := tx.DeleteImportChunks(ctx, to.RunID, to.Part); err != nil {
					return err
				}
				return tx.InsertImportChunk(ctx, to)
			}))
		}
		moved(store.ImportChunk{RunID: second.ID, Part: store.ImportFile, ContentSealed: sealed})
		if _, err := importing.Get(ctx, other, second.ID); err == nil {
			t.Error("a chunk of another import opens")
		}
		moved(store.ImportChunk{RunID: run.ID, Part: store.ImportProblems, ContentSealed: sealed})
		in := must(importing.Problems(ctx, k, run.ID))(t)
		if text, err := io.ReadAll(in); err == nil {
			t.Errorf("a chunk of the file opens as one of the problems: %s", text)
		}
	})
}
