package importing

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/importfile"
	"cardinal/internal/store"
	"cardinal/internal/store/dberror"
)

// minSchema is the migration of the first version that knows the hashes that an import stores, and the short form of
// its audit events.
const minSchema = 14

// Run creates the users of a file that was checked. When it is interrupted, the batches that were committed stay, and
// Resume continues after them.
func Run(
	ctx context.Context, k directory.Desk, src Source, o Options, plan Plan, onProgress func(cardinal.ImportRun),
) (cardinal.ImportRun, error) {
	record, err := newRun(k, o, plan.Format, plan.mac)
	if err != nil {
		return record.ImportRun, err
	}
	if err := insertRun(ctx, k, record); err != nil {
		return record.ImportRun, err
	}
	return runImport(ctx, k, record, src, o.File, plan, onProgress)
}

// insertRun inserts an import, unless a node of an older version is running.
func insertRun(ctx context.Context, k directory.Desk, record store.ImportRecord) error {
	rule := directory.Rule{Action: "import.start", Permission: "users.import"}
	_, err := directory.Change(ctx, k, rule, func(tx *directory.Tx) (struct{}, error) {
		if err := requireNoOlderNodes(ctx, tx); err != nil {
			return struct{}{}, err
		}
		recordRun(tx, record.ID)
		return struct{}{}, tx.InsertImport(ctx, record)
	})
	return err
}

// requireNoOlderNodes refuses an import while a node of a version before minSchema is running: it could not sign in
// the new users.
func requireNoOlderNodes(ctx context.Context, tx *directory.Tx) error {
	older, err := tx.OlderNodes(ctx, minSchema, tx.Now)
	if err == nil && len(older) > 0 {
		return cardinal.Refuse("import_older_nodes")
	}
	return err
}

// recordRun sets the import that the event of a change is about.
func recordRun(tx *directory.Tx, id uuid.UUID) {
	tx.ForceEvent = true
	tx.Event.RequestID = &id
}

// Resume continues an import that was interrupted. The file must be the same. To resume the import of another user
// needs imports.manage.
func Resume(
	ctx context.Context, k directory.Desk, id uuid.UUID, src Source, onInvalid OnInvalidRow, onRow func(rows int64),
	onProgress func(cardinal.ImportRun),
) (cardinal.ImportRun, error) {
	record, err := getRecord(ctx, k, id)
	if err != nil {
		return record.ImportRun, err
	}
	run, details, err := decryptRun(k.Directory(), record)
	if err == nil {
		err = requireManage(ctx, k, k.Directory().Store().Read(ctx), record)
	}
	if err != nil {
		return run, err
	}
	switch {
	case record.Stage != nil && *record.Stage != "failed" && run.FinishedAt == nil:
		return run, errRunningElsewhere
	case run.State != "running":
		return run, cardinal.Refuse("import_finished", run.State)
	}
	o := details.Options
	plan, err := Check(ctx, k, src, o, onInvalid, onRow)
	if err != nil {
		return run, err
	}
	if record, err = k.Directory().Store().Read(ctx).Import(ctx, id); err != nil {
		return run, err
	}
	if !bytes.Equal(plan.mac, record.ContentMAC) {
		return run, cardinal.Refuse("import_file_changed")
	}
	return runImport(ctx, k, record, src, o.File, plan, onProgress)
}

// importRun is an import that this process writes.
type importRun struct {
	desk   directory.Desk
	rules  *rules
	record store.ImportRecord
	event  store.EventRecord // what the events of all users have in common
	// recheckExisting compares a batch with the database at its first try, not only after a conflict: some users
	// existed at the check.
	recheckExisting bool
	onProgress      func(cardinal.ImportRun)
}

// preparedBatch is a batch with all rows of its users.
type preparedBatch struct {
	from, to int64 // numbers of the last row before the batch and of its last row
	rows     []checkedRow
	users    []store.NewUserRows // of rows, in the same order
}

// runImport writes the rows that an import has not read yet. It is a pipeline of two goroutines: one reads the file
// and builds rows, the other writes them.
func runImport(
	ctx context.Context, k directory.Desk, record store.ImportRecord, src Source, o importfile.Options, plan Plan,
	onProgress func(cardinal.ImportRun),
) (cardinal.ImportRun, error) {
	run, err := newImportRun(ctx, k, record)
	if err != nil {
		return record.ImportRun, err
	}
	run.recheckExisting, run.onProgress = plan.Existing > 0, onProgress
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	batches := make(chan preparedBatch)
	prepared := make(chan error, 1)
	go func() {
		defer close(batches)
		prepared <- run.prepare(ctx, src, o, plan.lateErrors, batches)
	}()
	for b := range batches {
		if err := run.write(ctx, b); err != nil {
			cancel(err)
			for range batches {
			}
			return run.record.ImportRun, err
		}
		run.onProgress(run.record.ImportRun)
	}
	if err := <-prepared; err != nil {
		return run.record.ImportRun, err
	}
	if err := run.finish(ctx); err != nil {
		return run.record.ImportRun, err
	}
	// The statistics of the query planner are those of the tables before the import.
	return run.record.ImportRun, k.Directory().RefreshStatistics(ctx)
}

// newImportRun checks the permission, and reads what all batches need.
func newImportRun(ctx context.Context, k directory.Desk, record store.ImportRecord) (*importRun, error) {
	run := &importRun{desk: k, record: record, event: k.NewEvent(directory.Rule{Action: store.ImportAction})}
	reader, err := k.Read(ctx, directory.Rule{Permission: "users.import"})
	if err != nil {
		return nil, err
	}
	if run.rules, err = newRules(ctx, k, reader); err != nil {
		return nil, err
	}
	client, err := k.EncryptClient(ctx, reader)
	if err != nil {
		return nil, err
	}
	run.event.RequestID = &record.ID
	run.event.AddressSealed, run.event.UserAgentSealed = client.Address, client.UserAgent
	return run, nil
}

