package importing

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
	"cardinal/internal/directory"
	"cardinal/internal/importfile"
	"cardinal/internal/store"
)

// Upload keeps a file, sealed, and has the service check it. The file is read to its end here; its people are made after
// StartImport, or when they are checked if the caller says so now.
func Upload(ctx context.Context, k directory.Desk, in cardinal.NewImport, file io.Reader) (cardinal.ImportRun, error) {
	record, details, err := insertUpload(ctx, k, in)
	if err != nil {
		return cardinal.ImportRun{}, err
	}
	if err := receive(ctx, k, record, details, in.Start, file); err != nil {
		why := "It did not arrive whole"
		if errors.Is(err, importfile.ErrFile) {
			why = fileProblem(err)
			err = &cardinal.Invalid{Faults: []cardinal.Fault{*cardinal.NewFault("import_file", why)}}
		}
		if failing := failRun(context.WithoutCancel(ctx), k.Directory(), record.ID, "uploading", why); failing != nil && !errors.Is(failing, errRunningElsewhere) {
			err = errors.Join(err, failing)
		}
		return cardinal.ImportRun{}, err
	}
	return Get(ctx, k, record.ID)
}

// Formats names the formats of files.
func Formats() []string { return slices.Clone(importfile.Formats) }

// insertUpload makes the run that a file is uploaded into.
func insertUpload(ctx context.Context, k directory.Desk, in cardinal.NewImport) (store.ImportRecord, details, error) {
	var details details
	record, err := directory.Change(ctx, k, directory.Rule{Action: "import.upload", Permission: "users.import"}, func(tx *directory.Tx) (store.ImportRecord, error) {
		var err error
		if details, err = checkDetails(in); err != nil {
			return store.ImportRecord{}, err
		}
		record, err := newRun(k, details.Options, "unknown", nil)
		if err != nil {
			return record, err
		}
		if record.ContentMAC, err = contentMAC(k.Directory(), record.ID[:], details.File); err != nil {
			return record, err
		}
		setStage(tx, &record, "uploading")
		recordRun(tx, record.ID)
		return record, tx.InsertImport(ctx, record)
	})
	return record, details, err
}

// checkDetails finds every fault of how a file is to be read.
func checkDetails(in cardinal.NewImport) (details, error) {
	details := details{Options: Options{File: importfile.Options{Format: in.Format, Map: in.Map}}}
	var check directory.Input
	details.Name = check.Text("/name", in.Name, directory.DisplayName)
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
func receive(ctx context.Context, k directory.Desk, record store.ImportRecord, details details, start bool, file io.Reader) error {
	chunks, err := newChunkWriter(k.Directory(), record, store.ImportFile)
	if err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.CopyBuffer(io.MultiWriter(sum, chunks.writer(ctx)), struct{ io.Reader }{file}, make([]byte, 64<<10)); err != nil {
		return fmt.Errorf("receive the file: %w", err)
	}
	if err := chunks.flush(ctx); err != nil {
		return err
	}
	if record, err = k.Directory().Store().Read(ctx).Import(ctx, record.ID); err != nil {
		return err
	}
	r, err := openUploaded(ctx, k.Directory(), record, details)
	if err != nil {
		return err
	}
	mac, err := contentMAC(k.Directory(), sum.Sum(nil), details.File)
	if err != nil {
		return err
	}
	_, err = directory.Change(ctx, k, directory.Rule{Action: "import.start", Permission: "users.import"}, func(tx *directory.Tx) (struct{}, error) {
		record, err := lockRun(ctx, tx, record.ID, "uploading")
		if err != nil {
			return struct{}{}, err
		}
		record.Format, record.ContentMAC = r.Format, mac
		if start {
			if err := requireNoOlderNodes(ctx, tx); err != nil {
				return struct{}{}, err
			}
			record.StartedAt = &tx.Now
			recordRun(tx, record.ID)
		}
		return struct{}{}, continueByService(ctx, tx, &record, "checking")
	})
	return err
}

// Start has the service make the people of an uploaded file that was checked, but for the rows with problems. Who starts it is
// who uploaded it: with their rights it is done.
func Start(ctx context.Context, k directory.Desk, id uuid.UUID) (cardinal.ImportRun, error) {
	return directory.Change(ctx, k, directory.Rule{Action: "import.start", Permission: "users.import"}, func(tx *directory.Tx) (cardinal.ImportRun, error) {
		record, err := tx.ImportForChange(ctx, id)
		if err != nil {
			return record.ImportRun, err
		}
		switch {
		case record.ActorID != k.Actor().UserID:
			return record.ImportRun, errNotYours
		case record.State == "uploading" || record.State == "checking":
			return record.ImportRun, cardinal.Refuse("import_unchecked")
		case record.State != "checked":
			return record.ImportRun, cardinal.Refuse("import_finished", record.State)
		}
		if err := requireNoOlderNodes(ctx, tx); err != nil {
			return record.ImportRun, err
		}
		record.StartedAt = &tx.Now
		recordRun(tx, id)
		if err := continueByService(ctx, tx, &record, "running"); err != nil {
			return record.ImportRun, err
		}
		run, _, err := decryptRun(k.Directory(), record)
		return run, err
	})
}

var errNotYours = cardinal.Refuse("import_not_yours")

// lockRun returns a run for change that is still where it was; otherwise errElsewhere.
func lockRun(ctx context.Context, tx *directory.Tx, id uuid.UUID, state string) (store.ImportRecord, error) {
	record, err := tx.ImportForChange(ctx, id)
	if err == nil && record.State != state {
		err = errRunningElsewhere
	}
	return record, err
}

// setStage puts a run into a stage of the service's work, which is done with the rights of the actor.
func setStage(tx *directory.Tx, record *store.ImportRecord, stage string) {
	record.Stage, record.State = &stage, stage
	record.ActingID, record.ActingKeyID = uuid.NullUUID{UUID: tx.Desk.Actor().UserID, Valid: true}, tx.Desk.Actor().APIKeyID
}

// continueByService makes the service go on with a run.
func continueByService(ctx context.Context, tx *directory.Tx, record *store.ImportRecord, stage string) error {
	setStage(tx, record, stage)
	record.UpdatedAt = tx.Now
	if err := tx.PutJob(ctx, record.ID, runJob, tx.Now); err != nil {
		return err
	}
	return tx.UpdateImport(ctx, *record, tx.Now)
}

// deleteFile deletes an uploaded file that is dealt with. Its rows with problems can still be read, for a while.
func deleteFile(ctx context.Context, tx *directory.Tx, record *store.ImportRecord) error {
	if record.Stage == nil {
		return nil
	}
	return tx.DeleteImportChunks(ctx, record.ID, store.ImportFile)
}

// Problems returns the rows of an uploaded file in which the check found problems, as the file had them and with the problems
// beside them. Only who uploaded the file may read them.
func Problems(ctx context.Context, k directory.Desk, id uuid.UUID) (io.ReadCloser, error) {
	record, err := getRecord(ctx, k, id)
	if err != nil {
		return nil, err
	}
	if record.ActorID != k.Actor().UserID {
		return nil, errNotYours
	}
	if !record.KEKID.Valid {
		return io.NopCloser(strings.NewReader("")), nil
	}
	file, err := uploadedFile(k.Directory(), record)
	if err != nil {
		return nil, err
	}
	file.part, file.bytes = store.ImportProblems, -1
	return io.NopCloser(file.reader(ctx)), nil
}
