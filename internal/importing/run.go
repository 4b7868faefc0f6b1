package importing

import (
	"bytes"
	"context"
	"fmt"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/importfile"
	"cardinal/internal/store"
)

// minSchema is the migration whose program knows the hashes that an import stores, and the short entries that tell of it.
const minSchema = 14

// Run makes the people of a file that was checked. What was committed when it is cut stays, and ResumeImport goes on from there.
func Run(ctx context.Context, k directory.Desk, src Source, o Options, plan Plan, onProgress func(cardinal.ImportRun)) (cardinal.ImportRun, error) {
	record, err := newRun(k, o, plan.Format, plan.mac)
	if err != nil {
		return record.ImportRun, err
	}
	if err := insertRun(ctx, k, record); err != nil {
		return record.ImportRun, err
	}
	return runImport(ctx, k, record, src, o.File, plan, onProgress)
}

// insertRun adds a run, unless a node of an older version could not sign in whom it would make.
func insertRun(ctx context.Context, k directory.Desk, record store.ImportRecord) error {
	_, err := directory.Change(ctx, k, directory.Rule{Action: "import.start", Permission: "users.import"}, func(tx *directory.Tx) (struct{}, error) {
		if err := requireNoOlderNodes(ctx, tx); err != nil {
			return struct{}{}, err
		}
		recordRun(tx, record.ID)
		return struct{}{}, tx.InsertImport(ctx, record)
	})
	return err
}

func requireNoOlderNodes(ctx context.Context, tx *directory.Tx) error {
	older, err := tx.OlderNodes(ctx, minSchema, tx.Now)
	if err == nil && len(older) > 0 {
		return cardinal.Refuse("import_older_nodes")
	}
	return err
}

// recordRun makes the event of a change tell of a run.
func recordRun(tx *directory.Tx, id uuid.UUID) {
	tx.ForceEvent = true
	tx.Event.RequestID = &id
}

