package importing

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/importfile"
	"cardinal/internal/store"
)

const (
	// maxProblemBytes bounds the rows with problems that are kept, in bytes: a file of gigabytes may have nothing else.
	maxProblemBytes = 64 << 20
	// progressEvery is after how many rows the check writes down how far it has come.
	progressEvery = 10_000
	// retention is how long a file waits to be started, and rows with problems wait to be read.
	retention = 7 * 24 * time.Hour
	// uploadTimeout is after how long without a chunk an upload has died with its process.
	uploadTimeout = time.Hour
)

// continueRun does what is to be done of an import by the service, one stage after the other.
func continueRun(ctx context.Context, d *directory.Directory, id uuid.UUID) error {
	var plan *Plan
	for {
		record, err := d.Store().Read(ctx).Import(ctx, id)
		if err != nil {
			return err
		}
		do, ok := stages[record.State]
		if !ok || record.Stage == nil {
			return nil
		}
		// It is done with the rights of who asked for it, as they are now.
		k := d.As(cardinal.Actor{UserID: record.ActingID.UUID, APIKeyID: record.ActingKeyID, Assurance: 1})
		if err = d.RequireActiveActor(ctx, k.Actor()); err == nil {
			plan, err = do(k, ctx, record, plan)
		}
		switch {
		case errors.Is(err, importfile.ErrFile):
			err = failRun(ctx, d, id, record.State, fileProblem(err))
		case errors.Is(err, cardinal.ErrForbidden):
			err = failRun(ctx, d, id, record.State, "The rights to go on with it were lost")
		case errors.Is(err, errRunningElsewhere):
			now, reading := d.Store().Read(ctx).Import(ctx, id)
			if reading == nil && now.State != record.State {
				err = nil // somebody wants something else of it
			}
		}
		if err != nil {
			return err
		}
	}
}

// stages are the states of a run in which the service has something to do. The plan is of the check, as long as this process
// has it.
var stages = map[string]func(k directory.Desk, ctx context.Context, record store.ImportRecord, plan *Plan) (*Plan, error){
	"checking": func(k directory.Desk, ctx context.Context, record store.ImportRecord, _ *Plan) (*Plan, error) {
		return checkUploaded(ctx, k, record)
	},
	"running": func(k directory.Desk, ctx context.Context, record store.ImportRecord, plan *Plan) (*Plan, error) {
		return nil, writeUploaded(ctx, k, record, plan)
	},
	"undoing": func(k directory.Desk, ctx context.Context, record store.ImportRecord, _ *Plan) (*Plan, error) {
		_, err := continueUndo(ctx, k, record.ImportRun, func(cardinal.ImportRun) {})
		return nil, err
	},
}

// checkUploaded checks every row of an uploaded file and keeps those with problems.
func checkUploaded(ctx context.Context, k directory.Desk, record store.ImportRecord) (*Plan, error) {
	_, details, err := decryptRun(k.Directory(), record)
	if err != nil {
		return nil, err
	}
	file, err := uploadedFile(k.Directory(), record)
	if err != nil {
		return nil, err
	}
	// A check that was cut left some.
	if err := updateRun(ctx, k.Directory(), record.ID, "checking", func(tx store.Tx, _ *store.ImportRecord) error {
		return tx.DeleteImportChunks(ctx, record.ID, store.ImportProblems)
	}); err != nil {
		return nil, err
	}
	kept, err := newChunkWriter(k.Directory(), record, store.ImportProblems)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var problems *importfile.Problems
	plan, err := Check(ctx, k, file.source(ctx), details.Options, func(r *importfile.Reader, row *importfile.Row, faults []cardinal.Fault) error {
		if kept.number*chunkSize >= maxProblemBytes {
			return nil
		}
		if problems == nil {
			problems = r.Problems(kept.writer(ctx))
		}
		return problems.Write(row, faults)
	}, func(rows int64) {
		if rows%progressEvery != 0 {
			return
		}
		cancelOn(cancel, updateRun(ctx, k.Directory(), record.ID, "checking", func(_ store.Tx, record *store.ImportRecord) error {
			record.Check.Rows = max(rows, record.Check.Rows)
			return nil
		}))
	})
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause
	}
	if err == nil && problems != nil {
		err = errors.Join(problems.Flush(), kept.flush(ctx))
	}
	if err != nil {
		return nil, err
	}
	return &plan, updateRun(ctx, k.Directory(), record.ID, "checking", func(_ store.Tx, record *store.ImportRecord) error {
		record.Check.Rows, record.Check.New, record.Check.Existing, record.Check.Faulty = plan.Rows, plan.New, plan.Existing, plan.Faulty
		stage := "checked"
		if record.StartedAt != nil {
			stage = "running"
		}
		record.Stage = &stage
		return nil
	})
}

