package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// ImportRecord is a row of import_runs as stored, with its row of import_work. The details are encrypted with the key
// of the import, which is stored wrapped in the same row.
type ImportRecord struct {
	cardinal.ImportRun
	ContentMAC    []byte
	DetailsSealed []byte // a placeholder after the key was destroyed
	KEKID         uuid.NullUUID
	WrappedKey    []byte
	Stage         *string // import_work.stage; nil for an import by the command line, which has no row there
	ActingID      uuid.NullUUID
	ActingKeyID   uuid.NullUUID
}

const (
	importColumns = `id, actor_id, format, content_mac, details_sealed, kek_id, wrapped_key, rows_read, rows_created,
  rows_skipped, rows_faulty, rows_undone, rows_kept, created_at, updated_at, finished_at, undone_at`
	selectImports = `
		SELECT ` + importColumns + `, stage, acting_id, acting_key_id, COALESCE(bytes_received, 0),
		       COALESCE(rows_checked, 0), COALESCE(rows_new, 0), COALESCE(rows_existing, 0),
		       COALESCE(rows_wrong, 0), started_at
		  FROM import_runs
		  LEFT JOIN import_work ON run_id = id`
)

func scanImport(row scanner) (r ImportRecord, err error) {
	var c cardinal.ImportCheck
	err = row.Scan(&r.ID, &r.ActorID, &r.Format, &r.ContentMAC, &r.DetailsSealed, &r.KEKID, &r.WrappedKey, &r.Read,
		&r.Created, &r.Skipped, &r.Invalid, &r.Undone, &r.Kept, timeInto{&r.CreatedAt}, timeInto{&r.UpdatedAt},
		nullTimeInto{&r.FinishedAt}, nullTimeInto{&r.UndoneAt}, &r.Stage, &r.ActingID, &r.ActingKeyID, &c.Bytes,
		&c.Rows, &c.New, &c.Existing, &c.Invalid, nullTimeInto{&r.StartedAt})
	if c.Bytes > 0 {
		r.Check = &c
	}
	r.State = r.state()
	return r, err
}

// importStageDone is the stage in which the service has nothing more to do.
const importStageDone = "over"

// state derives the state of an import from its times and its stage.
func (r *ImportRecord) state() string {
	switch {
	case r.UndoneAt != nil:
		return "undone"
	case r.Stage != nil && *r.Stage == "undoing":
		return "undoing"
	case r.FinishedAt != nil:
		return "finished"
	case r.Stage != nil:
		return *r.Stage
	}
	return "running"
}

// stage is the stage to store: importStageDone for an import that is finished or undone.
func (r *ImportRecord) stage() string {
	if state := r.state(); state == "undone" || state == "finished" {
		return importStageDone
	}
	return *r.Stage
}

// check is the result of checking the file; empty for an import that was not uploaded.
func (r *ImportRecord) check() cardinal.ImportCheck {
	if r.Check == nil {
		return cardinal.ImportCheck{}
	}
	return *r.Check
}

// Import returns an import.
func (r Reader) Import(ctx context.Context, id uuid.UUID) (ImportRecord, error) {
	return queryOne(ctx, r, scanImport, selectImports+` WHERE id = $1`, id)
}

// LockImport returns an import and locks it until the transaction ends, so that no other node continues it.
func (tx Tx) LockImport(ctx context.Context, id uuid.UUID) (ImportRecord, error) {
	// The row of import_work is read after the lock was acquired: the locking statement itself could still see the old
	// row.
	_, err := queryOne(ctx, tx.Reader, scanID, `SELECT id FROM import_runs WHERE id = $1`+tx.engine.lockRow, id)
	if err != nil {
		return ImportRecord{}, err
	}
	return tx.Import(ctx, id)
}

// Imports returns a page of imports, one more than the limit if there are more.
func (r Reader) Imports(ctx context.Context, p cardinal.Page) ([]ImportRecord, error) {
	w := whereClause{}
	w.page(`id`, allIDs(p))
	return queryAll(ctx, r, scanImport, selectImports+w.sql(), w.args...)
}

