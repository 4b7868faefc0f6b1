package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store/schema"
)

// BackfillState is the progress of a backfill.
type BackfillState struct {
	Number    int       `json:"number"`
	Scanned   int64     `json:"walked"`  // rows scanned so far
	Changed   int64     `json:"changed"` // rows changed so far
	Rows      int64     `json:"rows"`    // estimate of all rows to scan, -1 if unknown
	StartedAt time.Time `json:"started_at"`
	UpdatedAt time.Time `json:"updated_at"`

	lastKey []uuid.UUID
}

// The size of batches is adapted so that one takes about batchTime on any machine. Then the backfill pauses as long as
// the batch took, so that half of the time is left to the service.
const (
	batchTime       = 100 * time.Millisecond
	batchMin        = 50
	batchMax        = 5_000
	batchInitial    = 500
	maxReplicaLag   = 16 << 20 // bytes of WAL; a backfill waits while a replica is further behind
	replicaLagPause = time.Second
)

// Backfill runs the pending backfills to their end, in small batches with a pause after each. It waits while a replica
// is far behind. It returns the backfills that it finished. After ctx ends, the next call on any node continues with
// the rest.
func (s *Store) Backfill(ctx context.Context, onProgress func(Progress)) ([]schema.Migration, error) {
	list, err := s.Read(ctx).Migrations(ctx)
	if err != nil {
		return nil, err
	}
	var done []schema.Migration
	for _, m := range list {
		if m.Phase != schema.Backfill || m.AppliedAt != nil || m.Script == "" {
			continue
		}
		if slices.ContainsFunc(list, func(e schema.Migration) bool {
			return e.Number <= m.Number && e.Phase == schema.Expand && e.AppliedAt == nil
		}) {
			break
		}
		if err := s.runBackfill(ctx, &m, onProgress); err != nil {
			return done, fmt.Errorf("backfill %s: %w", m, err)
		}
		if m.AppliedAt != nil {
			done = append(done, m)
		}
	}
	return done, nil
}

