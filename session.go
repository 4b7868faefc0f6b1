package cardinal

import (
	"time"

	"github.com/google/uuid"
)

// Session is a session, without its token.
type Session struct {
	UserID          uuid.UUID  `json:"user_id" format:"uuid"`
	ID              uuid.UUID  `json:"id" format:"uuid"`
	Method          string     `json:"method" doc:"How it was opened"`
	Assurance       int        `json:"assurance_level" doc:"0 until a required password change is done, else 1"`
	CreatedAt       time.Time  `json:"created_at"`
	LastSeenAt      time.Time  `json:"last_seen_at" doc:"Rounded to the minute"`
	AuthenticatedAt time.Time  `json:"authenticated_at" doc:"Sign-in, or the last confirmation of the session"`
	IdleEndsAt      time.Time  `json:"idle_ends_at" doc:"Expiry when the session is not used"`
	ExpiresAt       time.Time  `json:"expires_at" doc:"Expiry in any case"`
	RevokedAt       *time.Time `json:"revoked_at,omitempty" doc:"When it ended early"`
	EndReason       string     `json:"end_reason,omitempty" doc:"Reason, like signed_out; more can be added"`
	Address         string     `json:"address,omitempty" doc:"Client address"`
	UserAgent       string     `json:"user_agent,omitempty" doc:"User agent of the client"`
	Unreadable      []string   `json:"unreadable,omitempty" doc:"Fields that cannot be decrypted"`
}

// SessionCheck is the answer to other services: who the user is, and how long the session lasts. It contains no
// encrypted data.
type SessionCheck struct {
	UserID    uuid.UUID `json:"user_id" format:"uuid"`
	SessionID uuid.UUID `json:"session_id" format:"uuid"`
	Kind      string    `json:"kind"`
	Status    string    `json:"status"`
	Assurance int       `json:"assurance_level"`
	ExpiresAt time.Time `json:"expires_at" doc:"Idle or absolute expiry, whichever is earlier"`
}

// SessionConfirmation is what users give to confirm that they are the ones who use their session.
type SessionConfirmation struct {
	Password Secret `json:"password" maxLength:"4096" doc:"Current password, at most 1024 bytes"`
}

// SessionConfirmed is how long a session counts as recently signed in.
type SessionConfirmed struct {
	SessionID       uuid.UUID `json:"session_id" format:"uuid"`
	AuthenticatedAt time.Time `json:"authenticated_at" doc:"Time of the confirmation"`
	RecentUntil     time.Time `json:"recent_until" doc:"Changes that affect access need a new one then"`
}
