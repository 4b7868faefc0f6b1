package directory

import (
	"bytes"
	"context"
	"fmt"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/importfile"
	"cardinal/internal/store"
)

// importSchema is the newest migration of the first version that knows the hashes and the short audit entries that an import writes.
const importSchema = 14

// RunImport makes the people of a file that was checked. What was committed when it is cut stays, and ResumeImport goes on from there.
func (k Desk) RunImport(ctx context.Context, src ImportSource, o ImportOptions, plan ImportPlan, tell func(cardinal.ImportRun)) (cardinal.ImportRun, error) {
	record, err := k.newImport(o, plan.Format, plan.mac)
	if err != nil {
		return record.ImportRun, err
	}
	if err := k.startImport(ctx, record); err != nil {
		return record.ImportRun, err
	}
	return k.goOn(ctx, record, src, o.File, plan, tell)
}

// startImport adds a run, unless a node of an older version could not sign in whom it would make.
func (k Desk) startImport(ctx context.Context, record store.ImportRecord) error {
	_, err := change(ctx, k, rule{action: "import.start", permission: "users.import"}, func(c *changing) (struct{}, error) {
		if err := c.noOlderNodes(ctx); err != nil {
			return struct{}{}, err
		}
		c.ofImport(record.ID)
		return struct{}{}, c.InsertImport(ctx, record)
	})
	return err
}

func (c *changing) noOlderNodes(ctx context.Context) error {
	older, err := c.OlderNodes(ctx, importSchema, c.now)
	if err == nil && len(older) > 0 {
		return cardinal.Refuse(cardinal.ErrConflict, "import_older_nodes", "A node of an older version is running, which does not know all hashes; import when it has stopped")
	}
	return err
}

// ofImport makes the event of a change tell of a run.
func (c *changing) ofImport(id uuid.UUID) {
	c.told = true
	c.event.RequestID = &id
}

// ResumeImport goes on with a run that was cut. The file must be the one that it began with.
func (k Desk) ResumeImport(ctx context.Context, id uuid.UUID, src ImportSource, faulty ImportFaults, check func(rows int64), tell func(cardinal.ImportRun)) (cardinal.ImportRun, error) {
	record, err := k.importRecord(ctx, id)
	if err != nil {
		return record.ImportRun, err
	}
	run, details, err := k.d.openImport(record)
	if err != nil {
		return run, err
	}
	switch {
	case record.Stage != nil && *record.Stage != "failed" && run.FinishedAt == nil:
		return run, cardinal.Refuse(cardinal.ErrConflict, "import_running_elsewhere", "The service goes on with this run by itself")
	case run.State != "running":
		return run, cardinal.Refuse(cardinal.ErrConflict, "import_finished", "The run is %s; there is nothing to go on with", run.State)
	}
	o := details.ImportOptions
	plan, err := k.CheckImport(ctx, src, o, faulty, check)
	if err != nil {
		return run, err
	}
	if record, err = k.d.store.Read(ctx).Import(ctx, id); err != nil {
		return run, err
	}
	if !bytes.Equal(plan.mac, record.ContentMAC) {
		return run, cardinal.Refuse(cardinal.ErrConflict, "import_file_changed", "This is not the file that the run began with, or it changed since")
	}
	return k.goOn(ctx, record, src, o.File, plan, tell)
}

// importing is a run under way in this process.
type importing struct {
	desk   Desk
	rules  *importRules
	record store.ImportRecord
	event  cardinal.AuditEvent
	looks  bool // whether to look who is there before it writes: some were when the file was checked
	tell   func(cardinal.ImportRun)
}

// prepared is a batch with all its rows made.
type prepared struct {
	from, to int64
	list     []candidate
	people   []store.NewPerson
}