// runBackfill runs one backfill to its end, and sets AppliedAt of m. It leaves m unchanged if another node finished it
// first.
func (s *Store) runBackfill(ctx context.Context, m *schema.Migration, onProgress func(Progress)) error {
	w, err := m.Scan()
	if err != nil {
		return err
	}
	rows, err := s.Read(ctx).estimateRows(ctx, w.Table)
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
		onProgress(Progress{Migration: *m, Backfill: &state, Took: took})
		if ended == finishedHere {
			m.AppliedAt = &state.UpdatedAt
			onProgress(Progress{Migration: *m, Took: time.Since(began)})
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

// waitForReplicas returns as soon as no replica is far behind.
func (s *Store) waitForReplicas(ctx context.Context) error {
	for s.engine.replicaLag != nil {
		behind, err := s.engine.replicaLag(ctx)
		if err != nil || behind <= maxReplicaLag {
			return err
		}
		if err := pause(ctx, replicaLagPause); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// backfillEnd is whether a backfill has finished, and on which node.
type backfillEnd int

const (
	inProgress backfillEnd = iota
	finishedHere
	finishedElsewhere
)

// runBatch runs one batch. Its transaction also stores the progress.
func (s *Store) runBatch(
	ctx context.Context, m schema.Migration, w schema.Scan, size int,
) (state BackfillState, ended backfillEnd, err error) {
	err = s.Write(ctx, func(tx Tx) error {
		now := time.Now().UTC()
		if state, err = tx.lockBackfill(ctx, m.Number, now); err != nil {
			return err
		}
		list, err := tx.Migrations(ctx)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(list, func(n schema.Migration) bool {
			return n.Number == m.Number && n.Phase == schema.Backfill && n.AppliedAt != nil
		}) {
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
			state.lastKey, state.UpdatedAt = last, now
			// On PostgreSQL, rows that were inserted since keysAfter are changed too.
			state.Scanned, state.Changed = state.Scanned+max(int64(len(keys)), changed), state.Changed+changed
			if _, err := tx.exec(ctx, `
				UPDATE schema_backfills SET place = $2, walked = $3, changed = $4, updated_at = $5 WHERE number = $1`,
				m.Number, keyOf(last...), state.Scanned, state.Changed, now); err != nil {
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
	err = row.Scan(&b.Number, &place, &b.Scanned, &b.Changed, timeInto{&b.StartedAt}, timeInto{&b.UpdatedAt})
	if err != nil || place == nil {
		return b, err
	}
	for _, part := range strings.Split(*place, "/") {
		id, err := uuid.Parse(part)
		if err != nil {
			return b, fmt.Errorf("the last key of backfill %d: %w", b.Number, err)
		}
		b.lastKey = append(b.lastKey, id)
	}
	return b, nil
}

// Backfills returns the progress of the backfills that have started and not finished.
func (r Reader) Backfills(ctx context.Context) ([]BackfillState, error) {
	found, err := queryAll(ctx, r, scanBackfill, `SELECT `+backfillColumns+` FROM schema_backfills ORDER BY number`)
	if err != nil {
		return nil, err
	}
	for i := range found {
		found[i].Rows = -1
		for _, m := range migrationFiles(r.engine.name) {
			if m.Number != found[i].Number || m.Phase != schema.Backfill {
				continue
			}
			w, err := m.Scan()
			if err != nil {
				return nil, err
			}
			if found[i].Rows, err = r.estimateRows(ctx, w.Table); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// BackfillSize estimates the rows that a backfill scans, and its batches; -1 rows if unknown.
func (r Reader) BackfillSize(ctx context.Context, m schema.Migration) (rows, batches int64, err error) {
	w, err := m.Scan()
	if err != nil {
		return 0, 0, err
	}
	rows, err = r.estimateRows(ctx, w.Table)
	return rows, (rows + batchInitial) / batchInitial, err
}

// lockBackfill locks the row of a backfill, so that one batch runs at a time. It inserts the row before the first
// batch.
func (tx Tx) lockBackfill(ctx context.Context, number int, now time.Time) (BackfillState, error) {
	if _, err := tx.exec(ctx, `
		INSERT INTO schema_backfills (number, started_at, updated_at) VALUES ($1, $2, $2)
		ON CONFLICT (number) DO NOTHING`, number, now); err != nil {
		return BackfillState{}, err
	}
	return queryOne(ctx, tx.Reader, scanBackfill,
		`SELECT `+backfillColumns+` FROM schema_backfills WHERE number = $1`+tx.engine.lockRow, number)
}

// keysAfter returns the primary keys of the next rows of a table, after a key or from the start.
func (tx Tx) keysAfter(ctx context.Context, w schema.Scan, lastKey []uuid.UUID, limit int) ([][]uuid.UUID, error) {
	condition, args := "", []any{}
	if lastKey != nil {
		condition = ` WHERE (` + w.Columns() + `) > ` + w.Parameters(1)
		args = idArgs(lastKey)
	}
	scan := func(row scanner) ([]uuid.UUID, error) {
		key, into := make([]uuid.UUID, len(w.Key)), make([]any, len(w.Key))
		for i := range key {
			into[i] = &key[i]
		}
		return key, row.Scan(into...)
	}
	query := fmt.Sprintf(`SELECT %[1]s FROM %[2]s%[3]s ORDER BY %[1]s LIMIT %[4]d`,
		w.Columns(), w.Table, condition, limit)
	return queryAll(ctx, tx.Reader, scan, query, args...)
}

// fillRows runs the statement for the rows after one key, or from the start, up to another key.
func (tx Tx) fillRows(ctx context.Context, w schema.Scan, from, to []uuid.UUID) (int64, error) {
	rows, args := `(`+w.Columns()+`) <= `+w.Parameters(1), idArgs(to)
	if from != nil {
		rows += ` AND (` + w.Columns() + `) > ` + w.Parameters(1+len(to))
		args = append(args, idArgs(from)...)
	}
	return tx.exec(ctx, strings.Replace(w.Statement, "{batch}", rows, 1), args...)
}

func idArgs(ids []uuid.UUID) []any {
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	return args
}

// estimateRows estimates the rows of a table from the statistics. It counts them if there are no statistics.
func (r Reader) estimateRows(ctx context.Context, table string) (int64, error) {
	if n, err := r.statistic(ctx, table); err != nil || n > 0 {
		return n, err
	}
	n, err := queryOne(ctx, r, scanInt, `SELECT count(*) FROM `+table)
	if errors.Is(err, cardinal.ErrBusy) { // counting took too long
		return -1, nil
	}
	return int64(n), err
}
