package directory

import (
	"bytes"
	"context"
	"fmt"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/importfile"
	"cardinal/internal/seal"
	"cardinal/internal/store"
)

// importSchema is the migration whose program knows the hashes that an import stores, and the short entries that tell of it.
const importSchema = 11

// RunImport makes the people of a file that was checked. What was committed when it is cut stays, and ResumeImport goes on from there.
func (k Desk) RunImport(ctx context.Context, src ImportSource, o ImportOptions, plan ImportPlan, tell func(cardinal.ImportRun)) (cardinal.ImportRun, error) {
	record, _, err := k.newImport(o, plan)
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
		older, err := c.OlderNodes(ctx, importSchema, c.now)
		if err != nil {
			return struct{}{}, err
		}
		if len(older) > 0 {
			return struct{}{}, cardinal.Refuse(cardinal.ErrConflict, "import_older_nodes", "A node of an older version is running, which does not know all hashes; import when it has stopped")
		}
		c.told = true
		c.event.RequestID = &record.ID
		return struct{}{}, c.InsertImport(ctx, record)
	})
	return err
}

// ResumeImport goes on with a run that was cut. The file must be the one that it began with.
func (k Desk) ResumeImport(ctx context.Context, id uuid.UUID, src ImportSource, faulty ImportFaults, check func(rows int64), tell func(cardinal.ImportRun)) (cardinal.ImportRun, error) {
	run, details, err := k.importRun(ctx, id)
	if err != nil {
		return run, err
	}
	if run.State != "running" {
		return run, cardinal.Refuse(cardinal.ErrConflict, "import_over", "The run is %s; there is nothing to go on with", run.State)
	}
	o := ImportOptions(details)
	plan, err := k.CheckImport(ctx, src, o, faulty, check)
	if err != nil {
		return run, err
	}
	record, err := k.d.store.Read(ctx).Import(ctx, id)
	if err != nil {
		return run, err
	}
	if !bytes.Equal(plan.mac, record.ContentMAC) {
		return run, cardinal.Refuse(cardinal.ErrConflict, "import_other_file", "This is not the file that the run began with, or it changed since")
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
		if current.Read != b.from || current.FinishedAt != nil {
			return cardinal.Refuse(cardinal.ErrConflict, "import_elsewhere", "Another process is going on with this run")
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

// finish notes that a run has come to its end.
func (run *importing) finish(ctx context.Context) error {
	k := run.desk
	_, err := change(ctx, k, rule{action: "import.finish", permission: "users.import"}, func(c *changing) (struct{}, error) {
		record, err := c.ImportForChange(ctx, run.record.ID)
		if err != nil || record.FinishedAt != nil {
			return struct{}{}, err
		}
		record.FinishedAt, record.UpdatedAt, record.State = &c.now, c.now, "finished"
		run.record = record
		c.told = true
		c.event.RequestID = &record.ID
		c.changed("import_runs.rows_created", nil, record.Created)
		return struct{}{}, c.UpdateImport(ctx, record, c.now)
	})
	return err
}

// UndoImport erases the people that a run made, but those who changed since or signed in. It can be cut and gone on with.
func (k Desk) UndoImport(ctx context.Context, id uuid.UUID, tell func(cardinal.ImportRun)) (cardinal.ImportRun, error) {
	run, _, err := k.importRun(ctx, id)
	if err != nil {
		return run, err
	}
	if run.State == "undone" {
		return run, nil
	}
	var after uuid.UUID
	for skip := run.Undone + run.Kept; ; {
		people, err := k.d.store.Read(ctx).ImportedPeople(ctx, id, after, batch)
		if err != nil {
			return run, err
		}
		people = people[:min(len(people), batch)]
		last := len(people) < batch
		if len(people) > 0 {
			after = people[len(people)-1].ID
		}
		over := min(skip, int64(len(people)))
		skip -= over
		if run, err = k.undoBatch(ctx, id, people[over:], last); err != nil || last {
			return run, err
		}
		tell(run)
	}
}

// undoBatch erases some people of a run, each with an event, and after the last destroys the key of the run.
func (k Desk) undoBatch(ctx context.Context, id uuid.UUID, people []cardinal.AuditEvent, last bool) (cardinal.ImportRun, error) {
	return change(ctx, k, rule{action: "import.undo", permission: "users.import"}, func(c *changing) (cardinal.ImportRun, error) {
		record, err := c.ImportForChange(ctx, id)
		if err != nil {
			return record.ImportRun, err
		}
		ids := make([]uuid.UUID, len(people))
		for i, e := range people {
			ids[i] = e.SubjectID
		}
		untouched, err := c.UntouchedAmong(ctx, ids)
		if err != nil {
			return record.ImportRun, err
		}
		erased, err := c.ErasePeople(ctx, untouched, c.now)
		if err != nil {
			return record.ImportRun, err
		}
		for _, p := range erased {
			e := c.event
			e.ID, e.SubjectID, e.RequestID = cardinal.NewID(), p.User.ID, &record.ID
			profile, err := store.StampProfile(p.Profile)
			if err != nil {
				return record.ImportRun, err
			}
			e.ChangedRows = []cardinal.RowStamp{store.StampUser(p.User), profile, store.Gone("user_keys", p.User.ID)}
			e.Changes = map[string]cardinal.ColumnChange{"users.status": {To: p.User.Status}}
			c.more = append(c.more, e)
		}
		record.Undone += int64(len(erased))
		record.Kept += int64(len(people) - len(erased))
		if last {
			if record.FinishedAt == nil {
				record.FinishedAt = &c.now // what was cut is over, too
			}
			record.UndoneAt, record.State, record.Name = &c.now, "undone", ""
			record.KEKID, record.WrappedKey, record.DetailsSealed = uuid.NullUUID{}, nil, seal.Placeholder()
			c.told = true
			c.event.RequestID = &record.ID
		}
		return record.ImportRun, c.UpdateImport(ctx, record, c.now)
	})
}
