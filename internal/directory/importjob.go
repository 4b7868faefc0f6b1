package directory

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/importfile"
	"cardinal/internal/store"
)

// importJob is the kind of work that goes on with an import; the job has the id of the run.
const importJob = "imports.run"

const (
	// importProblems bounds the rows with problems that are kept, in bytes: a file of gigabytes may have nothing else.
	importProblems = 64 << 20
	// importTold is after how many rows the check writes down how far it has come.
	importTold = 10_000
	// importKept is how long a file waits to be started, and rows with problems wait to be read.
	importKept = 7 * 24 * time.Hour
	// importSilence is after how long without a chunk an upload has died with its process.
	importSilence = time.Hour
)

// goOnWithImport does what is to be done of an import by the service, one stage after the other.
func (d *Directory) goOnWithImport(ctx context.Context, id uuid.UUID) error {
	var plan *ImportPlan
	for {
		record, err := d.store.Read(ctx).Import(ctx, id)
		if err != nil {
			return err
		}
		do, ok := importStages[record.State]
		if !ok || record.Stage == nil {
			return nil
		}
		// It is done with the rights of who asked for it, as they are now.
		k := d.As(cardinal.Actor{UserID: record.ActingID.UUID, APIKeyID: record.ActingKeyID, Assurance: 1})
		if err = d.RequireActiveActor(ctx, k.actor); err == nil {
			plan, err = do(k, ctx, record, plan)
		}
		switch {
		case errors.Is(err, importfile.ErrFile):
			err = d.failImport(ctx, id, record.State, fileProblem(err))
		case errors.Is(err, cardinal.ErrForbidden):
			err = d.failImport(ctx, id, record.State, "The rights to go on with it were lost")
		case errors.Is(err, errElsewhere):
			now, reading := d.store.Read(ctx).Import(ctx, id)
			if reading == nil && now.State != record.State {
				err = nil // somebody wants something else of it
			}
		}
		if err != nil {
			return err
		}
	}
}

// importStages are the states of a run in which the service has something to do. The plan is of the check, as long as this process
// has it.
var importStages = map[string]func(k Desk, ctx context.Context, record store.ImportRecord, plan *ImportPlan) (*ImportPlan, error){
	"checking": func(k Desk, ctx context.Context, record store.ImportRecord, _ *ImportPlan) (*ImportPlan, error) {
		return k.checkUploaded(ctx, record)
	},
	"running": func(k Desk, ctx context.Context, record store.ImportRecord, plan *ImportPlan) (*ImportPlan, error) {
		return nil, k.writeUploaded(ctx, record, plan)
	},
	"undoing": func(k Desk, ctx context.Context, record store.ImportRecord, _ *ImportPlan) (*ImportPlan, error) {
		_, err := k.goOnUndoing(ctx, record.ImportRun, func(cardinal.ImportRun) {})
		return nil, err
	},
}

