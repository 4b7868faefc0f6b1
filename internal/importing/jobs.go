package importing

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"cardinal/internal/directory"
)

// runJob is the kind of the job that continues an import. Its row in jobs has the id of the import.
const runJob = "imports.run"

const (
	// retention is how long an uploaded file waits to be started, and how long its rows with problems can be read.
	retention = 7 * 24 * time.Hour
	// uploadTimeout is the time without a new chunk after which an upload is taken for interrupted.
	uploadTimeout = time.Hour
)

// Jobs lists the background work of imports.
func Jobs() []directory.Job {
	return []directory.Job{
		{Kind: runJob, Long: true, Run: func(ctx context.Context, k directory.Desk, id uuid.UUID) error {
			return continueRun(ctx, k.Directory(), id)
		}},
		{Kind: "imports.purge", Every: time.Hour, Run: func(ctx context.Context, k directory.Desk, _ uuid.UUID) error {
			return purge(ctx, k)
		}},
	}
}

// purge ends uploads that were interrupted and imports that were not started in time, and deletes rows with problems
// after retention.
func purge(ctx context.Context, k directory.Desk) error {
	records, err := k.Directory().Store().Read(ctx).OpenImports(ctx)
	if err != nil {
		return err
	}
	for _, record := range records {
		idle := k.Directory().Now().Sub(record.UpdatedAt)
		switch {
		case record.State == "uploading" && idle >= uploadTimeout:
			err = failRun(ctx, k.Directory(), record.ID, record.State, problemIncomplete)
		case record.State == "checked" && idle >= retention:
			err = failRun(ctx, k.Directory(), record.ID, record.State, problemNotStarted)
		case record.State == "finished" && idle >= retention:
			err = deleteProblems(ctx, k, record.ID)
		}
		if err != nil && !errors.Is(err, errRunningElsewhere) {
			return err
		}
	}
	return nil
}

// deleteProblems deletes what is still stored of the file of a finished import.
func deleteProblems(ctx context.Context, k directory.Desk, id uuid.UUID) error {
	rule := directory.Rule{Action: "import.purge", Permission: "jobs.run"}
	_, err := directory.Change(ctx, k, rule, func(tx *directory.Tx) (struct{}, error) {
		record, err := lockRun(ctx, tx, id, "finished")
		if err != nil {
			return struct{}{}, err
		}
		_, details := readRun(k.Directory(), record)
		return struct{}{}, deleteUpload(ctx, tx, record, details)
	})
	return err
}
