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

// Upload reads a file to its end, stores it encrypted, and lets the service check it. Its users are created after
// Start, or right after the check if in.Start is set.
func Upload(
	ctx context.Context, k directory.Desk, in cardinal.NewImport, file io.Reader,
) (cardinal.ImportRun, error) {
	record, details, err := insertUpload(ctx, k, in)
	if err != nil {
		return cardinal.ImportRun{}, err
	}
	if err := receive(ctx, k, record, details, in.Start, file); err != nil {
		problem := problemIncomplete
		if errors.Is(err, importfile.ErrFile) {
			problem = fileProblem(err)
			err = &cardinal.InvalidInput{Errors: []cardinal.FieldError{*cardinal.NewFieldError("import_file", problem)}}
		}
		failed := failRun(context.WithoutCancel(ctx), k.Directory(), record.ID, "uploading", problem)
		if failed != nil && !errors.Is(failed, errRunningElsewhere) {
			err = errors.Join(err, failed)
		}
		return cardinal.ImportRun{}, err
	}
	return Get(ctx, k, record.ID)
}

// Formats returns the names of the file formats.
func Formats() []string { return slices.Clone(importfile.Formats) }

// insertUpload inserts the import that a file is uploaded to.
func insertUpload(
	ctx context.Context, k directory.Desk, in cardinal.NewImport,
) (store.ImportRecord, details, error) {
	var details details
	rule := directory.Rule{Action: "import.upload", Permission: "users.import", RecentSignIn: in.Start}
	record, err := directory.Change(ctx, k, rule, func(tx *directory.Tx) (store.ImportRecord, error) {
		var err error
		if details, err = checkDetails(in); err != nil {
			return store.ImportRecord{}, err
		}
		record, err := newRun(k, details.Options, "unknown", nil)
		if err != nil {
			return record, err
		}
		// The digest of the file is not known yet. Until then the id makes the value unique.
		if record.ContentMAC, err = contentMAC(k.Directory(), record.ID[:], details.File); err != nil {
			return record, err
		}
		setStage(tx, &record, "uploading")
		recordRun(tx, record.ID)
		return record, tx.InsertImport(ctx, record)
	})
	return record, details, err
}

// checkDetails finds every error in the options of an upload.
func checkDetails(in cardinal.NewImport) (details, error) {
	details := details{Options: Options{File: importfile.Options{Format: in.Format, Map: in.Map}}}
	var check directory.Input
	details.Name = check.Text("/name", in.Name, directory.NormalizeDisplayName)
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

// fileProblem returns why a file cannot be imported, without its content.
func fileProblem(err error) string {
	var columns *importfile.ColumnsError
	if errors.As(err, &columns) {
		return "Start the file with the names of its columns, and give with map the field of each column that is not " +
			"recognized. One of them must be email, phone, username or id"
	}
	return strings.TrimPrefix(err.Error(), importfile.ErrFile.Error()+": ")
}

// receive stores a file, and moves its import to the check by the service.
func receive(
	ctx context.Context, k directory.Desk, record store.ImportRecord, details details, start bool, file io.Reader,
) error {
	chunks, err := newChunkWriter(k.Directory(), record, store.ImportFile)
	if err != nil {
		return err
	}
	hash := sha256.New()
	out := io.MultiWriter(hash, chunks.writer(ctx))
	// The struct hides the method WriteTo of the file, which would ignore the size of the buffer.
	if _, err := io.CopyBuffer(out, struct{ io.Reader }{file}, make([]byte, 64<<10)); err != nil {
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
	mac, err := contentMAC(k.Directory(), hash.Sum(nil), details.File)
	if err != nil {
		return err
	}
	return finishUpload(ctx, k, record.ID, r.Format, mac, start)
}

// finishUpload stores what is known of a file after its upload, and lets the service check it.
func finishUpload(
	ctx context.Context, k directory.Desk, id uuid.UUID, format string, mac []byte, start bool,
) error {
	rule := directory.Rule{Action: "import.start", Permission: "users.import"}
	_, err := directory.Change(ctx, k, rule, func(tx *directory.Tx) (struct{}, error) {
		record, err := lockRun(ctx, tx, id, "uploading")
		if err != nil {
			return struct{}{}, err
		}
		record.Format, record.ContentMAC = format, mac
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

// Start lets the service create the users of an uploaded file that was checked, without the rows that have problems. To
// start the import of another user needs imports.manage.
func Start(ctx context.Context, k directory.Desk, id uuid.UUID) (cardinal.ImportRun, error) {
	rule := directory.Rule{Action: "import.start", Permission: "users.import", RecentSignIn: true}
	return directory.Change(ctx, k, rule, func(tx *directory.Tx) (cardinal.ImportRun, error) {
		record, err := tx.LockImport(ctx, id)
		if err != nil {
			return record.ImportRun, err
		}
		if err := requireManage(ctx, k, tx.Reader, record); err != nil {
			return record.ImportRun, err
		}
		switch {
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
		run, _ := readRun(k.Directory(), record)
		return run, nil
	})
}

var errNotYours = cardinal.Refuse("import_not_yours")

// requireManage refuses an actor who works on the import of another user without the permission for that.
func requireManage(ctx context.Context, k directory.Desk, r store.Reader, record store.ImportRecord) error {
	if record.ActorID == k.Actor().UserID {
		return nil
	}
	allowed, err := k.HasPermission(ctx, r, "imports.manage")
	if err == nil && !allowed {
		return errNotYours
	}
	return err
}

// lockRun returns an import for change, if it is still in a state; otherwise it returns errRunningElsewhere.
func lockRun(ctx context.Context, tx *directory.Tx, id uuid.UUID, state string) (store.ImportRecord, error) {
	record, err := tx.LockImport(ctx, id)
	if err == nil && record.State != state {
		err = errRunningElsewhere
	}
	return record, err
}

// setStage sets the stage of the service's work on an import. The service works with the permissions of the actor, but
// it creates users with those of the user who uploaded the file, also when another user starts it: otherwise the file
// could give roles that only this other user can grant.
func setStage(tx *directory.Tx, record *store.ImportRecord, stage string) {
	actor := tx.Desk.Actor()
	record.Stage, record.State = &stage, stage
	if stage != "running" || record.ActorID == actor.UserID {
		record.ActingID, record.ActingKeyID = uuid.NullUUID{UUID: actor.UserID, Valid: true}, actor.APIKeyID
	}
}

// continueByService sets the stage of an import and adds the job that does its work.
func continueByService(ctx context.Context, tx *directory.Tx, record *store.ImportRecord, stage string) error {
	setStage(tx, record, stage)
	record.UpdatedAt = tx.Now
	if err := tx.EnqueueJob(ctx, record.ID, runJob, tx.Now); err != nil {
		return err
	}
	return tx.UpdateImport(ctx, *record, tx.Now)
}

// deleteFile deletes the uploaded file of a finished import. Its rows with problems can be read until the job
// imports.purge deletes them.
func deleteFile(ctx context.Context, tx *directory.Tx, record *store.ImportRecord) error {
	if record.Stage == nil {
		return nil
	}
	return tx.DeleteImportChunks(ctx, record.ID, store.ImportFile)
}

// Problems returns the rows of an uploaded file in which the check found problems, as they are in the file and with
// their problems added. Only the user who uploaded the file can read them.
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
