package directory

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/importfile"
	"cardinal/internal/seal"
	"cardinal/internal/store"
)

// ImportSource is a file that can be read more than once.
type ImportSource interface {
	Open() (io.ReadCloser, error)
}

// ImportOptions say how a file is read.
type ImportOptions struct {
	Name string // of the file, to find it again
	File importfile.Options
}

// ImportPlan is what checking a file found.
type ImportPlan struct {
	Format   string                  `json:"format"`
	Columns  []cardinal.ImportColumn `json:"columns,omitempty"`
	Rows     int64                   `json:"rows"`
	New      int64                   `json:"new"`
	Existing int64                   `json:"existing"`
	Faulty   int64                   `json:"faulty"`
	Hashes   map[string]int64        `json:"hashes,omitempty"`  // passwords by scheme
	Earlier  *cardinal.ImportRun     `json:"earlier,omitempty"` // of the same file

	mac  []byte
	late map[int64][]cardinal.Fault // rows whose fault shows only beside others
}

// ImportFaults is told of a row with problems.
type ImportFaults func(r *importfile.Reader, row *importfile.Row, faults []cardinal.Fault) error

// importBatch is how many rows go together: a transaction, and what is held in memory. Tests have smaller ones.
var importBatch = 1000

// Imports returns a page of imports.
func (k Desk) Imports(ctx context.Context, p cardinal.Page) (cardinal.List[cardinal.ImportRun], error) {
	r, err := k.Read(ctx, Rule{Permission: "users.import"})
	if err != nil {
		return cardinal.List[cardinal.ImportRun]{}, err
	}
	records, err := r.Imports(ctx, p)
	if err != nil {
		return cardinal.List[cardinal.ImportRun]{}, err
	}
	runs := make([]cardinal.ImportRun, len(records))
	for i, record := range records {
		if runs[i], _, err = k.d.openImport(record); err != nil {
			return cardinal.List[cardinal.ImportRun]{}, err
		}
	}
	return cardinal.PageOf(runs, p.Limit), nil
}

// Import returns an import.
func (k Desk) Import(ctx context.Context, id uuid.UUID) (cardinal.ImportRun, error) {
	record, err := k.importRecord(ctx, id)
	if err != nil {
		return cardinal.ImportRun{}, err
	}
	run, details, err := k.d.openImport(record)
	if err != nil || record.State != "checking" && record.State != "checked" {
		return run, err
	}
	run.Columns, err = k.d.columnsOf(ctx, record, details)
	return run, err
}

// importDetails is what a run remembers of how its file is read. It is sealed, because names of files and columns are personal at times.
type importDetails struct {
	ImportOptions
	Problem string `json:",omitempty"` // why it failed
}

func (k Desk) importRecord(ctx context.Context, id uuid.UUID) (store.ImportRecord, error) {
	r, err := k.Read(ctx, Rule{Permission: "users.import"})
	if err != nil {
		return store.ImportRecord{}, err
	}
	return r.Import(ctx, id)
}

// openImport opens what is sealed of a run; nothing is left of that once its key is destroyed.
func (d *Directory) openImport(record store.ImportRecord) (cardinal.ImportRun, importDetails, error) {
	var details importDetails
	if !record.KEKID.Valid {
		return record.ImportRun, details, nil
	}
	key, err := d.keys.unwrapRun(record)
	if err != nil {
		return record.ImportRun, details, err
	}
	plain, err := key.Open(record.DetailsSealed, placeOfRun("import_runs", "details_sealed", record.ID))
	if err != nil {
		return record.ImportRun, details, fmt.Errorf("open the details of import %s: %w", record.ID, err)
	}
	if err := json.Unmarshal(plain, &details); err != nil {
		return record.ImportRun, details, fmt.Errorf("read the details of import %s: %w", record.ID, err)
	}
	record.Name, record.Problem = details.Name, details.Problem
	return record.ImportRun, details, nil
}