// prepare reads the file, and sends the batches that are not written yet.
func (run *importRun) prepare(
	ctx context.Context, src Source, o importfile.Options, lateErrors map[int64][]cardinal.FieldError,
	out chan<- preparedBatch,
) error {
	in, err := src.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	written, from := run.record.Read, int64(0)
	_, err = run.rules.forEachRow(ctx, in, o, ignoreInvalid, func(rows []checkedRow, last int64) error {
		b := preparedBatch{from: from, to: last}
		from = last
		if last <= written {
			return nil
		}
		for i := range rows {
			if _, invalid := lateErrors[rows[i].number]; invalid {
				continue
			}
			user, err := run.rules.newUser(ctx, &rows[i], run.event)
			if err != nil {
				return fmt.Errorf("row %d: %w", rows[i].number, err)
			}
			b.rows, b.users = append(b.rows, rows[i]), append(b.users, user)
		}
		select {
		case out <- b:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	return err
}

// ignoreInvalid is an OnInvalidRow for a file whose problems were reported already.
func ignoreInvalid(*importfile.Reader, *importfile.Row, []cardinal.FieldError) error { return nil }

// write commits a batch and the progress of the import in one transaction. A conflict with an identifier, an id or a
// salt that was added since the check makes it compare the batch with the database and try again.
func (run *importRun) write(ctx context.Context, b preparedBatch) error {
	const maxTries = 5
	recheck := run.recheckExisting
	for try := 1; ; try++ {
		err := run.tryWrite(ctx, b, recheck)
		conflict := dberror.Violates(err, "identifiers_pk") || dberror.Violates(err, "users_pk") ||
			dberror.Violates(err, "credentials_salt_uq")
		if !conflict || try == maxTries {
			return directory.TranslateViolation(err)
		}
		recheck = true
	}
}

func (run *importRun) tryWrite(ctx context.Context, b preparedBatch, recheck bool) error {
	var existing existingUsers
	usedSalts := map[string]bool{}
	if recheck {
		var err error
		r := run.desk.Directory().Store().Read(ctx)
		if existing, err = findExisting(ctx, r, b.rows); err != nil {
			return err
		}
		if usedSalts, err = findSalts(ctx, r, b.rows); err != nil {
			return err
		}
	}
	record, rows, users := run.selectNew(b, existing)
	if err := run.rules.wrapDuplicateSalts(ctx, usedSalts, rows, users); err != nil {
		return err
	}
	return run.commit(ctx, b.from, record, users)
}

// selectNew returns the rows and users of a batch that do not exist yet, and the record of the import as it is after
// the batch.
func (run *importRun) selectNew(
	b preparedBatch, existing existingUsers,
) (record store.ImportRecord, rows []checkedRow, users []store.NewUserRows) {
	record = run.record
	for i := range b.rows {
		switch err := existing.classify(&b.rows[i]); {
		case err == nil:
			rows, users = append(rows, b.rows[i]), append(users, b.users[i])
		case err == errExists:
			record.Skipped++
		default:
			record.Invalid++
		}
	}
	record.Invalid += b.to - b.from - int64(len(b.rows))
	record.Created += int64(len(users))
	record.Read = b.to
	for i := range users {
		// Another try appends to the events again: what this try appends must not be in the array of the batch.
		users[i].Event.ChangedRows = slices.Clip(users[i].Event.ChangedRows)
	}
	return record, rows, users
}

// commit writes users and the record of the import after the row number from, unless another process has written rows
// after it.
func (run *importRun) commit(
	ctx context.Context, from int64, record store.ImportRecord, users []store.NewUserRows,
) error {
	now, schemes := run.desk.Directory().Now(), run.rules.schemesOf(users)
	err := run.desk.Directory().Store().Write(ctx, func(tx store.Tx) error {
		current, err := tx.LockImport(ctx, record.ID)
		if err != nil {
			return err
		}
		if current.Read != from || current.State != "running" {
			return errRunningElsewhere
		}
		if err := requireBatch(ctx, run.desk, tx, users); err != nil {
			return err
		}
		if err := tx.InsertUsers(ctx, users); err != nil {
			return err
		}
		if err := directory.NotePasswordSchemes(ctx, tx, now, schemes); err != nil {
			return err
		}
		return tx.UpdateImport(ctx, record, now)
	})
	if err == nil {
		record.UpdatedAt = now
		run.record = record
	}
	return err
}

// errRunningElsewhere says that another process works on the import, or that its state has changed.
var errRunningElsewhere = cardinal.Refuse("import_running_elsewhere")

// finish records that an import has written all its rows.
func (run *importRun) finish(ctx context.Context) error {
	rule := directory.Rule{Action: "import.finish", Permission: "users.import"}
	_, err := directory.Change(ctx, run.desk, rule, func(tx *directory.Tx) (struct{}, error) {
		record, err := tx.LockImport(ctx, run.record.ID)
		if err != nil || record.FinishedAt != nil {
			return struct{}{}, err
		}
		if record.State != "running" {
			return struct{}{}, errRunningElsewhere
		}
		record.FinishedAt, record.UpdatedAt, record.State = &tx.Now, tx.Now, "finished"
		if err := deleteFile(ctx, tx, &record); err != nil {
			return struct{}{}, err
		}
		run.record = record
		recordRun(tx, record.ID)
		tx.RecordChange("import_runs.rows_created", nil, record.Created)
		return struct{}{}, tx.UpdateImport(ctx, record, tx.Now)
	})
	return err
}
