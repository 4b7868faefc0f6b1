package importing

import (
	"context"
	"time"

	"github.com/google/uuid"

	"cardinal/internal/directory"
)

// runJob is the kind of the job that continues an import. Its row in jobs has the id of the import.
const runJob = "imports.run"

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
