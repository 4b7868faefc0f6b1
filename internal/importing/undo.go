package importing

import (
	"context"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/seal"
	"cardinal/internal/store"
)

// Undo erases the users that an import created, except those that have changed or signed in since. It works in
// batches; when it is interrupted, another call continues it.
func Undo(
	ctx context.Context, k directory.Desk, id uuid.UUID, onProgress func(cardinal.ImportRun),
) (cardinal.ImportRun, error) {
	run, err := beginUndo(ctx, k, id, false)
	if err != nil || run.State == "undone" {
		return run, err
	}
	return continueUndo(ctx, k, run, onProgress)
}

// StartUndo lets the service undo an import, with the permissions of the actor.
func StartUndo(ctx context.Context, k directory.Desk, id uuid.UUID) (cardinal.ImportRun, error) {
	return beginUndo(ctx, k, id, true)
}

// undoRule is the rule of beginning an undo and of each of its batches.
var undoRule = directory.Rule{Action: "import.undo", Permission: "users.import"}

// beginUndo moves an import to the stage undoing. That stops any other work on it, so that no user is created while
// others are erased.
func beginUndo(ctx context.Context, k directory.Desk, id uuid.UUID, byService bool) (cardinal.ImportRun, error) {
	return directory.Change(ctx, k, undoRule, func(tx *directory.Tx) (cardinal.ImportRun, error) {
		record, err := tx.LockImport(ctx, id)
		if err != nil {
			return record.ImportRun, err
		}
		if record.State == "undone" {
			return record.ImportRun, nil
		}
		setStage(tx, &record, "undoing")
		if byService {
			recordRun(tx, id)
			err = tx.EnqueueJob(ctx, id, runJob, tx.Now)
		}
		if err == nil {
			err = tx.UpdateImport(ctx, record, tx.Now)
		}
		if err != nil {
			return record.ImportRun, err
		}
		run, _ := readRun(k.Directory(), record)
		return run, nil
	})
}

// continueUndo erases the users of an import in batches. The events of the import list its users in order, and the
// import counts how many of them were processed, so that an undo skips as many.
func continueUndo(
	ctx context.Context, k directory.Desk, run cardinal.ImportRun, onProgress func(cardinal.ImportRun),
) (cardinal.ImportRun, error) {
	var after uuid.UUID
	for skip := run.Undone + run.Kept; ; {
		events, err := k.Directory().Store().Read(ctx).ImportedUserEvents(ctx, run.ID, after, directory.BatchSize)
		if err != nil {
			return run, err
		}
		events = events[:min(len(events), directory.BatchSize)]
		isLast := len(events) < directory.BatchSize
		if len(events) > 0 {
			after = events[len(events)-1].ID
		}
		skipped := min(skip, int64(len(events)))
		skip -= skipped
		if run, err = undoBatch(ctx, k, run, events[skipped:], isLast); err != nil || isLast {
			return run, err
		}
		onProgress(run)
	}
}

// undoBatch erases some users of an import, given by the events of their creation. The last batch ends the import.
func undoBatch(
	ctx context.Context, k directory.Desk, run cardinal.ImportRun, events []store.EventRecord, isLast bool,
) (cardinal.ImportRun, error) {
	return directory.Change(ctx, k, undoRule, func(tx *directory.Tx) (cardinal.ImportRun, error) {
		record, err := tx.LockImport(ctx, run.ID)
		if err != nil {
			return record.ImportRun, err
		}
		if record.State != "undoing" || record.Undone+record.Kept != run.Undone+run.Kept {
			return record.ImportRun, errRunningElsewhere
		}
		ids := make([]uuid.UUID, len(events))
		for i, e := range events {
			ids[i] = e.SubjectID
		}
		erased, err := eraseUntouched(ctx, tx, record.ID, ids)
		if err != nil {
			return record.ImportRun, err
		}
		record.Undone += int64(erased)
		record.Kept += int64(len(ids) - erased)
		if isLast {
			if err := endUndo(ctx, tx, &record); err != nil {
				return record.ImportRun, err
			}
		}
		return record.ImportRun, tx.UpdateImport(ctx, record, tx.Now)
	})
}

// eraseUntouched erases the users that have not changed since their import, with one event for each, and returns how
// many they were.
func eraseUntouched(ctx context.Context, tx *directory.Tx, runID uuid.UUID, ids []uuid.UUID) (int, error) {
	untouched, err := tx.UnchangedUserIDs(ctx, ids)
	if err != nil {
		return 0, err
	}
	erased, err := tx.EraseUsers(ctx, untouched, tx.Now)
	if err != nil {
		return 0, err
	}
	for _, p := range erased {
		profile, err := store.DigestProfile(p.Profile)
		if err != nil {
			return 0, err
		}
		e := tx.Event
		e.ID, e.SubjectID, e.RequestID = cardinal.NewID(), p.User.ID, &runID
		e.ChangedRows = []cardinal.RowDigest{
			store.DigestUser(p.User),
			profile,
			store.DeletedRow("user_keys", p.User.ID),
		}
		e.Changes = tx.Desk.Directory().ColumnChanges(map[string]any{"users.status": p.User.Status})
		tx.RelatedEvents = append(tx.RelatedEvents, e)
	}
	return len(erased), nil
}

// endUndo ends an import after its last user, and destroys its key and its files.
func endUndo(ctx context.Context, tx *directory.Tx, record *store.ImportRecord) error {
	if record.FinishedAt == nil {
		record.FinishedAt = &tx.Now // of an import that was interrupted
	}
	record.UndoneAt, record.State, record.Name = &tx.Now, "undone", ""
	record.KEKID, record.WrappedKey, record.DetailsSealed = uuid.NullUUID{}, nil, seal.Placeholder()
	recordRun(tx, record.ID)
	return tx.DeleteImportChunks(ctx, record.ID, store.ImportFile, store.ImportProblems)
}
