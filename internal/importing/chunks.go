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

// An uploaded file, and the file of its rows with problems, are stored as rows of import_chunks. Each chunk is
// encrypted under the key of the import and bound to the import, the part and its number, so that chunks cannot be
// exchanged.

// chunkSize is how many bytes of a file are encrypted together.
const chunkSize = 1 << 20

func chunkPlace(runID uuid.UUID, part string, number int64) seal.Place {
	return runPlace("import_chunks", part+" "+strconv.FormatInt(number, 10), runID)
}

// The functions of io with a context as a parameter are passed to readers and writers of the standard library by
// these types: the call that has the context wraps them in a closure.
type (
	writerFunc func([]byte) (int, error)
	readerFunc func([]byte) (int, error)
	sourceFunc func() (io.ReadCloser, error)
)

func (f writerFunc) Write(b []byte) (int, error)  { return f(b) }
func (f readerFunc) Read(b []byte) (int, error)   { return f(b) }
func (f sourceFunc) Open() (io.ReadCloser, error) { return f() }

// chunkWriter encrypts what is written to it and stores it as a part of an import, as long as the state of the import
// stays the same.
type chunkWriter struct {
	d        *directory.Directory
	runID    uuid.UUID
	key      seal.Key
	part     string
	state    string // of the import
	number   int64  // of the next chunk
	buffered []byte
}

func newChunkWriter(d *directory.Directory, record store.ImportRecord, part string) (*chunkWriter, error) {
	key, err := unwrapKey(d.Keys(), record)
	return &chunkWriter{d: d, runID: record.ID, key: key, part: part, state: record.State}, err
}

// writer returns the chunk writer as an io.Writer, for use during the call that ctx belongs to.
func (w *chunkWriter) writer(ctx context.Context) io.Writer {
	return writerFunc(func(b []byte) (int, error) { return w.write(ctx, b) })
}

// write stores full chunks and buffers the rest.
func (w *chunkWriter) write(ctx context.Context, b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		taken := min(len(b), chunkSize-len(w.buffered))
		w.buffered, b = append(w.buffered, b[:taken]...), b[taken:]
		if len(w.buffered) == chunkSize {
			if err := w.flush(ctx); err != nil {
				return n - len(b), err
			}
		}
	}
	return n, nil
}

// flush stores what is buffered.
func (w *chunkWriter) flush(ctx context.Context) error {
	if len(w.buffered) == 0 {
		return nil
	}
	encrypted := w.key.Seal(w.buffered, chunkPlace(w.runID, w.part, w.number))
	err := updateRun(ctx, w.d, w.runID, w.state, func(tx store.Tx, record *store.ImportRecord) error {
		if w.part == store.ImportFile {
			check := cardinal.ImportCheck{}
			if record.Check != nil {
				check = *record.Check
			}
			check.Bytes += int64(len(w.buffered))
			record.Check = &check
		}
		chunk := store.ImportChunk{RunID: w.runID, Part: w.part, Number: w.number, ContentSealed: encrypted}
		return tx.InsertImportChunk(ctx, chunk)
	})
	if err == nil {
		w.number++
		w.buffered = w.buffered[:0]
	}
	return err
}

// updateRun updates an import that the service works on, if it is still in a state; otherwise it returns
// errRunningElsewhere. It records progress, which is no change of a user, so it leaves no audit event.
func updateRun(
	ctx context.Context, d *directory.Directory, id uuid.UUID, state string,
	fn func(store.Tx, *store.ImportRecord) error,
) error {
	return d.Store().Write(ctx, func(tx store.Tx) error {
		record, err := tx.LockImport(ctx, id)
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

// filePart is a stored part of an import, which can be read any number of times.
type filePart struct {
	d     *directory.Directory
	key   seal.Key
	runID uuid.UUID
	part  string
	bytes int64 // its length; -1 when it is not known
}

// uploadedFile returns the uploaded file of an import.
func uploadedFile(d *directory.Directory, record store.ImportRecord) (filePart, error) {
	key, err := unwrapKey(d.Keys(), record)
	p := filePart{d: d, key: key, runID: record.ID, part: store.ImportFile}
	if record.Check != nil {
		p.bytes = record.Check.Bytes
	}
	return p, err
}

// reader returns a reader of the part from its beginning.
func (p filePart) reader(ctx context.Context) io.Reader {
	r := chunkReader{filePart: p, store: p.d.Store().Read(ctx)}
	return readerFunc(func(b []byte) (int, error) { return r.read(ctx, b) })
}

// source returns the part as a Source, for use during the call that ctx belongs to.
func (p filePart) source(ctx context.Context) Source {
	return sourceFunc(func() (io.ReadCloser, error) { return io.NopCloser(p.reader(ctx)), nil })
}

type chunkReader struct {
	filePart
	store      store.Reader
	number     int64 // of the next chunk
	bytesRead  int64
	unreadRest []byte // of the current chunk
}

func (r *chunkReader) read(ctx context.Context, b []byte) (int, error) {
	if len(r.unreadRest) == 0 {
		encrypted, err := r.store.ImportChunk(ctx, r.runID, r.part, r.number)
		if errors.Is(err, cardinal.ErrNotFound) {
			if r.bytes >= 0 && r.bytesRead != r.bytes {
				return 0, errRunningElsewhere // the file was deleted meanwhile
			}
			return 0, io.EOF
		}
		if err != nil {
			return 0, err
		}
		if r.unreadRest, err = r.key.Open(encrypted, chunkPlace(r.runID, r.part, r.number)); err != nil {
			return 0, fmt.Errorf("decrypt chunk %d of import %s: %w", r.number, r.runID, err)
		}
		r.number++
	}
	n := copy(b, r.unreadRest)
	r.unreadRest = r.unreadRest[n:]
	r.bytesRead += int64(n)
	return n, nil
}

// readColumns returns which field each column of an uploaded CSV file is read as; nil when the file cannot be read
// any more.
func readColumns(
	ctx context.Context, d *directory.Directory, record store.ImportRecord, details details,
) ([]cardinal.ImportColumn, error) {
	r, err := openUploaded(ctx, d, record, details)
	if errors.Is(err, errRunningElsewhere) || errors.Is(err, importfile.ErrFile) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return r.Columns, nil
}

func openUploaded(
	ctx context.Context, d *directory.Directory, record store.ImportRecord, details details,
) (*importfile.Reader, error) {
	file, err := uploadedFile(d, record)
	if err != nil {
		return nil, err
	}
	return importfile.Open(file.reader(ctx), details.File)
}