// goOn imports the rows that a run has not dealt with yet. One goroutine reads and makes rows, the other writes them.
func (k Desk) goOn(ctx context.Context, record store.ImportRecord, src ImportSource, o importfile.Options, plan ImportPlan, tell func(cardinal.ImportRun)) (cardinal.ImportRun, error) {
	run := &importing{desk: k, record: record, looks: plan.Existing > 0, tell: tell}
	reader, err := k.read(ctx, rule{permission: "users.import"})
	if err != nil {
		return record.ImportRun, err
	}
	if run.rules, err = k.newImportRules(ctx, reader); err != nil {
		return record.ImportRun, err
	}
	run.event = k.event(rule{action: store.ImportAction})
	run.event.RequestID = &record.ID
	from, err := k.sealClient(ctx, reader)
	if err != nil {
		return record.ImportRun, err
	}
	run.event.AddressSealed, run.event.UserAgentSealed = from.address, from.userAgent
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	batches := make(chan prepared)
	read := make(chan error, 1)
	go func() {
		defer close(batches)
		read <- run.prepare(ctx, src, o, plan.late, batches)
	}()
	for b := range batches {
		if err := run.write(ctx, b); err != nil {
			cancel(err)
			for range batches {
			}
			return run.record.ImportRun, err
		}
		run.tell(run.record.ImportRun)
	}
	if err := <-read; err != nil {
		return run.record.ImportRun, err
	}
	if err := run.finish(ctx); err != nil {
		return run.record.ImportRun, err
	}
	return run.record.ImportRun, k.refreshStatistics(ctx) // the planner does not know yet how many there are
}

func (run *importing) prepare(ctx context.Context, src ImportSource, o importfile.Options, late map[int64][]cardinal.Fault, out chan<- prepared) error {
	in, err := src.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	done, from := run.record.Read, int64(0)
	_, err = run.rules.eachCandidate(ctx, in, o, func(*importfile.Reader, *importfile.Row, []cardinal.Fault) error { return nil },
		func(_ *importfile.Reader, list []candidate, last int64) error {
			b := prepared{from: from, to: last}
			from = last
			if last <= done {
				return nil
			}
			for i := range list {
				if _, bad := late[list[i].number]; bad {
					continue
				}
				person, err := run.rules.person(ctx, &list[i], run.event)
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
func (run *importing) write(ctx context.Context, b prepared) error {
	const tries = 5
	looks := run.looks
	for try := 1; ; try++ {
		err := run.tryWrite(ctx, b, looks)
		if !(store.Violates(err, "identifiers_pk") || store.Violates(err, "users_pk") || store.Violates(err, "credentials_salt_uq")) || try == tries {
			return explain(err)
		}
		looks = true
	}
}

func (run *importing) tryWrite(ctx context.Context, b prepared, looks bool) error {
	var found existing
	taken := map[string]bool{}
	if looks {
		var err error
		r := run.desk.d.store.Read(ctx)
		if found, err = lookUp(ctx, r, b.list); err != nil {
			return err
		}
		if taken, err = lookUpSalts(ctx, r, b.list); err != nil {
			return err
		}
	}
	record := run.record
	var list []candidate
	var people []store.NewPerson
	for i := range b.list {
		switch err := found.judge(&b.list[i]); {
		case err == nil:
			list, people = append(list, b.list[i]), append(people, b.people[i])
		case err == errThere:
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
	if err := run.rules.freshSalts(ctx, taken, list, people); err != nil {
		return err
	}
	now := run.desk.d.now()
	err := run.desk.d.store.Write(ctx, func(tx store.Tx) error {
		current, err := tx.ImportForChange(ctx, record.ID)
		if err != nil {
			return err
		}
		if current.Read != b.from || current.State != "running" {
			return errElsewhere
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

var errElsewhere = cardinal.Refuse(cardinal.ErrConflict, "import_running_elsewhere", "Another process is going on with this run")

// finish notes that a run has come to its end.
func (run *importing) finish(ctx context.Context) error {
	k := run.desk
	_, err := change(ctx, k, rule{action: "import.finish", permission: "users.import"}, func(c *changing) (struct{}, error) {
		record, err := c.ImportForChange(ctx, run.record.ID)
		if err != nil || record.FinishedAt != nil {
			return struct{}{}, err
		}
		if record.State != "running" {
			return struct{}{}, errElsewhere
		}
		record.FinishedAt, record.UpdatedAt, record.State = &c.now, c.now, "finished"
		if err := c.dropFile(ctx, &record); err != nil {
			return struct{}{}, err
		}
		run.record = record
		c.ofImport(record.ID)
		c.changed("import_runs.rows_created", nil, record.Created)
		return struct{}{}, c.UpdateImport(ctx, record, c.now)
	})
	return err
}
