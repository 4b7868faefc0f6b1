package store

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// BackfillState is how far a backfill has come.
type BackfillState struct {
	Number    int       `json:"number"`
	Walked    int64     `json:"walked"`  // rows so far
	Changed   int64     `json:"changed"` // rows that had something to fill
	Rows      int64     `json:"rows"`    // estimate of how many there are to walk, -1 when there is none
	StartedAt time.Time `json:"started_at"`
	UpdatedAt time.Time `json:"updated_at"`

	lastKey []uuid.UUID
}

// A batch takes about this long, whatever the machine, and as long again nothing happens: the service has the other half.
const (
	batchTime       = 100 * time.Millisecond
	batchMin        = 50
	batchMax        = 5_000
	batchInitial    = 500
	maxReplicaLag   = 16 << 20 // bytes of WAL that a replica may be behind
	replicaLagPause = time.Second
	batchHeading    = `-- backfill: `
)

// backfillScan is a backfill's script taken apart: it walks a table by its primary key, which is made of ids. The statement says what is to
// be done with a batch, whose rows stand for {batch} in its condition.
type backfillScan struct {
	table     string
	key       []string
	statement string
}

var backfillHeading = regexp.MustCompile(`^` + batchHeading + `(\w+) \(([\w, ]+)\)`)

func parseBackfill(m Migration) (backfillScan, error) {
	head := backfillHeading.FindStringSubmatch(m.script)
	if head == nil || !strings.Contains(m.script, "{batch}") {
		return backfillScan{}, fmt.Errorf("migration %s does not begin with %sTABLE (KEY, …), or has no {batch}", m, batchHeading)
	}
	return backfillScan{table: head[1], key: strings.Split(head[2], ", "), statement: strings.TrimRight(m.script, "; \n")}, nil
}

// parameters are the placeholders of a key, as "($3, $4)".
func (w backfillScan) parameters(first int) string {
	names := make([]string, len(w.key))
	for i := range names {
		names[i] = fmt.Sprintf("$%d", first+i)
	}
	return "(" + strings.Join(names, ", ") + ")"
}

func (w backfillScan) columns() string { return strings.Join(w.key, ", ") }

// Backfill walks the pending backfills to their end, in small batches with a pause after each, and waits where a replica falls
// behind. It returns those that came to their end; when ctx ends the rest is kept for the next call, on this node or another.
func (s *Store) Backfill(ctx context.Context, tell func(Progress)) ([]Migration, error) {
	list, err := s.Read(ctx).Migrations(ctx)
	if err != nil {
		return nil, err
	}
	var done []Migration
	for _, m := range list {
		if m.Phase != Backfill || m.AppliedAt != nil || m.script == "" {
			continue
		}
		if slices.ContainsFunc(list, func(e Migration) bool { return e.Number <= m.Number && e.Phase == Expand && e.AppliedAt == nil }) {
			break
		}
		if err := s.runBackfill(ctx, &m, tell); err != nil {
			return done, fmt.Errorf("backfill %s: %w", m, err)
		}
		if m.AppliedAt != nil {
			done = append(done, m)
		}
	}
	return done, nil
}

