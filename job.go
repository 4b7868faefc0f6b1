package cardinal

import (
	"time"

	"github.com/google/uuid"
)

// Job is a piece of background work, leased by one node at a time.
type Job struct {
	ID            uuid.UUID
	Kind          string
	RepeatSeconds *int64 // nil runs once
	Attempts      int64  // failed tries since the last success
	RunAt         time.Time
	LastRunAt     *time.Time
	LastError     *string
}
