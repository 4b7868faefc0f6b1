package store

import (
	"context"

	"github.com/google/uuid"
)

// The parts of an import that are stored in chunks.
const (
	ImportFile     = "file"     // the file as uploaded
	ImportProblems = "problems" // the rows with problems
)

// ImportChunk is a row of import_chunks: a piece of an uploaded file or of its problems, encrypted with the key of the
// import.
type ImportChunk struct {
	RunID         uuid.UUID
	Part          string
	Number        int64
	ContentSealed []byte
}

// ImportChunk returns the encrypted content of a chunk.
func (r Reader) ImportChunk(ctx context.Context, runID uuid.UUID, part string, number int64) ([]byte, error) {
	return queryOne(ctx, r, scanBytes,
		`SELECT content_sealed FROM import_chunks WHERE run_id = $1 AND part = $2 AND number = $3`, runID, part, number)
}

func scanBytes(row scanner) (b []byte, err error) {
	err = row.Scan(&b)
	return b, err
}

// InsertImportChunk adds a chunk.
func (tx Tx) InsertImportChunk(ctx context.Context, c ImportChunk) error {
	_, err := tx.exec(ctx, `INSERT INTO import_chunks (run_id, part, number, content_sealed) VALUES ($1, $2, $3, $4)`,
		c.RunID, c.Part, c.Number, c.ContentSealed)
	return err
}

// DeleteImportChunks deletes parts of an import.
func (tx Tx) DeleteImportChunks(ctx context.Context, runID uuid.UUID, parts ...string) error {
	for _, part := range parts {
		_, err := tx.exec(ctx, `DELETE FROM import_chunks WHERE run_id = $1 AND part = $2`, runID, part)
		if err != nil {
			return err
		}
	}
	return nil
}
