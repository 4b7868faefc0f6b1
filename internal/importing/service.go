package importing

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/importfile"
	"cardinal/internal/store"
)

const (
	// maxProblemBytes bounds the stored rows with problems: every row of a file of gigabytes can have one.
	maxProblemBytes = 64 << 20
	// progressEvery is after how many rows the check stores its progress.
	progressEvery = 10_000
)

// Why an import failed, in addition to what fileProblem returns. They are stored with the import and shown to its
// users.
const (
	problemIncomplete = "The upload was incomplete"
	problemNotStarted = "The import was not started in time"
	problemForbidden  = "The user who requested it is no longer allowed to import users"
)

// continueRun does the work of the service on an import, one stage after the other.
func continueRun(ctx context.Context, d *directory.Directory, id uuid.UUID) error {
	var plan *Plan
	for {
		record, err := d.Store().Read(ctx).Import(ctx, id)
		if err != nil {
			return err
		}
		runStage, ok := stages[record.State]
		if !ok || record.Stage == nil {
			return nil
		}
		// The service works with the permissions that the user who requested the stage has now.
		k := d.As(cardinal.Actor{UserID: record.ActingID.UUID, APIKeyID: record.ActingKeyID, Assurance: 1})
		if err = d.RequireActiveActor(ctx, k.Actor()); err == nil {
			plan, err = runStage(ctx, k, record, plan)
		}
		switch {
		case errors.Is(err, importfile.ErrFile):
			err = failRun(ctx, d, id, record.State, fileProblem(err))
		case errors.Is(err, cardinal.ErrForbidden):
			err = failRun(ctx, d, id, record.State, problemForbidden)
		case errors.Is(err, errRunningElsewhere):
			current, failed := d.Store().Read(ctx).Import(ctx, id)
			if failed == nil && current.State != record.State {
				err = nil // a user requested another stage meanwhile, such as an undo
			}
		}
		if err != nil {
			return err
		}
	}
}

// stages are the states of an import in which the service has work to do. The plan is passed from the check to the
// writing, if both are done by this process.
var stages = map[string]func(
	ctx context.Context, k directory.Desk, record store.ImportRecord, plan *Plan,
) (*Plan, error){
	"checking": func(ctx context.Context, k directory.Desk, record store.ImportRecord, _ *Plan) (*Plan, error) {
		return checkUploaded(ctx, k, record)
	},
	"running": func(ctx context.Context, k directory.Desk, record store.ImportRecord, plan *Plan) (*Plan, error) {
		return nil, writeUploaded(ctx, k, record, plan)
	},
	"undoing": func(ctx context.Context, k directory.Desk, record store.ImportRecord, _ *Plan) (*Plan, error) {
		_, err := continueUndo(ctx, k, record.ImportRun, func(cardinal.ImportRun) {})
		return nil, err
	},
}

// checkUploaded checks every row of an uploaded file, stores those with problems, and moves the import to its next
// stage.
func checkUploaded(ctx context.Context, k directory.Desk, record store.ImportRecord) (*Plan, error) {
	d := k.Directory()
	_, details, err := decryptRun(d, record)
	if err != nil {
		return nil, err
	}
	file, err := uploadedFile(d, record)
	if err != nil {
		return nil, err
	}
	problems, err := newProblemWriter(ctx, d, record)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	onInvalid := func(r *importfile.Reader, row *importfile.Row, fieldErrors []cardinal.FieldError) error {
		return problems.write(ctx, r, row, fieldErrors)
	}
	plan, err := Check(ctx, k, file.source(ctx), details.Options, onInvalid, func(rows int64) {
		if rows%progressEvery == 0 {
			cancelOnError(cancel, storeProgress(ctx, d, record.ID, rows))
		}
	})
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause
	}
	if err == nil {
		err = problems.flush(ctx)
	}
	if err != nil {
		return nil, err
	}
	return &plan, storeCheck(ctx, d, record.ID, plan)
}

func cancelOnError(cancel context.CancelCauseFunc, err error) {
	if err != nil {
		cancel(err)
	}
}

// storeProgress stores how many rows the check has read.
func storeProgress(ctx context.Context, d *directory.Directory, id uuid.UUID, rows int64) error {
	return updateRun(ctx, d, id, "checking", func(_ store.Tx, record *store.ImportRecord) error {
		record.Check.Rows = max(rows, record.Check.Rows)
		return nil
	})
}

