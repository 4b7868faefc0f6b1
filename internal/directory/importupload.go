package directory

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/importfile"
	"cardinal/internal/store"
)

// UploadImport keeps a file, sealed, and has the service check it. The file is read to its end here; its people are made after
// StartImport, or when they are checked if the caller says so now.
func (k Desk) UploadImport(ctx context.Context, in cardinal.NewImport, file io.Reader) (cardinal.ImportRun, error) {
	record, details, err := k.beginUpload(ctx, in)
	if err != nil {
		return cardinal.ImportRun{}, err
	}
	if err := k.receive(ctx, record, details, in.Start, file); err != nil {
		why := "It did not arrive whole"
		if errors.Is(err, importfile.ErrFile) {
			why = fileProblem(err)
			err = &cardinal.Invalid{Faults: []cardinal.Fault{*cardinal.NewFault("import_file", why)}}
		}
		if failing := k.d.failImport(context.WithoutCancel(ctx), record.ID, "uploading", why); failing != nil && !errors.Is(failing, errElsewhere) {
			err = errors.Join(err, failing)
		}
		return cardinal.ImportRun{}, err
	}
	return k.Import(ctx, record.ID)
}

// ImportFormats names the formats of files.
func ImportFormats() []string { return slices.Clone(importfile.Formats) }

// beginUpload makes the run that a file is uploaded into.
func (k Desk) beginUpload(ctx context.Context, in cardinal.NewImport) (store.ImportRecord, importDetails, error) {
	var details importDetails
	record, err := Change(ctx, k, Rule{Action: "import.upload", Permission: "users.import"}, func(tx *Tx) (store.ImportRecord, error) {
		var err error
		if details, err = importDetailsOf(in); err != nil {
			return store.ImportRecord{}, err
		}
		record, err := k.newImport(details.ImportOptions, "unknown", nil)
		if err != nil {
			return record, err
		}
		if record.ContentMAC, err = k.d.contentMAC(record.ID[:], details.File); err != nil {
			return record, err
		}
		tx.act(&record, "uploading")
		tx.ofImport(record.ID)
		return record, tx.InsertImport(ctx, record)
	})
	return record, details, err
}

// importDetailsOf finds every fault of how a file is to be read.
func importDetailsOf(in cardinal.NewImport) (importDetails, error) {
	details := importDetails{ImportOptions: ImportOptions{File: importfile.Options{Format: in.Format, Map: in.Map}}}
	var check Input
	details.Name = check.Text("/name", in.Name, DisplayName)
	if in.Format != "" && !slices.Contains(importfile.Formats, in.Format) {
		check.Add("/format", "import_file", "Use one of the formats "+strings.Join(importfile.Formats, ", "))
	}
	if in.FirebaseHash != "" {
		var err error
		if details.File.Firebase, err = importfile.ReadFirebaseHash(in.FirebaseHash); err != nil {
			check.Add("/Import-Hash-Config", "import_file", fileProblem(err))
		}
	}
	return details, check.Err()
}

// fileProblem describes what is wrong with a file, without its content.
func fileProblem(err error) string {
	var columns *importfile.ColumnsError
	if errors.As(err, &columns) {
		return "Start the file with the names of its columns, and give with map the field of each column that is not " +
			"recognized. One of them must be email, phone, username or id"
	}
	return strings.TrimPrefix(err.Error(), importfile.ErrFile.Error()+": ")
}

// receive reads a file to its end, and hands it over to the service.
func (k Desk) receive(ctx context.Context, record store.ImportRecord, details importDetails, start bool, file io.Reader) error {
	chunks, err := k.d.chunkWriter(ctx, record, store.ImportFile)
	if err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.CopyBuffer(io.MultiWriter(sum, chunks), struct{ io.Reader }{file}, make([]byte, 64<<10)); err != nil {
		return fmt.Errorf("receive the file: %w", err)
	}
	if err := chunks.flush(); err != nil {
		return err
	}
	if record, err = k.d.store.Read(ctx).Import(ctx, record.ID); err != nil {
		return err
	}
	r, err := k.d.openUploaded(ctx, record, details)
	if err != nil {
		return err
	}
	mac, err := k.d.contentMAC(sum.Sum(nil), details.File)
	if err != nil {
		return err
	}
	_, err = Change(ctx, k, Rule{Action: "import.start", Permission: "users.import"}, func(tx *Tx) (struct{}, error) {
		record, err := tx.importIn(ctx, record.ID, "uploading")
		if err != nil {
			return struct{}{}, err
		}
		record.Format, record.ContentMAC = r.Format, mac
		if start {
			if err := tx.noOlderNodes(ctx); err != nil {
				return struct{}{}, err
			}
			record.StartedAt = &tx.Now
			tx.ofImport(record.ID)
		}
		return struct{}{}, tx.handOver(ctx, &record, "checking")
	})
	return err
}

