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

const importColumns = `id, actor_id, format, content_mac, details_sealed, kek_id, wrapped_key, is_uploaded, is_trial, rows_read, rows_created,
  rows_skipped, rows_faulty, rows_undone, rows_kept, created_at, updated_at, finished_at, undone_at`

func scanImport(row scanner) (r ImportRecord, err error) {
	err = row.Scan(&r.ID, &r.ActorID, &r.Format, &r.ContentMAC, &r.DetailsSealed, &r.KEKID, &r.WrappedKey, &r.IsUploaded, &r.IsTrial, &r.Read, &r.Created,
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

// ImportsOf returns the imports of a content, newest first, that made people and were not undone.
func (r Reader) ImportsOf(ctx context.Context, contentMAC []byte) ([]ImportRecord, error) {
	return all(ctx, r, scanImport, `
		SELECT `+importColumns+` FROM import_runs WHERE content_mac = $1 AND NOT is_trial AND undone_at IS NULL ORDER BY id DESC LIMIT 10`, contentMAC)
}

// UploadedImports returns the imports that the service has to go on with, oldest first.
func (r Reader) UploadedImports(ctx context.Context, limit int) ([]ImportRecord, error) {
	return all(ctx, r, scanImport, `SELECT `+importColumns+` FROM import_runs WHERE is_uploaded AND finished_at IS NULL ORDER BY created_at, id LIMIT $1`, limit)
}

// InsertImport adds an import that begins.
func (tx Tx) InsertImport(ctx context.Context, r ImportRecord) error {
	return tx.later(ctx, `INSERT INTO import_runs (`+importColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`,
		r.ID, r.ActorID, r.Format, r.ContentMAC, r.DetailsSealed, r.KEKID, r.WrappedKey, r.IsUploaded, r.IsTrial, r.Read, r.Created,
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

// AddImportChunk adds a piece of an uploaded file; ids that grow put the pieces in order.
func (tx Tx) AddImportChunk(ctx context.Context, runID, id uuid.UUID, sealed []byte) error {
	return tx.later(ctx, `INSERT INTO import_chunks (run_id, id, content_sealed) VALUES ($1, $2, $3)`, runID, id, sealed)
}

// ImportChunk is a piece of an uploaded file, sealed.
type ImportChunk struct {
	ID            uuid.UUID
	ContentSealed []byte
}

// ImportChunk returns the piece of an uploaded file that follows another; cardinal.ErrNotFound after the last.
func (r Reader) ImportChunk(ctx context.Context, runID, after uuid.UUID) (ImportChunk, error) {
	return one(ctx, r, func(row scanner) (c ImportChunk, err error) {
		err = row.Scan(&c.ID, &c.ContentSealed)
		return c, err
	}, `SELECT id, content_sealed FROM import_chunks WHERE run_id = $1 AND id > $2 ORDER BY id LIMIT 1`, runID, after)
}

// DeleteImportChunks deletes at most limit pieces of an uploaded file, and returns how many.
func (tx Tx) DeleteImportChunks(ctx context.Context, runID uuid.UUID, limit int) (int64, error) {
	return tx.exec(ctx, `
		DELETE FROM import_chunks WHERE run_id = $1 AND id IN (SELECT id FROM import_chunks WHERE run_id = $1 ORDER BY id LIMIT $2)`, runID, limit)
}

// ImportProblem is a row of an uploaded file with its problems, sealed.
type ImportProblem struct {
	RowNumber int64
	RowSealed []byte
}

// AddImportProblem keeps a row that has problems; once more changes nothing.
func (tx Tx) AddImportProblem(ctx context.Context, runID, id uuid.UUID, p ImportProblem) error {
	return tx.later(ctx, `
		INSERT INTO import_problems (run_id, id, row_number, row_sealed) VALUES ($1, $2, $3, $4)
		ON CONFLICT (run_id, row_number) DO NOTHING`, runID, id, p.RowNumber, p.RowSealed)
}

// ImportProblems returns the rows with problems after one, in order.
func (r Reader) ImportProblems(ctx context.Context, runID uuid.UUID, after int64, limit int) ([]ImportProblem, error) {
	return all(ctx, r, func(row scanner) (p ImportProblem, err error) {
		err = row.Scan(&p.RowNumber, &p.RowSealed)
		return p, err
	}, `SELECT row_number, row_sealed FROM import_problems WHERE run_id = $1 AND row_number > $2 ORDER BY row_number LIMIT $3`, runID, after, limit)
}

// DeleteImportProblems deletes at most limit rows with problems of an import, and returns how many.
func (tx Tx) DeleteImportProblems(ctx context.Context, runID uuid.UUID, limit int) (int64, error) {
	return tx.exec(ctx, `
		DELETE FROM import_problems WHERE run_id = $1 AND id IN (SELECT id FROM import_problems WHERE run_id = $1 ORDER BY id LIMIT $2)`, runID, limit)
}

// ImportAction is the action of the event that tells of somebody who was imported.
const ImportAction = "user.import"

// ImportedPeople returns whom a run made, by the events that tell of it, those after an event first.
func (r Reader) ImportedPeople(ctx context.Context, runID, after uuid.UUID, limit int) ([]cardinal.AuditEvent, error) {
	return r.Events(ctx, cardinal.AuditFilter{RequestID: runID, Action: ImportAction, Page: cardinal.Page{Limit: limit, After: after}})
}
