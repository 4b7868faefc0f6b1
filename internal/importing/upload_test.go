package importing_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/access"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/importing"
	"cardinal/internal/store"
)

// upload uploads a file with a text.
func upload(t testing.TB, k directory.Desk, in cardinal.NewImport, text string) cardinal.ImportRun {
	t.Helper()
	return value(importing.Upload(t.Context(), k, in, strings.NewReader(text)))(t)
}

// runImportJobs runs all due jobs of imports and returns their number.
func runImportJobs(t testing.TB, w *world) (n int) {
	t.Helper()
	node := cardinal.NewID()
	for ; ; n++ {
		job, err := w.ClaimJob(t.Context(), node, time.Minute, "imports.run")
		if errors.Is(err, cardinal.ErrNotFound) {
			return n
		}
		noError(t, err)
		noError(t, w.As(cardinal.System()).RunJob(t.Context(), directorytest.JobOf(t, job.Kind), job.ID))
		noError(t, w.EndJob(t.Context(), job, node, nil))
	}
}

// readProblems returns the rows with problems.
func readProblems(t testing.TB, k directory.Desk, id uuid.UUID) string {
	t.Helper()
	in := value(importing.Problems(t.Context(), k, id))(t)
	defer in.Close()
	return string(value(io.ReadAll(in))(t))
}

// countChunks counts the stored chunks of an import.
func countChunks(t testing.TB, w *world, id uuid.UUID) (n int) {
	t.Helper()
	for _, part := range []string{store.ImportFile, store.ImportProblems} {
		for number := int64(0); ; number++ {
			_, err := w.Store.Read(t.Context()).ImportChunk(t.Context(), id, part, number)
			if errors.Is(err, cardinal.ErrNotFound) {
				break
			}
			noError(t, err)
			n++
		}
	}
	return n
}

func getImport(t testing.TB, k directory.Desk, id uuid.UUID) cardinal.ImportRun {
	t.Helper()
	return value(importing.Get(t.Context(), k, id))(t)
}

const threeRows = "E-Mail,Team colour\nana@example.com,red\nbo@example,green\nana@example.com,blue\n"

func TestUpload(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		u, k := newImporter(t, w)
		run := upload(t, k, cardinal.NewImport{Name: "people.csv"}, threeRows)
		want := cardinal.ImportRun{
			ID: run.ID, ActorID: u.ID, Format: "csv", Name: "people.csv", State: "checking",
			CreatedAt: run.CreatedAt, UpdatedAt: run.UpdatedAt,
			Columns: []cardinal.ImportColumn{
				{Name: "E-Mail", Field: "email"}, {Name: "Team colour", Near: run.Columns[1].Near},
			},
			Check: &cardinal.ImportCheck{Bytes: int64(len(threeRows))},
		}
		if diff := cmp.Diff(want, run); diff != "" {
			t.Fatal(diff)
		}
		_, err := importing.Start(ctx, k, run.ID)
		expectRefusal(t, err, "import_unchecked")
		if n := runImportJobs(t, w); n != 1 {
			t.Fatalf("%d jobs ran", n)
		}
		checked := getImport(t, k, run.ID)
		diff := cmp.Diff(
			&cardinal.ImportCheck{Bytes: int64(len(threeRows)), Rows: 3, New: 1, Invalid: 2},
			checked.Check,
		)
		if diff != "" || checked.State != "checked" || checked.Created != 0 {
			t.Errorf("%s %+v", diff, checked)
		}
		t.Run("Problems", func(t *testing.T) {
			got := readProblems(t, k, run.ID)
			rows := strings.Split(strings.TrimSpace(got), "\n")
			if len(rows) != 3 || rows[0] != "E-Mail,Team colour,problems" ||
				!strings.HasPrefix(rows[1], "bo@example,green,") || !strings.Contains(rows[2], "The other is row 1.") {
				t.Error(got)
			}
		})
		t.Run("OneUnfinished", func(t *testing.T) {
			_, err := importing.Upload(ctx, k, cardinal.NewImport{}, strings.NewReader(threeRows))
			expectRefusal(t, err, "import_unfinished")
		})
		t.Run("OnlyUploader", func(t *testing.T) {
			_, other := newImporter(t, w)
			_, err := importing.Start(ctx, other, run.ID)
			expectRefusal(t, err, "import_not_yours")
			_, err = importing.Problems(ctx, other, run.ID)
			expectRefusal(t, err, "import_not_yours")
			if again := getImport(t, other, run.ID); again.State != "checked" {
				t.Errorf("%+v", again)
			}
		})
		t.Run("StartCreatesUsers", func(t *testing.T) {
			w.ResetEvents(t)
			value(importing.Start(ctx, k, run.ID))(t)
			_, err := importing.Start(ctx, k, run.ID)
			expectRefusal(t, err, "import_finished")
			w.ExpectEvents(t, event{Action: "import.start", Actor: u.ID, Subject: cardinal.SystemID})
			runImportJobs(t, w)
			done := getImport(t, k, run.ID)
			if done.State != "finished" || done.Created != 1 || done.Invalid != 2 || done.Read != 3 ||
				done.StartedAt == nil {
				t.Errorf("%+v", done)
			}
			ana := w.UserByEmail(t, "ana@example.com")
			events := value(w.Store.Read(ctx).ImportedUserEvents(ctx, run.ID, uuid.Nil, 5))(t)
			if len(events) != 1 || events[0].SubjectID != ana.ID || events[0].ActorID != u.ID {
				t.Errorf("%+v", events)
			}
		})
		t.Run("FileAndProblemsDeleted", func(t *testing.T) {
			if n := countChunks(t, w, run.ID); n != 1 || readProblems(t, k, run.ID) == "" {
				t.Errorf("%d chunks are stored", n)
			}
			before := value(w.Store.Read(ctx).Import(ctx, run.ID))(t)
			w.RunJob(t, "imports.purge")
			w.Clock.Add(7 * 24 * time.Hour)
			w.RunJob(t, "imports.purge")
			after := value(w.Store.Read(ctx).Import(ctx, run.ID))(t)
			n, sameKey := countChunks(t, w, run.ID), bytes.Equal(before.WrappedKey, after.WrappedKey)
			if n != 0 || sameKey || readProblems(t, k, run.ID) != "" || getImport(t, k, run.ID).Name != "people.csv" {
				t.Errorf("%d chunks are stored, or their key was not replaced", n)
			}
		})
		t.Run("UndoByService", func(t *testing.T) {
			manager, other := newImporter(t, w)
			w.Grant(t, manager, w.NewRole(t, "imports.manage"), nil)
			run := value(importing.StartUndo(ctx, other, run.ID))(t)
			if run.State != "undoing" {
				t.Errorf("%+v", run)
			}
			runImportJobs(t, w)
			if done := getImport(t, other, run.ID); done.State != "undone" || done.Undone != 1 || done.Name != "" {
				t.Errorf("%+v", done)
			}
		})
	})
}

