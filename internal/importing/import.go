package importing

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/importfile"
	"cardinal/internal/seal"
	"cardinal/internal/store"
)

// Source is a file that can be read more than once.
type Source interface {
	Open() (io.ReadCloser, error)
}

// Options say how a file is read.
type Options struct {
	Name string // of the file, to find it again
	File importfile.Options
}

// Plan is what checking a file found.
type Plan struct {
	Format   string                  `json:"format"`
	Columns  []cardinal.ImportColumn `json:"columns,omitempty"`
	Rows     int64                   `json:"rows"`
	New      int64                   `json:"new"`
	Existing int64                   `json:"existing"`
	Faulty   int64                   `json:"faulty"`
	Hashes   map[string]int64        `json:"hashes,omitempty"`  // passwords by scheme
	Earlier  *cardinal.ImportRun     `json:"earlier,omitempty"` // of the same file

	mac        []byte
	lateFaults map[int64][]cardinal.Fault // rows whose fault shows only beside others
}

// OnInvalidRow is told of a row with problems.
type OnInvalidRow func(r *importfile.Reader, row *importfile.Row, faults []cardinal.Fault) error

// batchSize is how many rows go together: a transaction, and what is held in memory. Tests have smaller ones.
var batchSize = 1000

// List returns a page of imports.
func List(ctx context.Context, k directory.Desk, p cardinal.Page) (cardinal.List[cardinal.ImportRun], error) {
	r, err := k.Read(ctx, directory.Rule{Permission: "users.import"})
	if err != nil {
		return cardinal.List[cardinal.ImportRun]{}, err
	}
	records, err := r.Imports(ctx, p)
	if err != nil {
		return cardinal.List[cardinal.ImportRun]{}, err
	}
	runs := make([]cardinal.ImportRun, len(records))
	for i, record := range records {
		if runs[i], _, err = decryptRun(k.Directory(), record); err != nil {
			return cardinal.List[cardinal.ImportRun]{}, err
		}
	}
	return cardinal.PageOf(runs, p.Limit), nil
}

// Get returns an import.
func Get(ctx context.Context, k directory.Desk, id uuid.UUID) (cardinal.ImportRun, error) {
	record, err := getRecord(ctx, k, id)
	if err != nil {
		return cardinal.ImportRun{}, err
	}
	run, details, err := decryptRun(k.Directory(), record)
	if err != nil || record.State != "checking" && record.State != "checked" {
		return run, err
	}
	run.Columns, err = readColumns(ctx, k.Directory(), record, details)
	return run, err
}

// details is what a run remembers of how its file is read. It is sealed, because names of files and columns are personal at times.
type details struct {
	Options
	Problem string `json:",omitempty"` // why it failed
}

func getRecord(ctx context.Context, k directory.Desk, id uuid.UUID) (store.ImportRecord, error) {
	r, err := k.Read(ctx, directory.Rule{Permission: "users.import"})
	if err != nil {
		return store.ImportRecord{}, err
	}
	return r.Import(ctx, id)
}

// decryptRun opens what is sealed of a run; nothing is left of that once its key is destroyed.
func decryptRun(d *directory.Directory, record store.ImportRecord) (cardinal.ImportRun, details, error) {
	var details details
	if !record.KEKID.Valid {
		return record.ImportRun, details, nil
	}
	key, err := unwrapKey(d.Keys(), record)
	if err != nil {
		return record.ImportRun, details, err
	}
	plain, err := key.Open(record.DetailsSealed, runPlace("import_runs", "details_sealed", record.ID))
	if err != nil {
		return record.ImportRun, details, fmt.Errorf("open the details of import %s: %w", record.ID, err)
	}
	if err := json.Unmarshal(plain, &details); err != nil {
		return record.ImportRun, details, fmt.Errorf("read the details of import %s: %w", record.ID, err)
	}
	record.Name, record.Problem = details.Name, details.Problem
	return record.ImportRun, details, nil
}

// runPlace binds what is sealed under the key of a run to the run.
func runPlace(table, column string, runID uuid.UUID) seal.Place {
	return seal.Place{Table: table, Column: column, UserID: runID, SchemaVersion: 1}
}

