package cardinal

import (
	"time"

	"github.com/google/uuid"
)

// JobStatus is a background job as an operator sees it.
type JobStatus struct {
	ID            uuid.UUID  `json:"id"`
	Kind          string     `json:"kind"`
	State         string     `json:"state"`
	RunAt         time.Time  `json:"run_at"`                   // when it is due
	RepeatSeconds *int64     `json:"repeat_seconds,omitempty"` // nil runs once
	Attempts      int64      `json:"attempts"`                 // failed attempts since the last success
	LastRunAt     *time.Time `json:"last_run_at,omitempty"`    // last success
	LastError     *string    `json:"last_error,omitempty"`     // its kind; for one of the database, its method and code
	LeasedBy      *uuid.UUID `json:"leased_by,omitempty"`      // node that runs it
	LeasedUntil   *time.Time `json:"leased_until,omitempty"`
}

// The states of a job.
const (
	JobWaiting = "waiting" // due later
	JobDue     = "due"
	JobRunning = "running" // a node has the lease
	JobFailed  = "failed"  // the last attempt failed; it is tried again when it is due
)
