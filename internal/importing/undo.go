package importing

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/seal"
	"cardinal/internal/store"
)

// Undo erases the users that an import created, except those that have changed or signed in since, or that have
// permissions that the actor does not have. It works in batches; when it is interrupted, another call continues it. To
// undo the import of another user needs imports.manage.
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
var undoRule = directory.Rule{Action: "import.undo", Permission: "users.import", RecentSignIn: true}

// beginUndo moves an import to the stage undoing. That stops any other work on it, so that no user is created while
// others are erased.
func beginUndo(ctx context.Context, k directory.Desk, id uuid.UUID, byService bool) (cardinal.ImportRun, error) {
	return directory.Change(ctx, k, undoRule, func(tx *directory.Tx) (cardinal.ImportRun, error) {
		record, err := tx.LockImport(ctx, id)
		if err != nil {
			return record.ImportRun, err
		}
		if err := requireManage(ctx, k, tx.Reader, record); err != nil {
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

// undoBatch erases some users of an import, given by the events of their creation. The last batch ends the import. When
// it would erase the last users with a role that needs some, it keeps the users with that role.
func undoBatch(
	ctx context.Context, k directory.Desk, run cardinal.ImportRun, events []store.EventRecord, isLast bool,
) (cardinal.ImportRun, error) {
	after, err := undoUsers(ctx, k, run, events, isLast, false)
	var refusal *cardinal.Refusal
	if errors.As(err, &refusal) && refusal.Code == lastWithRole {
		return undoUsers(ctx, k, run, events, isLast, true)
	}
	return after, err
}

func undoUsers(
	ctx context.Context, k directory.Desk, run cardinal.ImportRun, events []store.EventRecord, isLast, keepGuarded bool,
) (cardinal.ImportRun, error) {
	// A user who was suspended, or whose API key was revoked, continues nothing.
	if err := k.Directory().RequireActiveActor(ctx, k.Actor()); err != nil {
		return directory.RecordDenied[cardinal.ImportRun](ctx, k, undoRule, err)
	}
	return directory.Change(ctx, k, undoRule, func(tx *directory.Tx) (cardinal.ImportRun, error) {
		record, err := tx.LockImport(ctx, run.ID)
		if err != nil {
			return record.ImportRun, err
		}
		if err := requireManage(ctx, k, tx.Reader, record); err != nil {
			return record.ImportRun, err
		}
		if record.State != "undoing" || record.Undone+record.Kept != run.Undone+run.Kept {
			return record.ImportRun, errRunningElsewhere
		}
		ids := make([]uuid.UUID, len(events))
		for i, e := range events {
			ids[i] = e.SubjectID
		}
		kept, err := usersToKeep(ctx, tx, ids, keepGuarded)
		if err != nil {
			return record.ImportRun, err
		}
		erased := slices.DeleteFunc(slices.Clone(ids), func(id uuid.UUID) bool { return kept[id] != "" })
		if err := eraseUsers(ctx, tx, record.ID, erased); err != nil {
			return record.ImportRun, err
		}
		for _, id := range ids {
			if kept[id] != "" {
				recordKept(tx, record.ID, id, kept[id])
			}
		}
		record.Undone += int64(len(erased))
		record.Kept += int64(len(kept))
		if isLast {
			if err := endUndo(ctx, tx, &record); err != nil {
				return record.ImportRun, err
			}
		}
		return record.ImportRun, tx.UpdateImport(ctx, record, tx.Now)
	})
}

// Why an undo keeps a user.
const (
	changedSince    = "changed"
	morePermissions = "target_has_more_permissions"
	lastWithRole    = "last_user_with_role"
)

// usersToKeep returns why some users are not erased: they have changed since their import, or have permissions that the
// actor does not have. keepGuarded adds those with a role that a minimum of users must have.
func usersToKeep(
	ctx context.Context, tx *directory.Tx, ids []uuid.UUID, keepGuarded bool,
) (map[uuid.UUID]string, error) {
	unchanged, err := tx.UnchangedUserIDs(ctx, ids)
	if err != nil {
		return nil, err
	}
	kept := map[uuid.UUID]string{}
	for _, id := range ids {
		if !slices.Contains(unchanged, id) {
			kept[id] = changedSince
		}
	}
	if len(unchanged) == 0 {
		return kept, nil
	}
	ends, err := tx.Desk.PermissionEnds(ctx, tx.Reader)
	if err != nil {
		return nil, err
	}
	grants, err := tx.GrantsOfUsers(ctx, unchanged)
	if err != nil {
		return nil, err
	}
	limits := map[uuid.UUID]directory.Limit{} // by role
	for _, grant := range grants {
		role, err := tx.Role(ctx, grant.RoleID)
		if err != nil {
			return nil, err
		}
		limit, ok := limits[role.ID]
		if !ok {
			if limit, err = ends.WithRole(ctx, tx.Reader, ends.Limit(undoRule.Permission), role); err != nil {
				return nil, err
			}
			limits[role.ID] = limit
		}
		isOver := grant.ExpiresAt != nil && !grant.ExpiresAt.After(tx.Now)
		switch {
		case !limit.Held() && !isOver:
			kept[grant.UserID] = morePermissions
		case keepGuarded && role.MinHolders > 0 && grant.ExpiresAt == nil && kept[grant.UserID] == "":
			kept[grant.UserID] = lastWithRole
		}
	}
	return kept, nil
}

// recordKept adds the event of a user who was kept, with the reason.
func recordKept(tx *directory.Tx, runID, userID uuid.UUID, reason string) {
	e := tx.Event
	e.ID, e.SubjectID, e.RequestID, e.IsRefused = cardinal.NewID(), userID, &runID, true
	e.Changes = tx.Desk.Directory().ColumnChanges(map[string]any{"import_runs.rows_kept": reason})
	tx.RelatedEvents = append(tx.RelatedEvents, e)
}

// eraseUsers erases users, with one event for each.
func eraseUsers(ctx context.Context, tx *directory.Tx, runID uuid.UUID, ids []uuid.UUID) error {
	erased, err := tx.EraseUsers(ctx, ids, tx.Now)
	if err != nil {
		return err
	}
	for _, p := range erased {
		profile, err := store.DigestProfile(p.Profile)
		if err != nil {
			return err
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
	return nil
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