// placeOfRun binds what is sealed under the key of a run to the run.
func placeOfRun(table, column string, runID uuid.UUID) seal.Place {
	return seal.Place{Table: table, Column: column, UserID: runID, SchemaVersion: 1}
}

func runKeyName(id uuid.UUID) string { return "import " + id.String() }

func (k *Keys) unwrapRun(record store.ImportRecord) (seal.Key, error) {
	kek, ok := k.byID[record.KEKID.UUID]
	if !ok {
		return seal.Key{}, fmt.Errorf("%w: key-encryption key %s", ErrKeyMissing, record.KEKID.UUID)
	}
	key, err := kek.UnwrapService(runKeyName(record.ID), record.WrappedKey)
	if err != nil {
		return seal.Key{}, fmt.Errorf("unwrap the key of import %s: %w", record.ID, err)
	}
	return key, nil
}

// newImport makes the row of a run and its key.
func (k Desk) newImport(o ImportOptions, format string, mac []byte) (store.ImportRecord, error) {
	id, now := cardinal.NewID(), k.d.Now()
	record := store.ImportRecord{ContentMAC: mac}
	record.ImportRun = cardinal.ImportRun{ID: id, ActorID: k.actor.UserID, Format: format, Name: o.Name, State: "running", CreatedAt: now, UpdatedAt: now}
	return record, k.d.sealImport(&record, importDetails{ImportOptions: o})
}

// sealImport seals the details of a run under a new key: what was sealed under an earlier one does not open any more.
func (d *Directory) sealImport(record *store.ImportRecord, details importDetails) error {
	plain, err := json.Marshal(details)
	if err != nil {
		return err
	}
	key := seal.NewKey()
	record.KEKID = uuid.NullUUID{UUID: d.keys.activeID, Valid: true}
	record.WrappedKey = d.keys.byID[d.keys.activeID].WrapService(runKeyName(record.ID), key)
	record.DetailsSealed = key.Seal(plain, placeOfRun("import_runs", "details_sealed", record.ID))
	return nil
}

// contentReader reads a file and, on the way, what tells it from others.
type contentReader struct {
	io.Reader
	io.Closer
	sum interface{ Sum([]byte) []byte }
}

func openContent(src ImportSource) (contentReader, error) {
	in, err := src.Open()
	if err != nil {
		return contentReader{}, err
	}
	sum := sha256.New()
	return contentReader{io.TeeReader(in, sum), in, sum}, nil
}

// mac is the keyed hash of what was read, how it was read included.
func (c contentReader) mac(d *Directory, o importfile.Options) ([]byte, error) {
	if _, err := io.Copy(io.Discard, c.Reader); err != nil {
		return nil, err
	}
	return d.contentMAC(c.sum.Sum(nil), o)
}

// contentMAC tells a file from others, by its digest and by how it is read.
func (d *Directory) contentMAC(sum []byte, o importfile.Options) ([]byte, error) {
	options, err := json.Marshal(o)
	mac := d.keys.idempotency.MAC("content of an import", sum, options)
	return mac[:], err
}

// eachCandidate reads a file in batches: rows whose form is right go to use, others to faulty.
func (rules *importRules) eachCandidate(ctx context.Context, in io.Reader, o importfile.Options, faulty func(*importfile.Reader, *importfile.Row, []cardinal.Fault) error,
	use func(r *importfile.Reader, list []candidate, last int64) error) (*importfile.Reader, error) {
	r, err := importfile.Open(in, o)
	if err != nil {
		return nil, err
	}
	var row importfile.Row
	list := make([]candidate, 0, importBatch)
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
		if last%int64(importBatch) == 0 {
			if err := use(r, list, last); err != nil {
				return r, err
			}
			list = make([]candidate, 0, importBatch)
			if err := ctx.Err(); err != nil {
				return r, err
			}
		}
	}
}
