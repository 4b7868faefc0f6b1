package importing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/importfile"
	"cardinal/internal/seal"
	"cardinal/internal/store"
)

// chunkSize is how many bytes of a file are sealed together.
const chunkSize = 1 << 20

func placeOfChunk(runID uuid.UUID, part string, number int64) seal.Place {
	return placeInRun("import_chunks", part+" "+strconv.FormatInt(number, 10), runID)
}

// chunkWriter seals what is written to it and keeps it as a part of a run, as long as the run stays where it is.
type chunkWriter struct {
	ctx      context.Context
	d        *directory.Directory
	runID    uuid.UUID
	key      seal.Key
	part     string
	state    string // of the run
	number   int64
	buffered []byte
}

func newChunkWriter(ctx context.Context, d *directory.Directory, record store.ImportRecord, part string) (*chunkWriter, error) {
	key, err := unwrapRun(d.Keys(), record)
	return &chunkWriter{ctx: ctx, d: d, runID: record.ID, key: key, part: part, state: record.State}, err
}

// Write keeps whole chunks and holds the rest back.
func (w *chunkWriter) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		taken := min(len(b), chunkSize-len(w.buffered))
		w.buffered, b = append(w.buffered, b[:taken]...), b[taken:]
		if len(w.buffered) == chunkSize {
			if err := w.flush(); err != nil {
				return n - len(b), err
			}
		}
	}
	return n, nil
}

// flush keeps what is held back.
func (w *chunkWriter) flush() error {
	if len(w.buffered) == 0 {
		return nil
	}
	sealed := w.key.Seal(w.buffered, placeOfChunk(w.runID, w.part, w.number))
	err := updateRun(w.ctx, w.d, w.runID, w.state, func(tx store.Tx, record *store.ImportRecord) error {
		if w.part == store.ImportFile {
			found := cardinal.ImportCheck{}
			if record.Check != nil {
				found = *record.Check
			}
			found.Bytes += int64(len(w.buffered))
			record.Check = &found
		}
		return tx.InsertImportChunk(w.ctx, store.ImportChunk{RunID: w.runID, Part: w.part, Number: w.number, ContentSealed: sealed})
	})
	if err == nil {
		w.number++
		w.buffered = w.buffered[:0]
	}
	return err
}

// updateRun changes a run that the service works on and that is still where it was; otherwise errElsewhere.
func updateRun(ctx context.Context, d *directory.Directory, id uuid.UUID, state string, fn func(store.Tx, *store.ImportRecord) error) error {
	return d.Store().Write(ctx, func(tx store.Tx) error {
		record, err := tx.ImportForChange(ctx, id)
		if err != nil {
			return err
		}
		if record.State != state {
			return errRunningElsewhere
		}
		if err := fn(tx, &record); err != nil {
			return err
		}
		return tx.UpdateImport(ctx, record, d.Now())
	})
}

// filePart is a part of a run, to be read any number of times.
type filePart struct {
	ctx   context.Context
	r     store.Reader
	key   seal.Key
	runID uuid.UUID
	part  string
	bytes int64 // how many there must be; -1 for as many as there are
}

func uploadedFile(ctx context.Context, d *directory.Directory, record store.ImportRecord) (filePart, error) {
	key, err := unwrapRun(d.Keys(), record)
	c := filePart{ctx: ctx, r: d.Store().Read(ctx), key: key, runID: record.ID, part: store.ImportFile}
	if record.Check != nil {
		c.bytes = record.Check.Bytes
	}
	return c, err
}

// Open begins at the beginning.
func (c filePart) Open() (io.ReadCloser, error) { return io.NopCloser(&chunkReader{filePart: c}), nil }

type chunkReader struct {
	filePart
	number, done int64
	left         []byte
}

func (c *chunkReader) Read(b []byte) (int, error) {
	if len(c.left) == 0 {
		sealed, err := c.r.ImportChunk(c.ctx, c.runID, c.part, c.number)
		if errors.Is(err, cardinal.ErrNotFound) {
			if c.bytes >= 0 && c.done != c.bytes {
				return 0, errRunningElsewhere // it was deleted meanwhile
			}
			return 0, io.EOF
		}
		if err != nil {
			return 0, err
		}
		if c.left, err = c.key.Open(sealed, placeOfChunk(c.runID, c.part, c.number)); err != nil {
			return 0, fmt.Errorf("open chunk %d of import %s: %w", c.number, c.runID, err)
		}
		c.number++
	}
	n := copy(b, c.left)
	c.left = c.left[n:]
	c.done += int64(n)
	return n, nil
}

// readColumns says what the columns of an uploaded file are taken for.
func readColumns(ctx context.Context, d *directory.Directory, record store.ImportRecord, details details) ([]cardinal.ImportColumn, error) {
	r, err := openUploaded(ctx, d, record, details)
	if errors.Is(err, errRunningElsewhere) || errors.Is(err, importfile.ErrFile) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return r.Columns, nil
}

func openUploaded(ctx context.Context, d *directory.Directory, record store.ImportRecord, details details) (*importfile.Reader, error) {
	src, err := uploadedFile(ctx, d, record)
	if err != nil {
		return nil, err
	}
	return importfile.Open(&chunkReader{filePart: src}, details.File)
}