func runKeyName(id uuid.UUID) string { return "import " + id.String() }

func unwrapKey(k *directory.Keys, record store.ImportRecord) (seal.Key, error) {
	key, err := k.UnwrapNamed(runKeyName(record.ID), record.KEKID.UUID, record.WrappedKey)
	if err != nil {
		return seal.Key{}, fmt.Errorf("unwrap the key of import %s: %w", record.ID, err)
	}
	return key, nil
}

// newRun makes the row of a run and its key.
func newRun(k directory.Desk, o Options, format string, mac []byte) (store.ImportRecord, error) {
	id, now := cardinal.NewID(), k.Directory().Now()
	record := store.ImportRecord{ContentMAC: mac}
	record.ImportRun = cardinal.ImportRun{ID: id, ActorID: k.Actor().UserID, Format: format, Name: o.Name, State: "running", CreatedAt: now, UpdatedAt: now}
	return record, encryptDetails(k.Directory(), &record, details{Options: o})
}

// encryptDetails seals the details of a run under a new key: what was sealed under an earlier one does not open any more.
func encryptDetails(d *directory.Directory, record *store.ImportRecord, details details) error {
	plain, err := json.Marshal(details)
	if err != nil {
		return err
	}
	key := seal.NewKey()
	kekID, wrapped := d.Keys().Wrap(runKeyName(record.ID), key)
	record.KEKID, record.WrappedKey = uuid.NullUUID{UUID: kekID, Valid: true}, wrapped
	record.DetailsSealed = key.Seal(plain, runPlace("import_runs", "details_sealed", record.ID))
	return nil
}

// contentReader reads a file and, on the way, what tells it from others.
type contentReader struct {
	io.Reader
	io.Closer
	sum interface{ Sum([]byte) []byte }
}

func openContent(src Source) (contentReader, error) {
	in, err := src.Open()
	if err != nil {
		return contentReader{}, err
	}
	sum := sha256.New()
	return contentReader{io.TeeReader(in, sum), in, sum}, nil
}

// mac is the keyed hash of what was read, how it was read included.
func (c contentReader) mac(d *directory.Directory, o importfile.Options) ([]byte, error) {
	if _, err := io.Copy(io.Discard, c.Reader); err != nil {
		return nil, err
	}
	return contentMAC(d, c.sum.Sum(nil), o)
}

// contentMAC tells a file from others, by its digest and by how it is read.
func contentMAC(d *directory.Directory, sum []byte, o importfile.Options) ([]byte, error) {
	options, err := json.Marshal(o)
	return d.Keys().ContentMAC(sum, options), err
}

// forEachRow reads a file in batches: rows whose form is right go to use, others to faulty.
func (rules *rules) forEachRow(ctx context.Context, in io.Reader, o importfile.Options, faulty func(*importfile.Reader, *importfile.Row, []cardinal.Fault) error,
	use func(r *importfile.Reader, list []checkedRow, last int64) error) (*importfile.Reader, error) {
	r, err := importfile.Open(in, o)
	if err != nil {
		return nil, err
	}
	var row importfile.Row
	list := make([]checkedRow, 0, batchSize)
	last := int64(0)
	for {
		err := r.Read(&row)
		if err == io.EOF {
			return r, use(r, list, last)
		}
		if err != nil {
			return r, err
		}
		last = row.Number
		c, err := rules.check(row.Person)
		var invalid *cardinal.Invalid
		if err != nil && !errors.As(err, &invalid) {
			return r, err
		}
		faults := row.Faults
		if len(faults) == 0 || row.Person.Email != "" || row.Person.ID != uuid.Nil { // an unreadable row has no other faults worth telling
			faults = append(faults, cardinal.FaultsOf(err)...)
		}
		if len(faults) > 0 {
			if err := faulty(r, &row, faults); err != nil {
				return r, err
			}
		} else {
			c.number = row.Number
			list = append(list, c)
		}
		if last%int64(batchSize) == 0 {
			if err := use(r, list, last); err != nil {
				return r, err
			}
			list = make([]checkedRow, 0, batchSize)
			if err := ctx.Err(); err != nil {
				return r, err
			}
		}
	}
}