func TestUploadWithStart(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		_, k := newImporter(t, w)
		var file strings.Builder
		for i := range 250 {
			fmt.Fprintf(&file, `{"email":"p%d@example.com","display_name":%q}`+"\n", i, strings.Repeat("x", 150))
		}
		file.WriteString(`{"email":"no-address"}` + "\n")
		run := upload(t, k, cardinal.NewImport{Start: true}, file.String())
		if runImportJobs(t, w) != 1 || readProblems(t, k, run.ID) == "" {
			t.Error("want one job that checks and imports the file and stores its problems")
		}
		done := getImport(t, k, run.ID)
		if done.State != "finished" || done.Created != 250 || done.Invalid != 1 || done.Check.Rows != 251 {
			t.Errorf("%+v", done)
		}
		again := upload(t, k, cardinal.NewImport{Start: true}, file.String())
		runImportJobs(t, w)
		if done := getImport(t, k, again.ID); done.State != "finished" || done.Created != 0 || done.Skipped != 250 {
			t.Errorf("%+v", done)
		}
	})
}

func TestUploadFailures(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, k := newImporter(t, w)
		failed := func(t *testing.T, id uuid.UUID, why string) {
			t.Helper()
			run := getImport(t, k, id)
			if run.State != "failed" || run.Problem != why || run.Created != 0 || countChunks(t, w, id) != 0 {
				t.Errorf("%+v, and %d chunks", run, countChunks(t, w, id))
			}
		}
		newest := func(t *testing.T) uuid.UUID {
			return value(importing.List(ctx, k, cardinal.Page{Limit: 1, Descending: true}))(t).Data[0].ID
		}
		t.Run("Interrupted", func(t *testing.T) {
			interrupted := io.MultiReader(strings.NewReader(strings.Repeat(`{"email":"a@example.com"}`+"\n", 60_000)),
				iotest.ErrReader(io.ErrUnexpectedEOF))
			_, err := importing.Upload(ctx, k, cardinal.NewImport{}, interrupted)
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Error(err)
			}
			failed(t, newest(t), "The upload was incomplete")
		})
		t.Run("WrongFormat", func(t *testing.T) {
			_, err := importing.Upload(ctx, k, cardinal.NewImport{Format: "csv"},
				strings.NewReader(`{"email":"a@example.com"}`))
			expectRefusal(t, err, " import_file")
			failed(t, newest(t), `it is not csv: it begins with "{"`)
			_, err = importing.Upload(ctx, k, cardinal.NewImport{}, strings.NewReader(""))
			expectRefusal(t, err, " import_file")
		})
		t.Run("InvalidOptions", func(t *testing.T) {
			in := cardinal.NewImport{Format: "excel", Name: strings.Repeat("x", 300), FirebaseHash: "none"}
			_, err := importing.Upload(ctx, k, in, strings.NewReader(threeRows))
			var invalid *cardinal.InvalidInput
			if !errors.As(err, &invalid) || len(invalid.Errors) != 3 {
				t.Errorf("%v", err)
			}
		})
		t.Run("MalformedRow", func(t *testing.T) {
			run := upload(t, k, cardinal.NewImport{Start: true, Format: "auth0"},
				`[{"email":"a@example.com"},{"email":"b@example.com"} oops`)
			runImportJobs(t, w)
			now := getImport(t, k, run.ID)
			if now.State != "failed" || now.Created != 0 || !strings.HasPrefix(now.Problem, "line 1: ") {
				t.Errorf("%+v", now)
			}
		})
		t.Run("PermissionLost", func(t *testing.T) {
			uploader, k := newImporter(t, w)
			run := upload(t, k, cardinal.NewImport{Start: true}, threeRows)
			value(w.Operator().SuspendUser(ctx, uploader.ID, uploader.Version))(t)
			runImportJobs(t, w)
			failed(t, run.ID, "The user who requested it is no longer allowed to import users")
		})
		t.Run("APIKeyPermissions", func(t *testing.T) {
			role := w.NewRole(t, "users.import")
			svc := w.NewService(t, "administrator", role)
			key := w.NewAPIKey(t, svc, role)
			k := w.DeskOfToken(t, key.Token)
			run := upload(t, k, cardinal.NewImport{Start: true},
				`{"email":"admin@example.com","roles":[{"name":"administrator"}]}`)
			runImportJobs(t, w)
			if done := getImport(t, k, run.ID); done.Created != 0 || done.Check.Invalid != 1 {
				t.Errorf("an API key without the permission granted a role of its service: %+v", done)
			}
		})
		t.Run("APIKeyRevoked", func(t *testing.T) {
			role := w.NewRole(t, "users.import")
			svc := w.NewService(t, role)
			key := w.NewAPIKey(t, svc, role)
			run := upload(t, w.DeskOfToken(t, key.Token), cardinal.NewImport{Start: true}, threeRows)
			value(access.RevokeAPIKey(ctx, w.Operator(), key.ID))(t)
			runImportJobs(t, w)
			failed(t, run.ID, "The user who requested it is no longer allowed to import users")
		})
		t.Run("NotStarted", func(t *testing.T) {
			_, k := newImporter(t, w)
			run := upload(t, k, cardinal.NewImport{}, threeRows)
			runImportJobs(t, w)
			w.Clock.Add(7*24*time.Hour - time.Minute)
			w.RunJob(t, "imports.purge")
			if now := value(w.Store.Read(ctx).Import(ctx, run.ID))(t); now.State != "checked" {
				t.Errorf("%+v", now)
			}
			w.Clock.Add(time.Minute)
			w.RunJob(t, "imports.purge")
			failed(t, run.ID, "The import was not started in time")
		})
		t.Run("ProcessStopped", func(t *testing.T) {
			_, k := newImporter(t, w)
			started, stop := make(chan bool), make(chan bool)
			ended := make(chan error)
			go func() {
				_, err := importing.Upload(ctx, k, cardinal.NewImport{}, readerFunc(func([]byte) (int, error) {
					close(started)
					<-stop
					return 0, io.EOF
				}))
				ended <- err
			}()
			<-started
			id := newest(t)
			w.Clock.Add(time.Hour - time.Minute)
			w.RunJob(t, "imports.purge")
			if now := getImport(t, k, id); now.State != "uploading" {
				t.Errorf("%+v", now)
			}
			w.Clock.Add(time.Minute)
			w.RunJob(t, "imports.purge")
			failed(t, id, "The upload was incomplete")
			close(stop)
			expectRefusal(t, <-ended, " import_file") // the file is empty
		})
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestUploadEncrypted: a stored chunk can be decrypted only in its own place.
func TestUploadEncrypted(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, k := newImporter(t, w)
		run := upload(t, k, cardinal.NewImport{}, threeRows)
		runImportJobs(t, w)
		_, other := newImporter(t, w)
		second := upload(t, other, cardinal.NewImport{}, threeRows)
		r := w.Store.Read(ctx)
		encrypted := value(r.ImportChunk(ctx, run.ID, store.ImportFile, 0))(t)
		if bytes.Contains(encrypted, []byte("ana@example.com")) {
			t.Error("the file is stored in clear text")
		}
		move := func(to store.ImportChunk) {
			noError(t, w.Store.Write(ctx, func(tx store.Tx) error {
				if err := tx.DeleteImportChunks(ctx, to.RunID, to.Part); err != nil {
					return err
				}
				return tx.InsertImportChunk(ctx, to)
			}))
		}
		move(store.ImportChunk{RunID: second.ID, Part: store.ImportFile, ContentSealed: encrypted})
		if run := value(importing.Get(ctx, other, second.ID))(t); run.Columns != nil ||
			!slices.Equal(run.Unreadable, []string{"columns"}) {
			t.Errorf("with a chunk of another import: columns %v, unreadable %v", run.Columns, run.Unreadable)
		}
		move(store.ImportChunk{RunID: run.ID, Part: store.ImportProblems, ContentSealed: encrypted})
		in := value(importing.Problems(ctx, k, run.ID))(t)
		if text, err := io.ReadAll(in); err == nil {
			t.Errorf("a chunk of the file was decrypted as one of the problems: %s", text)
		}
	})
}