// runBackfill walks one backfill to its end, and notes in m that it did; another node may come to the end first.
func (s *Store) runBackfill(ctx context.Context, m *Migration, tell func(Progress)) error {
	w, err := parseBackfill(*m)
	if err != nil {
		return err
	}
	rows, err := s.Read(ctx).estimateRows(ctx, w.table)
	if err != nil {
		return err
	}
	size, began := batchInitial, time.Now()
	for {
		if err := s.waitForReplicas(ctx); err != nil {
			return err
		}
		from := time.Now()
		state, ended, err := s.runBatch(ctx, *m, w, size)
		took := time.Since(from)
		if err != nil || ended == finishedElsewhere {
			return err
		}
		state.Rows = rows
		tell(Progress{Migration: *m, Backfill: &state, Took: took})
		if ended == finishedHere {
			m.AppliedAt = &state.UpdatedAt
			tell(Progress{Migration: *m, Took: time.Since(began)})
			return nil
		}
		if took > 2*batchTime {
			size = max(size/2, batchMin)
		} else if took < batchTime/2 {
			size = min(size*2, batchMax)
		}
		if err := pause(ctx, took); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// waitForReplicas returns when no replica is far behind.
func (s *Store) waitForReplicas(ctx context.Context) error {
	for s.engine.lag != nil {
		behind, err := s.engine.lag(ctx)
		if err != nil || behind <= maxReplicaLag {
			return err
		}
		if err := pause(ctx, replicaLagPause); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// backfillEnd tells whether a backfill has come to its end.
type backfillEnd int

const (
	inProgress backfillEnd = iota
	finishedHere
	finishedElsewhere
)

// runBatch does one batch in one transaction with the note of how far it came.
func (s *Store) runBatch(ctx context.Context, m Migration, w backfillScan, size int) (state BackfillState, ended backfillEnd, err error) {
	err = s.Write(ctx, func(tx Tx) error {
		now := time.Now().UTC()
		if state, err = tx.lockBackfill(ctx, m.Number, now); err != nil {
			return err
		}
		noted, err := tx.Migrations(ctx)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(noted, func(n Migration) bool { return n.Number == m.Number && n.Phase == Backfill && n.AppliedAt != nil }) {
			ended = finishedElsewhere
			_, err := tx.exec(ctx, `DELETE FROM schema_backfills WHERE number = $1`, m.Number)
			return err
		}
		keys, err := tx.keysAfter(ctx, w, state.lastKey, size)
		if err != nil {
			return err
		}
		if len(keys) > 0 {
			last := keys[len(keys)-1]
			changed, err := tx.fillRows(ctx, w, state.lastKey, last)
			if err != nil {
				return err
			}
			state.lastKey, state.Walked, state.Changed, state.UpdatedAt = last, state.Walked+int64(len(keys)), state.Changed+changed, now
			if _, err := tx.exec(ctx, `UPDATE schema_backfills SET place = $2, walked = $3, changed = $4, updated_at = $5 WHERE number = $1`,
				m.Number, keyOf(last...), state.Walked, state.Changed, now); err != nil {
				return err
			}
		}
		if ended = inProgress; len(keys) == size {
			return nil
		}
		ended, state.UpdatedAt = finishedHere, now
		if _, err := tx.exec(ctx, `DELETE FROM schema_backfills WHERE number = $1`, m.Number); err != nil {
			return err
		}
		return s.recordMigration(ctx, tx.q, m, now)
	})
	return state, ended, err
}

const backfillColumns = `number, place, walked, changed, started_at, updated_at`

func scanBackfill(row scanner) (b BackfillState, err error) {
	var place *string
	if err = row.Scan(&b.Number, &place, &b.Walked, &b.Changed, timeInto{&b.StartedAt}, timeInto{&b.UpdatedAt}); err != nil || place == nil {
		return b, err
	}
	for _, part := range strings.Split(*place, "/") {
		id, err := uuid.Parse(part)
		if err != nil {
			return b, fmt.Errorf("the place of backfill %d: %w", b.Number, err)
		}
		b.lastKey = append(b.lastKey, id)
	}
	return b, nil
}

// Backfills returns how far the backfills under way have come.
func (r Reader) Backfills(ctx context.Context) ([]BackfillState, error) {
	found, err := all(ctx, r, scanBackfill, `SELECT `+backfillColumns+` FROM schema_backfills ORDER BY number`)
	if err != nil {
		return nil, err
	}
	for i := range found {
		found[i].Rows = -1
		for _, m := range migrationFiles(r.engine.name) {
			if m.Number != found[i].Number || m.Phase != Backfill {
				continue
			}
			w, err := parseBackfill(m)
			if err != nil {
				return nil, err
			}
			if found[i].Rows, err = r.estimateRows(ctx, w.table); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// BackfillSize is about how many rows a backfill has to walk, and in how many batches; -1 rows when nobody knows.
func (r Reader) BackfillSize(ctx context.Context, m Migration) (rows, batches int64, err error) {
	w, err := parseBackfill(m)
	if err != nil {
		return 0, 0, err
	}
	rows, err = r.estimateRows(ctx, w.table)
	return rows, (rows + batchInitial) / batchInitial, err
}

// lockBackfill locks the state of a backfill, which it makes when it is the first: one batch at a time.
func (tx Tx) lockBackfill(ctx context.Context, number int, now time.Time) (BackfillState, error) {
	if _, err := tx.exec(ctx, `INSERT INTO schema_backfills (number, started_at, updated_at) VALUES ($1, $2, $2) ON CONFLICT (number) DO NOTHING`, number, now); err != nil {
		return BackfillState{}, err
	}
	return one(ctx, tx.Reader, scanBackfill, `SELECT `+backfillColumns+` FROM schema_backfills WHERE number = $1`+tx.engine.forChange, number)
}

// keysAfter returns the primary keys of the next rows of a table.
func (tx Tx) keysAfter(ctx context.Context, w backfillScan, place []uuid.UUID, limit int) ([][]uuid.UUID, error) {
	condition, args := "", []any{}
	if place != nil {
		condition = ` WHERE (` + w.columns() + `) > ` + w.parameters(1)
		args = idArgs(place)
	}
	return all(ctx, tx.Reader, func(row scanner) ([]uuid.UUID, error) {
		key, into := make([]uuid.UUID, len(w.key)), make([]any, len(w.key))
		for i := range key {
			into[i] = &key[i]
		}
		return key, row.Scan(into...)
	}, fmt.Sprintf(`SELECT %[1]s FROM %[2]s%[3]s ORDER BY %[1]s LIMIT %[4]d`, w.columns(), w.table, condition, limit), args...)
}

// fillRows runs the statement for the rows behind one key, up to another.
func (tx Tx) fillRows(ctx context.Context, w backfillScan, from, to []uuid.UUID) (int64, error) {
	rows, args := `(`+w.columns()+`) <= `+w.parameters(1), idArgs(to)
	if from != nil {
		rows += ` AND (` + w.columns() + `) > ` + w.parameters(1+len(to))
		args = append(args, idArgs(from)...)
	}
	return tx.exec(ctx, strings.Replace(w.statement, "{batch}", rows, 1), args...)
}

func idArgs(ids []uuid.UUID) []any {
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	return args
}

// estimateRows is about how many rows a table has: what the statistics say, and a count where they say nothing.
func (r Reader) estimateRows(ctx context.Context, table string) (int64, error) {
	if n, err := r.statistic(ctx, table); err != nil || n > 0 {
		return n, err
	}
	n, err := one(ctx, r, scanInt, `SELECT count(*) FROM `+table)
	if errors.Is(err, cardinal.ErrBusy) { // it took too long to count
		return -1, nil
	}
	return int64(n), err
}
