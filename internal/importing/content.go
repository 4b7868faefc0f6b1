package importing

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"hash"
	"io"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/importfile"
)

// contentReader reads a file and hashes it at the same time.
type contentReader struct {
	io.Reader
	io.Closer
	hash hash.Hash
}

func openContent(src Source) (contentReader, error) {
	in, err := src.Open()
	if err != nil {
		return contentReader{}, err
	}
	hash := sha256.New()
	return contentReader{io.TeeReader(in, hash), in, hash}, nil
}

// mac reads the rest of the file and returns its contentMAC.
func (c contentReader) mac(d *directory.Directory, o importfile.Options) ([]byte, error) {
	if _, err := io.Copy(io.Discard, c.Reader); err != nil {
		return nil, err
	}
	return contentMAC(d, c.hash.Sum(nil), o)
}

// contentMAC returns a keyed hash of a file's digest and of the options that it is read with. Two imports with the
// same one read the same users.
func contentMAC(d *directory.Directory, digest []byte, o importfile.Options) ([]byte, error) {
	options, err := json.Marshal(o)
	return d.Keys().ContentMAC(digest, options), err
}

// onBatch is called with the valid rows among the rows up to number last that were not in an earlier batch. A batch
// ends at a multiple of batchSize or at the end of the file, however many rows are valid, so that a resumed import
// has the same batches.
type onBatch func(rows []checkedRow, last int64) error

// forEachRow reads a file, checks each row and collects the valid rows in batches. Rows with problems are passed to
// onInvalid.
func (rules *rules) forEachRow(
	ctx context.Context, in io.Reader, o importfile.Options, onInvalid OnInvalidRow, onBatch onBatch,
) (*importfile.Reader, error) {
	r, err := importfile.Open(in, o)
	if err != nil {
		return nil, err
	}
	var row importfile.Row
	batch := make([]checkedRow, 0, batchSize)
	last := int64(0)
	for {
		err := r.Read(&row)
		if err == io.EOF {
			return r, onBatch(batch, last)
		}
		if err != nil {
			return r, err
		}
		last = row.Number
		checked, fieldErrors, err := rules.checkRow(&row)
		if err != nil {
			return r, err
		}
		if len(fieldErrors) > 0 {
			if err := onInvalid(r, &row, fieldErrors); err != nil {
				return r, err
			}
		} else {
			batch = append(batch, checked)
		}
		if last%int64(batchSize) == 0 {
			if err := onBatch(batch, last); err != nil {
				return r, err
			}
			batch = make([]checkedRow, 0, batchSize)
			if err := ctx.Err(); err != nil {
				return r, err
			}
		}
	}
}

// checkRow returns a row with its normal forms, and every problem of its form and its content.
func (rules *rules) checkRow(row *importfile.Row) (checkedRow, []cardinal.FieldError, error) {
	checked, err := rules.check(row.Person)
	var invalid *cardinal.InvalidInput
	if err != nil && !errors.As(err, &invalid) {
		return checked, nil, err
	}
	checked.number = row.Number
	fieldErrors := row.Errors
	// Of a row that could not be read nothing is known, so that further problems, such as a missing identifier, would
	// mislead.
	if len(fieldErrors) == 0 || row.Person.Email != "" || row.Person.ID != uuid.Nil {
		fieldErrors = append(fieldErrors, cardinal.FieldErrorsOf(err)...)
	}
	return checked, fieldErrors, nil
}