func cancelOn(cancel context.CancelCauseFunc, err error) {
	if err != nil {
		cancel(err)
	}
}

// writeUploaded makes the people of an uploaded file. Without the plan of its check, which this process may not have, it is checked
// once more.
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
		again, err := Check(ctx, k, file.source(ctx), details.Options, func(*importfile.Reader, *importfile.Row, []cardinal.Fault) error { return nil }, func(int64) {})
		if err != nil {
			return err
		}
		plan = &again
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	_, err = runImport(ctx, k, record, file.source(ctx), details.File, *plan, func(cardinal.ImportRun) { cancelOn(cancel, k.Directory().RequireActiveActor(ctx, k.Actor())) })
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// failRun ends a run that cannot go on, and destroys the file with the key that opened it.
func failRun(ctx context.Context, d *directory.Directory, id uuid.UUID, state, why string) error {
	_, err := directory.Change(ctx, d.As(cardinal.System()), directory.Rule{Action: "import.fail", Permission: "jobs.run"}, func(tx *directory.Tx) (struct{}, error) {
		record, err := lockRun(ctx, tx, id, state)
		if err != nil {
			return struct{}{}, err
		}
		_, details, err := decryptRun(d, record)
		if err != nil {
			return struct{}{}, err
		}
		failed := "failed"
		record.Stage, details.Problem = &failed, why
		recordRun(tx, id)
		return struct{}{}, deleteUpload(ctx, tx, record, details)
	})
	return err
}

// deleteUpload deletes all that is kept of an uploaded file, and seals the rest of the run under a new key.
func deleteUpload(ctx context.Context, tx *directory.Tx, record store.ImportRecord, details details) error {
	if err := tx.DeleteImportChunks(ctx, record.ID, store.ImportFile, store.ImportProblems); err != nil {
		return err
	}
	if err := encryptDetails(tx.Desk.Directory(), &record, details); err != nil {
		return err
	}
	return tx.UpdateImport(ctx, record, tx.Now)
}

// purge ends uploads that died, and files that nobody started, and deletes rows with problems that were kept long enough.
func purge(ctx context.Context, k directory.Desk) error {
	records, err := k.Directory().Store().Read(ctx).OpenImports(ctx)
	if err != nil {
		return err
	}
	for _, record := range records {
		silent := k.Directory().Now().Sub(record.UpdatedAt)
		switch {
		case record.State == "uploading" && silent >= uploadTimeout:
			err = failRun(ctx, k.Directory(), record.ID, record.State, "It did not arrive whole")
		case record.State == "checked" && silent >= retention:
			err = failRun(ctx, k.Directory(), record.ID, record.State, "Nobody started it in time")
		case record.State == "finished" && silent >= retention:
			err = deleteProblems(ctx, k, record.ID)
		}
		if err != nil && !errors.Is(err, errRunningElsewhere) {
			return err
		}
	}
	return nil
}

func deleteProblems(ctx context.Context, k directory.Desk, id uuid.UUID) error {
	_, err := directory.Change(ctx, k, directory.Rule{Action: "import.purge", Permission: "jobs.run"}, func(tx *directory.Tx) (struct{}, error) {
		record, err := lockRun(ctx, tx, id, "finished")
		if err != nil {
			return struct{}{}, err
		}
		_, details, err := decryptRun(k.Directory(), record)
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, deleteUpload(ctx, tx, record, details)
	})
	return err
}