// storeCheck stores what the check found. An import that was started meanwhile is written next; otherwise it waits
// for Start.
func storeCheck(ctx context.Context, d *directory.Directory, id uuid.UUID, plan Plan) error {
	return updateRun(ctx, d, id, "checking", func(_ store.Tx, record *store.ImportRecord) error {
		check := record.Check
		check.Rows, check.New, check.Existing, check.Invalid = plan.Rows, plan.New, plan.Existing, plan.Invalid
		stage := "checked"
		if record.StartedAt != nil {
			stage = "running"
		}
		record.Stage = &stage
		return nil
	})
}

// problemWriter stores the rows of an uploaded file that have problems, up to maxProblemBytes.
type problemWriter struct {
	chunks *chunkWriter
	file   *importfile.ProblemsWriter // nil before the first row
}

// newProblemWriter deletes what an interrupted check stored, and returns a writer.
func newProblemWriter(
	ctx context.Context, d *directory.Directory, record store.ImportRecord,
) (*problemWriter, error) {
	err := updateRun(ctx, d, record.ID, "checking", func(tx store.Tx, _ *store.ImportRecord) error {
		return tx.DeleteImportChunks(ctx, record.ID, store.ImportProblems)
	})
	if err != nil {
		return nil, err
	}
	chunks, err := newChunkWriter(d, record, store.ImportProblems)
	return &problemWriter{chunks: chunks}, err
}

func (w *problemWriter) write(
	ctx context.Context, r *importfile.Reader, row *importfile.Row, fieldErrors []cardinal.FieldError,
) error {
	if w.chunks.number*chunkSize >= maxProblemBytes {
		return nil
	}
	if w.file == nil {
		w.file = r.ProblemsWriter(w.chunks.writer(ctx))
	}
	return w.file.Write(row, fieldErrors)
}

func (w *problemWriter) flush(ctx context.Context) error {
	if w.file == nil {
		return nil
	}
	return errors.Join(w.file.Flush(), w.chunks.flush(ctx))
}

// writeUploaded creates the users of an uploaded file. Without the plan of its check, because another process did
// that, it checks the file again.
func writeUploaded(ctx context.Context, k directory.Desk, record store.ImportRecord, plan *Plan) error {
	_, details, err := decryptRun(k.Directory(), record)
	if err != nil {
		return err
	}
	file, err := uploadedFile(k.Directory(), record)
	if err != nil {
		return err
	}
	if plan == nil {
		checked, err := Check(ctx, k, file.source(ctx), details.Options, ignoreInvalid, func(int64) {})
		if err != nil {
			return err
		}
		plan = &checked
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	_, err = runImport(ctx, k, record, file.source(ctx), details.File, *plan, func(cardinal.ImportRun) {
		cancelOnError(cancel, k.Directory().RequireActiveActor(ctx, k.Actor()))
	})
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// failRun ends an import that cannot continue, and deletes its file and the key of the file.
func failRun(ctx context.Context, d *directory.Directory, id uuid.UUID, state, problem string) error {
	rule := directory.Rule{Action: "import.fail", Permission: "jobs.run"}
	_, err := directory.Change(ctx, d.As(cardinal.System()), rule, func(tx *directory.Tx) (struct{}, error) {
		record, err := lockRun(ctx, tx, id, state)
		if err != nil {
			return struct{}{}, err
		}
		_, details := readRun(d, record)
		failed := "failed"
		record.Stage, details.Problem = &failed, problem
		recordRun(tx, id)
		return struct{}{}, deleteUpload(ctx, tx, record, details)
	})
	return err
}

// deleteUpload deletes all that is stored of an uploaded file, and encrypts the details of the import under a new
// key: a copy of the file in a backup cannot be decrypted any more.
func deleteUpload(ctx context.Context, tx *directory.Tx, record store.ImportRecord, details details) error {
	if err := tx.DeleteImportChunks(ctx, record.ID, store.ImportFile, store.ImportProblems); err != nil {
		return err
	}
	if err := encryptDetails(tx.Desk.Directory(), &record, details); err != nil {
		return err
	}
	return tx.UpdateImport(ctx, record, tx.Now)
}
