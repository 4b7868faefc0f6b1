package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// ImportRecord is a row of import_runs as stored: the details sealed under the key of the run, which is wrapped beside it.
type ImportRecord struct {
	cardinal.ImportRun
	ContentMAC    []byte
	DetailsSealed []byte // a placeholder once the key is destroyed
	KEKID         uuid.NullUUID
	WrappedKey    []byte
}

const importColumns = `id, actor_id, format, content_mac, details_sealed, kek_id, wrapped_key, rows_read, rows_created,
  rows_skipped, rows_faulty, rows_undone, rows_kept, created_at, updated_at, finished_at, undone_at`

func scanImport(row scanner) (r ImportRecord, err error) {
	err = row.Scan(&r.ID, &r.ActorID, &r.Format, &r.ContentMAC, &r.DetailsSealed, &r.KEKID, &r.WrappedKey, &r.Read, &r.Created,
		&r.Skipped, &r.Faulty, &r.Undone, &r.Kept, timeInto{&r.CreatedAt}, timeInto{&r.UpdatedAt}, nullTimeInto{&r.FinishedAt}, nullTimeInto{&r.UndoneAt})
	switch {
	case r.UndoneAt != nil:
		r.State = "undone"
	case r.FinishedAt != nil:
		r.State = "finished"
	default:
		r.State = "running"
	}
	return r, err
}

// Import returns an import.
func (r Reader) Import(ctx context.Context, id uuid.UUID) (ImportRecord, error) {
	return one(ctx, r, scanImport, `SELECT `+importColumns+` FROM import_runs WHERE id = $1`, id)
}

// ImportForChange returns an import and keeps others from going on with it until the transaction ends.
func (tx Tx) ImportForChange(ctx context.Context, id uuid.UUID) (ImportRecord, error) {
	return one(ctx, tx.Reader, scanImport, `SELECT `+importColumns+` FROM import_runs WHERE id = $1`+tx.engine.forChange, id)
}

// Imports returns a page of imports, one more than asked for when there are more.
func (r Reader) Imports(ctx context.Context, p cardinal.Page) ([]ImportRecord, error) {
	w := where{}
	w.walk(`id`, p, uuid.Nil, cardinal.MaxID)
	return all(ctx, r, scanImport, `SELECT `+importColumns+` FROM import_runs`+w.text(), w.args...)
}

// ImportsOf returns the imports of a content, newest first, that were not undone.
func (r Reader) ImportsOf(ctx context.Context, contentMAC []byte) ([]ImportRecord, error) {
	return all(ctx, r, scanImport, `
		SELECT `+importColumns+` FROM import_runs WHERE content_mac = $1 AND undone_at IS NULL ORDER BY id DESC LIMIT 10`, contentMAC)
}

// InsertImport adds an import that begins.
func (tx Tx) InsertImport(ctx context.Context, r ImportRecord) error {
	return tx.later(ctx, `INSERT INTO import_runs (`+importColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
		r.ID, r.ActorID, r.Format, r.ContentMAC, r.DetailsSealed, r.KEKID, r.WrappedKey, r.Read, r.Created,
		r.Skipped, r.Faulty, r.Undone, r.Kept, r.CreatedAt, r.UpdatedAt, r.FinishedAt, r.UndoneAt)
}

// UpdateImport writes what of an import changes while it runs or is undone.
func (tx Tx) UpdateImport(ctx context.Context, r ImportRecord, now time.Time) error {
	return tx.later(ctx, `
		UPDATE import_runs
		   SET details_sealed = $2, kek_id = $3, wrapped_key = $4, rows_read = $5, rows_created = $6, rows_skipped = $7, rows_faulty = $8,
		       rows_undone = $9, rows_kept = $10, updated_at = $11, finished_at = $12, undone_at = $13
		 WHERE id = $1`, r.ID, r.DetailsSealed, r.KEKID, r.WrappedKey, r.Read, r.Created, r.Skipped, r.Faulty, r.Undone, r.Kept, now, r.FinishedAt, r.UndoneAt)
}

// ImportAction is the action of the event that tells of somebody who was imported.
const ImportAction = "user.import"

// ImportedPeople returns whom a run made, by the events that tell of it, those after an event first.
func (r Reader) ImportedPeople(ctx context.Context, runID, after uuid.UUID, limit int) ([]cardinal.AuditEvent, error) {
	return r.Events(ctx, cardinal.AuditFilter{RequestID: runID, Action: ImportAction, Page: cardinal.Page{Limit: limit, After: after}})
}
