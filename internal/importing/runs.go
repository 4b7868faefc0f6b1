package importing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/seal"
	"cardinal/internal/store"
)

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
		runs[i], _ = readRun(k.Directory(), record)
	}
	return cardinal.PageOf(runs, p.Limit), nil
}

// Get returns an import.
func Get(ctx context.Context, k directory.Desk, id uuid.UUID) (cardinal.ImportRun, error) {
	record, err := getRecord(ctx, k, id)
	if err != nil {
		return cardinal.ImportRun{}, err
	}
	run, details := readRun(k.Directory(), record)
	if len(run.Unreadable) > 0 || record.State != "checking" && record.State != "checked" {
		return run, nil
	}
	run.Columns, err = readColumns(ctx, k.Directory(), record, details)
	if errors.Is(err, seal.ErrDecrypt) {
		k.Directory().ReportUnreadable("import_chunks", "content_sealed", record.ActorID, record.ID)
		run.Unreadable, err = append(run.Unreadable, "columns"), nil
	}
	return run, err
}

func getRecord(ctx context.Context, k directory.Desk, id uuid.UUID) (store.ImportRecord, error) {
	r, err := k.Read(ctx, directory.Rule{Permission: "users.import"})
	if err != nil {
		return store.ImportRecord{}, err
	}
	return r.Import(ctx, id)
}

// details are stored with an import: how its file is read, and why it failed. They are encrypted, because names of
// files and columns can be personal data.
type details struct {
	Options
	Problem string `json:",omitempty"` // why it failed
}

// newRun returns the record of a new import, with its key.
func newRun(k directory.Desk, o Options, format string, mac []byte) (store.ImportRecord, error) {
	now := k.Directory().Now()
	record := store.ImportRecord{ContentMAC: mac}
	record.ImportRun = cardinal.ImportRun{
		ID: cardinal.NewID(), ActorID: k.Actor().UserID, Format: format, State: "running", CreatedAt: now,
		UpdatedAt: now,
	}
	nameFile(&record.ImportRun, o.Name)
	return record, encryptDetails(k.Directory(), &record, details{Options: o})
}

// encryptDetails encrypts the details of an import under a new key. What is encrypted under an earlier key of the
// import cannot be decrypted any more.
func encryptDetails(d *directory.Directory, record *store.ImportRecord, details details) error {
	plain, err := json.Marshal(details)
	if err != nil {
		return err
	}
	key := seal.NewKey()
	kekID, wrapped := d.Keys().Wrap(keyName(record.ID), key)
	record.KEKID, record.WrappedKey = uuid.NullUUID{UUID: kekID, Valid: true}, wrapped
	record.DetailsSealed = key.Seal(plain, runPlace("import_runs", "details_sealed", record.ID))
	return nil
}

// readRun is decryptRun for a reader: details that cannot be decrypted are empty, logged and counted.
func readRun(d *directory.Directory, record store.ImportRecord) (cardinal.ImportRun, details) {
	run, details, err := decryptRun(d, record)
	if err != nil {
		d.ReportUnreadable("import_runs", "details_sealed", record.ActorID, record.ID)
		run.Unreadable = []string{"name", "problem"}
	}
	return run, details
}

// decryptRun returns an import with its details, which are empty when the key of the import was destroyed.
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
		return record.ImportRun, details, fmt.Errorf("decrypt the details of import %s: %w", record.ID, err)
	}
	if err := json.Unmarshal(plain, &details); err != nil {
		return record.ImportRun, details, fmt.Errorf("read the details of import %s: %w", record.ID, err)
	}
	record.Problem = details.Problem
	nameFile(&record.ImportRun, details.Name)
	return record.ImportRun, details, nil
}

// nameFile sets the name of an import's file. The command line stores the path, for a resume without FILE. Readers get
// only its last part: where files are on the server is not for the callers of the API.
func nameFile(run *cardinal.ImportRun, name string) {
	run.Name = name
	if filepath.IsAbs(name) {
		run.Path, run.Name = name, filepath.Base(name)
	}
}

// runPlace binds what is encrypted under the key of an import to its place.
func runPlace(table, column string, runID uuid.UUID) seal.Place {
	return seal.Place{Table: table, Column: column, UserID: runID, SchemaVersion: 1}
}

func keyName(runID uuid.UUID) string { return "import " + runID.String() }

func unwrapKey(k *directory.Keys, record store.ImportRecord) (seal.Key, error) {
	key, err := k.UnwrapNamed(keyName(record.ID), record.KEKID.UUID, record.WrappedKey)
	if err != nil {
		return seal.Key{}, fmt.Errorf("unwrap the key of import %s: %w", record.ID, err)
	}
	return key, nil
}