// ImportsByContent returns the imports of files with the same content that were not undone, newest first.
func (r Reader) ImportsByContent(ctx context.Context, contentMAC []byte) ([]ImportRecord, error) {
	return queryAll(ctx, r, scanImport, selectImports+`
		 WHERE content_mac = $1 AND undone_at IS NULL ORDER BY id DESC LIMIT 10`, contentMAC)
}

// OpenImports returns the imports that are not finished, and those with stored chunks, at most 1,000.
func (r Reader) OpenImports(ctx context.Context) ([]ImportRecord, error) {
	return queryAll(ctx, r, scanImport, selectImports+`
		 WHERE id IN (SELECT run_id FROM import_chunks WHERE number = 0
		              UNION
		              SELECT run_id FROM import_work WHERE stage IN ('uploading', 'checking', 'checked', 'running'))
		 ORDER BY id LIMIT 1000`)
}

// InsertImport adds an import.
func (tx Tx) InsertImport(ctx context.Context, r ImportRecord) error {
	err := tx.execDeferred(ctx, `
		INSERT INTO import_runs (`+importColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
		r.ID, r.ActorID, r.Format, r.ContentMAC, r.DetailsSealed, r.KEKID, r.WrappedKey, r.Read, r.Created,
		r.Skipped, r.Invalid, r.Undone, r.Kept, r.CreatedAt, r.UpdatedAt, r.FinishedAt, r.UndoneAt)
	if err != nil {
		return err
	}
	return tx.upsertImportWork(ctx, r)
}

// UpdateImport updates the columns that change while a file is uploaded and while the import runs or is undone.
func (tx Tx) UpdateImport(ctx context.Context, r ImportRecord, now time.Time) error {
	err := tx.execDeferred(ctx, `
		UPDATE import_runs
		   SET format = $2, content_mac = $3, details_sealed = $4, kek_id = $5, wrapped_key = $6, rows_read = $7,
		       rows_created = $8, rows_skipped = $9, rows_faulty = $10, rows_undone = $11, rows_kept = $12,
		       updated_at = $13, finished_at = $14, undone_at = $15
		 WHERE id = $1`, r.ID, r.Format, r.ContentMAC, r.DetailsSealed, r.KEKID, r.WrappedKey, r.Read, r.Created,
		r.Skipped, r.Invalid, r.Undone, r.Kept, now, r.FinishedAt, r.UndoneAt)
	if err != nil {
		return err
	}
	return tx.upsertImportWork(ctx, r)
}

// upsertImportWork writes the row of import_work, if the import has a stage.
func (tx Tx) upsertImportWork(ctx context.Context, r ImportRecord) error {
	if r.Stage == nil {
		return nil
	}
	c := r.check()
	return tx.execDeferred(ctx, `
		INSERT INTO import_work (run_id, importer_id, stage, acting_id, acting_key_id, bytes_received, rows_checked,
		  rows_new, rows_existing, rows_wrong, started_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (run_id) DO UPDATE
		   SET stage = excluded.stage, acting_id = excluded.acting_id, acting_key_id = excluded.acting_key_id,
		       bytes_received = excluded.bytes_received, rows_checked = excluded.rows_checked,
		       rows_new = excluded.rows_new, rows_existing = excluded.rows_existing, rows_wrong = excluded.rows_wrong,
		       started_at = excluded.started_at`,
		r.ID, r.ActorID, r.stage(), r.ActingID, r.ActingKeyID, c.Bytes, c.Rows, c.New, c.Existing, c.Invalid,
		r.StartedAt)
}

// ImportAction is the action of the event of an imported user.
const ImportAction = "user.import"

// ImportedUserEvents returns the events of the users that an import created, in order, beginning after an event.
func (r Reader) ImportedUserEvents(
	ctx context.Context, runID, after uuid.UUID, limit int,
) ([]EventRecord, error) {
	filters := eventFilters(cardinal.AuditFilter{RequestID: runID, Action: ImportAction})
	// The index on the action drives always: it returns the events in order. The other index would have to sort all
	// events of the import for each batch.
	filters[0].unique = true
	ids := allIDs(cardinal.Page{Limit: limit, After: after})
	// No event is older than the import; the hour allows for clocks that differ.
	ids.low = lowestIDAt(cardinal.TimeOf(runID).Add(-time.Hour))
	page, err := r.readEvents(ctx, filters, ids)
	return page.Events, err
}
