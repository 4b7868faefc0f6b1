package cardinal

import (
	"time"

	"github.com/google/uuid"
)

// AuditEvent is one entry of the audit log: which user did what, to which user, when, and which rows changed.
type AuditEvent struct {
	ID          uuid.UUID               `json:"id" format:"uuid" doc:"UUIDv7; contains the time"`
	OccurredAt  time.Time               `json:"occurred_at"`
	ActorID     uuid.UUID               `json:"actor_id" format:"uuid" doc:"User who acted"`
	SubjectID   uuid.UUID               `json:"subject_id" format:"uuid" doc:"Subject; the system user for the service"`
	SessionID   *uuid.UUID              `json:"session_id,omitempty" format:"uuid"`
	APIKeyID    *uuid.UUID              `json:"api_key_id,omitempty" format:"uuid"`
	Action      string                  `json:"action" doc:"Noun, dot, verb"`
	IsRefused   bool                    `json:"is_refused" doc:"The action was refused"`
	Attempts    int64                   `json:"attempts" doc:"Number; per minute for anonymous callers"`
	ChangedRows []RowDigest             `json:"changed_rows" doc:"Changed rows with the digest of their columns"`
	Changes     map[string]ColumnChange `json:"changes" doc:"Changed columns, table.column; values if allowed"`
	RequestID   *uuid.UUID              `json:"request_id,omitempty" format:"uuid"`
	Address     string                  `json:"address,omitempty" doc:"Client address"`
	UserAgent   string                  `json:"user_agent,omitempty" doc:"User agent of the client"`
	Unreadable  []string                `json:"unreadable,omitempty" doc:"Fields that cannot be decrypted"`
}

// RowDigest is the digest of a stored row after a change. A later change of the row that Cardinal did not make shows.
type RowDigest struct {
	Table   string `json:"table"`
	Key     string `json:"key" doc:"Primary key, its parts joined by /"`
	Version int64  `json:"version" doc:"Row revision; 0 where the table has none"`
	Columns int    `json:"columns" doc:"Version of the list of columns in the digest; 0 for a deleted row"`
	Digest  []byte `json:"digest,omitempty" doc:"SHA-256 over those columns as stored"`
}

// ColumnChange is how a column changed. A masked column has no values.
type ColumnChange struct {
	From   any  `json:"from,omitempty"`
	To     any  `json:"to,omitempty"`
	Masked bool `json:"masked,omitempty" doc:"Changed, values not recorded"`
}

// AuditFilter selects audit events. Empty fields do not narrow the list.
type AuditFilter struct {
	Page
	SubjectID uuid.UUID
	ActorID   uuid.UUID
	Action    string
	RequestID uuid.UUID
	From      time.Time // inclusive
	Until     time.Time // exclusive
}