// Resume goes on with a run that was cut. The file must be the one that it began with.
func Resume(ctx context.Context, k directory.Desk, id uuid.UUID, src Source, faulty OnInvalidRow, onRow func(rows int64), onProgress func(cardinal.ImportRun)) (cardinal.ImportRun, error) {
	record, err := getRecord(ctx, k, id)
	if err != nil {
		return record.ImportRun, err
	}
	run, details, err := decryptRun(k.Directory(), record)
	if err != nil {
		return run, err
	}
	switch {
	case record.Stage != nil && *record.Stage != "failed" && run.FinishedAt == nil:
		return run, cardinal.Refuse("import_running_elsewhere")
	case run.State != "running":
		return run, cardinal.Refuse("import_finished", run.State)
	}
	o := details.Options
	plan, err := Check(ctx, k, src, o, faulty, onRow)
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

// importRun is a run under way in this process.
type importRun struct {
	desk            directory.Desk
	rules           *rules
	record          store.ImportRecord
	event           cardinal.AuditEvent
	recheckExisting bool // whether to look who is there before it writes: some were when the file was checked
	onProgress      func(cardinal.ImportRun)
}

// preparedBatch is a batch with all its rows made.
type preparedBatch struct {
	from, to int64
	list     []checkedRow
	people   []store.NewPerson
}

// runImport imports the rows that a run has not dealt with yet. One goroutine reads and makes rows, the other writes them.
func runImport(ctx context.Context, k directory.Desk, record store.ImportRecord, src Source, o importfile.Options, plan Plan, onProgress func(cardinal.ImportRun)) (cardinal.ImportRun, error) {
	run := &importRun{desk: k, record: record, recheckExisting: plan.Existing > 0, onProgress: onProgress}
	reader, err := k.Read(ctx, directory.Rule{Permission: "users.import"})
	if err != nil {
		return record.ImportRun, err
	}
	if run.rules, err = newRules(ctx, k, reader); err != nil {
		return record.ImportRun, err
	}
	run.event = k.NewEvent(directory.Rule{Action: store.ImportAction})
	run.event.RequestID = &record.ID
	from, err := k.EncryptClient(ctx, reader)
	if err != nil {
		return record.ImportRun, err
	}
	run.event.AddressSealed, run.event.UserAgentSealed = from.Address, from.UserAgent
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	batches := make(chan preparedBatch)
	read := make(chan error, 1)
	go func() {
		defer close(batches)
		read <- run.prepare(ctx, src, o, plan.lateFaults, batches)
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
	if err := <-read; err != nil {
		return run.record.ImportRun, err
	}
	if err := run.finish(ctx); err != nil {
		return run.record.ImportRun, err
	}
	return run.record.ImportRun, k.Directory().RefreshStatistics(ctx) // the planner does not know yet how many there are
}

func (run *importRun) prepare(ctx context.Context, src Source, o importfile.Options, late map[int64][]cardinal.Fault, out chan<- preparedBatch) error {
	in, err := src.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	done, from := run.record.Read, int64(0)
	_, err = run.rules.forEachRow(ctx, in, o, func(*importfile.Reader, *importfile.Row, []cardinal.Fault) error { return nil },
		func(_ *importfile.Reader, list []checkedRow, last int64) error {
			b := preparedBatch{from: from, to: last}
			from = last
			if last <= done {
				return nil
			}
			for i := range list {
				if _, bad := late[list[i].number]; bad {
					continue
				}
				person, err := run.rules.newUser(ctx, &list[i], run.event)
				if err != nil {
					return fmt.Errorf("row %d: %w", list[i].number, err)
				}
				b.list, b.people = append(b.list, list[i]), append(b.people, person)
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

// write commits a batch together with how far the run has come. Who claimed the same since the file was checked makes it look again, and
// so does a salt that somebody has.
func (run *importRun) write(ctx context.Context, b preparedBatch) error {
	const tries = 5
	recheck := run.recheckExisting
	for try := 1; ; try++ {
		err := run.tryWrite(ctx, b, recheck)
		if !(store.Violates(err, "identifiers_pk") || store.Violates(err, "users_pk") || store.Violates(err, "credentials_salt_uq")) || try == tries {
			return directory.TranslateViolation(err)
		}
		recheck = true
	}
}

func (run *importRun) tryWrite(ctx context.Context, b preparedBatch, recheck bool) error {
	var found existingUsers
	taken := map[string]bool{}
	if recheck {
		var err error
		r := run.desk.Directory().Store().Read(ctx)
		if found, err = findExisting(ctx, r, b.list); err != nil {
			return err
		}
		if taken, err = findSalts(ctx, r, b.list); err != nil {
			return err
		}
	}
	record := run.record
	var list []checkedRow
	var people []store.NewPerson
	for i := range b.list {
		switch err := found.classify(&b.list[i]); {
		case err == nil:
			list, people = append(list, b.list[i]), append(people, b.people[i])
		case err == errExists:
			record.Skipped++
		default:
			record.Faulty++
		}
	}
	record.Faulty += b.to - b.from - int64(len(b.list))
	record.Created += int64(len(people))
	record.Read = b.to
	for i := range people {
		people[i].Event.ChangedRows = people[i].Event.ChangedRows[:len(people[i].Event.ChangedRows):len(people[i].Event.ChangedRows)]
	}
	if err := run.rules.wrapDuplicateSalts(ctx, taken, list, people); err != nil {
		return err
	}
	now := run.desk.Directory().Now()
	err := run.desk.Directory().Store().Write(ctx, func(tx store.Tx) error {
		current, err := tx.ImportForChange(ctx, record.ID)
		if err != nil {
			return err
		}
		if current.Read != b.from || current.State != "running" {
			return errRunningElsewhere
		}
		if err := tx.InsertPeople(ctx, people); err != nil {
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

var errRunningElsewhere = cardinal.Refuse("import_running_elsewhere")

// finish notes that a run has come to its end.
func (run *importRun) finish(ctx context.Context) error {
	k := run.desk
	_, err := directory.Change(ctx, k, directory.Rule{Action: "import.finish", Permission: "users.import"}, func(tx *directory.Tx) (struct{}, error) {
		record, err := tx.ImportForChange(ctx, run.record.ID)
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