// checkUploaded checks every row of an uploaded file and keeps those with problems.
func (k Desk) checkUploaded(ctx context.Context, record store.ImportRecord) (*ImportPlan, error) {
	_, details, err := k.d.openImport(record)
	if err != nil {
		return nil, err
	}
	src, err := k.d.uploadedFile(ctx, record)
	if err != nil {
		return nil, err
	}
	// A check that was cut left some.
	if err := k.d.changeImport(ctx, record.ID, "checking", func(tx store.Tx, _ *store.ImportRecord) error {
		return tx.DeleteImportChunks(ctx, record.ID, store.ImportProblems)
	}); err != nil {
		return nil, err
	}
	kept, err := k.d.chunkWriter(ctx, record, store.ImportProblems)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var problems *importfile.Problems
	plan, err := k.CheckImport(ctx, src, details.ImportOptions, func(r *importfile.Reader, row *importfile.Row, faults []cardinal.Fault) error {
		if kept.number*importChunk >= importProblems {
			return nil
		}
		if problems == nil {
			problems = r.Problems(kept)
		}
		return problems.Write(row, faults)
	}, func(rows int64) {
		if rows%importTold != 0 {
			return
		}
		cancelOn(cancel, k.d.changeImport(ctx, record.ID, "checking", func(_ store.Tx, record *store.ImportRecord) error {
			record.Check.Rows = max(rows, record.Check.Rows)
			return nil
		}))
	})
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause
	}
	if err == nil && problems != nil {
		err = errors.Join(problems.Flush(), kept.flush())
	}
	if err != nil {
		return nil, err
	}
	return &plan, k.d.changeImport(ctx, record.ID, "checking", func(_ store.Tx, record *store.ImportRecord) error {
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
func (k Desk) writeUploaded(ctx context.Context, record store.ImportRecord, plan *ImportPlan) error {
	_, details, err := k.d.openImport(record)
	if err != nil {
		return err
	}
	src, err := k.d.uploadedFile(ctx, record)
	if err != nil {
		return err
	}
	if plan == nil {
		again, err := k.CheckImport(ctx, src, details.ImportOptions, func(*importfile.Reader, *importfile.Row, []cardinal.Fault) error { return nil }, func(int64) {})
		if err != nil {
			return err
		}
		plan = &again
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	_, err = k.goOn(ctx, record, src, details.File, *plan, func(cardinal.ImportRun) { cancelOn(cancel, k.d.RequireActiveActor(ctx, k.actor)) })
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// failImport ends a run that cannot go on, and destroys the file with the key that opened it.
func (d *Directory) failImport(ctx context.Context, id uuid.UUID, state, why string) error {
	_, err := Change(ctx, d.As(cardinal.System()), Rule{Action: "import.fail", Permission: "jobs.run"}, func(tx *Tx) (struct{}, error) {
		record, err := tx.importIn(ctx, id, state)
		if err != nil {
			return struct{}{}, err
		}
		_, details, err := d.openImport(record)
		if err != nil {
			return struct{}{}, err
		}
		failed := "failed"
		record.Stage, details.Problem = &failed, why
		tx.ofImport(id)
		return struct{}{}, tx.forgetUpload(ctx, record, details)
	})
	return err
}

// forgetUpload deletes all that is kept of an uploaded file, and seals the rest of the run under a new key.
func (tx *Tx) forgetUpload(ctx context.Context, record store.ImportRecord, details importDetails) error {
	if err := tx.DeleteImportChunks(ctx, record.ID, store.ImportFile, store.ImportProblems); err != nil {
		return err
	}
	if err := tx.Desk.d.sealImport(&record, details); err != nil {
		return err
	}
	return tx.UpdateImport(ctx, record, tx.Now)
}

// purgeImports ends uploads that died, and files that nobody started, and deletes rows with problems that were kept long enough.
func (k Desk) purgeImports(ctx context.Context) error {
	records, err := k.d.store.Read(ctx).OpenImports(ctx)
	if err != nil {
		return err
	}
	for _, record := range records {
		silent := k.d.Now().Sub(record.UpdatedAt)
		switch {
		case record.State == "uploading" && silent >= importSilence:
			err = k.d.failImport(ctx, record.ID, record.State, "It did not arrive whole")
		case record.State == "checked" && silent >= importKept:
			err = k.d.failImport(ctx, record.ID, record.State, "Nobody started it in time")
		case record.State == "finished" && silent >= importKept:
			err = k.forgetProblems(ctx, record.ID)
		}
		if err != nil && !errors.Is(err, errElsewhere) {
			return err
		}
	}
	return nil
}

func (k Desk) forgetProblems(ctx context.Context, id uuid.UUID) error {
	_, err := Change(ctx, k, Rule{Action: "import.purge", Permission: "jobs.run"}, func(tx *Tx) (struct{}, error) {
		record, err := tx.importIn(ctx, id, "finished")
		if err != nil {
			return struct{}{}, err
		}
		_, details, err := k.d.openImport(record)
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, tx.forgetUpload(ctx, record, details)
	})
	return err
}