// StartImport has the service make the people of an uploaded file that was checked, but for the rows with problems. Who starts it is
// who uploaded it: with their rights it is done.
func (k Desk) StartImport(ctx context.Context, id uuid.UUID) (cardinal.ImportRun, error) {
	return Change(ctx, k, Rule{Action: "import.start", Permission: "users.import"}, func(tx *Tx) (cardinal.ImportRun, error) {
		record, err := tx.ImportForChange(ctx, id)
		if err != nil {
			return record.ImportRun, err
		}
		switch {
		case record.ActorID != k.actor.UserID:
			return record.ImportRun, errOfAnother
		case record.State == "uploading" || record.State == "checking":
			return record.ImportRun, cardinal.Refuse("import_unchecked")
		case record.State != "checked":
			return record.ImportRun, cardinal.Refuse("import_finished", record.State)
		}
		if err := tx.noOlderNodes(ctx); err != nil {
			return record.ImportRun, err
		}
		record.StartedAt = &tx.Now
		tx.ofImport(id)
		if err := tx.handOver(ctx, &record, "running"); err != nil {
			return record.ImportRun, err
		}
		run, _, err := k.d.openImport(record)
		return run, err
	})
}

var errOfAnother = cardinal.Refuse("import_not_yours")

// importIn returns a run for change that is still where it was; otherwise errElsewhere.
func (tx *Tx) importIn(ctx context.Context, id uuid.UUID, state string) (store.ImportRecord, error) {
	record, err := tx.ImportForChange(ctx, id)
	if err == nil && record.State != state {
		err = errElsewhere
	}
	return record, err
}

// act puts a run into a stage of the service's work, which is done with the rights of the actor.
func (tx *Tx) act(record *store.ImportRecord, stage string) {
	record.Stage, record.State = &stage, stage
	record.ActingID, record.ActingKeyID = uuid.NullUUID{UUID: tx.Desk.actor.UserID, Valid: true}, tx.Desk.actor.APIKeyID
}

// handOver makes the service go on with a run.
func (tx *Tx) handOver(ctx context.Context, record *store.ImportRecord, stage string) error {
	tx.act(record, stage)
	record.UpdatedAt = tx.Now
	if err := tx.PutJob(ctx, record.ID, importJob, tx.Now); err != nil {
		return err
	}
	return tx.UpdateImport(ctx, *record, tx.Now)
}

// dropFile deletes an uploaded file that is dealt with. Its rows with problems can still be read, for a while.
func (tx *Tx) dropFile(ctx context.Context, record *store.ImportRecord) error {
	if record.Stage == nil {
		return nil
	}
	return tx.DeleteImportChunks(ctx, record.ID, store.ImportFile)
}

// ImportProblems returns the rows of an uploaded file in which the check found problems, as the file had them and with the problems
// beside them. Only who uploaded the file may read them.
func (k Desk) ImportProblems(ctx context.Context, id uuid.UUID) (io.ReadCloser, error) {
	record, err := k.importRecord(ctx, id)
	if err != nil {
		return nil, err
	}
	if record.ActorID != k.actor.UserID {
		return nil, errOfAnother
	}
	if !record.KEKID.Valid {
		return io.NopCloser(strings.NewReader("")), nil
	}
	src, err := k.d.uploadedFile(ctx, record)
	if err != nil {
		return nil, err
	}
	src.part, src.bytes = store.ImportProblems, -1
	return src.Open()
}
