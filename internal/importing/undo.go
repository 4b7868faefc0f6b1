package importing

import (
	"context"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/seal"
	"cardinal/internal/store"
)

// Undo erases the people that a run made, but those who changed since or signed in. It can be cut and gone on with.
func Undo(ctx context.Context, k directory.Desk, id uuid.UUID, onProgress func(cardinal.ImportRun)) (cardinal.ImportRun, error) {
	run, err := insertUndo(ctx, k, id, false)
	if err != nil || run.State == "undone" {
		return run, err
	}
	return continueUndo(ctx, k, run, onProgress)
}

// StartUndo lets the service undo an import, with the rights of who asks for it.
func StartUndo(ctx context.Context, k directory.Desk, id uuid.UUID) (cardinal.ImportRun, error) {
	return insertUndo(ctx, k, id, true)
}

// insertUndo ends whatever is going on with a run, so that nobody is made while others are erased.
func insertUndo(ctx context.Context, k directory.Desk, id uuid.UUID, byService bool) (cardinal.ImportRun, error) {
	return directory.Change(ctx, k, directory.Rule{Action: "import.undo", Permission: "users.import"}, func(tx *directory.Tx) (cardinal.ImportRun, error) {
		record, err := tx.ImportForChange(ctx, id)
		if err != nil {
			return record.ImportRun, err
		}
		if record.State == "undone" {
			return record.ImportRun, nil
		}
		setStage(tx, &record, "undoing")
		if byService {
			recordRun(tx, id)
			err = tx.PutJob(ctx, id, runJob, tx.Now)
		}
		if err == nil {
			err = tx.UpdateImport(ctx, record, tx.Now)
		}
		if err != nil {
			return record.ImportRun, err
		}
		run, _, err := decryptRun(k.Directory(), record)
		return run, err
	})
}

func continueUndo(ctx context.Context, k directory.Desk, run cardinal.ImportRun, onProgress func(cardinal.ImportRun)) (cardinal.ImportRun, error) {
	var after uuid.UUID
	for skip := run.Undone + run.Kept; ; {
		people, err := k.Directory().Store().Read(ctx).ImportedPeople(ctx, run.ID, after, directory.BatchSize)
		if err != nil {
			return run, err
		}
		people = people[:min(len(people), directory.BatchSize)]
		last := len(people) < directory.BatchSize
		if len(people) > 0 {
			after = people[len(people)-1].ID
		}
		over := min(skip, int64(len(people)))
		skip -= over
		if run, err = undoBatch(ctx, k, run, people[over:], last); err != nil || last {
			return run, err
		}
		onProgress(run)
	}
}

// undoBatch erases some people of a run, each with an event, and after the last destroys the key of the run.
func undoBatch(ctx context.Context, k directory.Desk, run cardinal.ImportRun, people []cardinal.AuditEvent, last bool) (cardinal.ImportRun, error) {
	return directory.Change(ctx, k, directory.Rule{Action: "import.undo", Permission: "users.import"}, func(tx *directory.Tx) (cardinal.ImportRun, error) {
		record, err := tx.ImportForChange(ctx, run.ID)
		if err != nil {
			return record.ImportRun, err
		}
		if record.State != "undoing" || record.Undone+record.Kept != run.Undone+run.Kept {
			return record.ImportRun, errRunningElsewhere
		}
		ids := make([]uuid.UUID, len(people))
		for i, e := range people {
			ids[i] = e.SubjectID
		}
		untouched, err := tx.UntouchedAmong(ctx, ids)
		if err != nil {
			return record.ImportRun, err
		}
		erased, err := tx.ErasePeople(ctx, untouched, tx.Now)
		if err != nil {
			return record.ImportRun, err
		}
		for _, p := range erased {
			e := tx.Event
			e.ID, e.SubjectID, e.RequestID = cardinal.NewID(), p.User.ID, &record.ID
			profile, err := store.StampProfile(p.Profile)
			if err != nil {
				return record.ImportRun, err
			}
			e.ChangedRows = []cardinal.RowStamp{store.StampUser(p.User), profile, store.Gone("user_keys", p.User.ID)}
			e.Changes = k.Directory().ColumnChanges(map[string]any{"users.status": p.User.Status})
			tx.RelatedEvents = append(tx.RelatedEvents, e)
		}
		record.Undone += int64(len(erased))
		record.Kept += int64(len(people) - len(erased))
		if last {
			if record.FinishedAt == nil {
				record.FinishedAt = &tx.Now // what was cut is over, too
			}
			record.UndoneAt, record.State, record.Name = &tx.Now, "undone", ""
			record.KEKID, record.WrappedKey, record.DetailsSealed = uuid.NullUUID{}, nil, seal.Placeholder()
			recordRun(tx, run.ID)
			if err := tx.DeleteImportChunks(ctx, run.ID, store.ImportFile, store.ImportProblems); err != nil {
				return record.ImportRun, err
			}
		}
		return record.ImportRun, tx.UpdateImport(ctx, record, tx.Now)
	})
}
