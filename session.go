package cardinal

import (
	"time"

	"github.com/google/uuid"
)

// Session is one signed-in session, without its token.
type Session struct {
	UserID     uuid.UUID  `json:"user_id" format:"uuid"`
	ID         uuid.UUID  `json:"id" format:"uuid"`
	Method     string     `json:"method" doc:"How it was opened"`
	Assurance  int        `json:"assurance_level" doc:"0 before a required password change, else 1 to 3"`
	CreatedAt  time.Time  `json:"created_at"`
	LastSeenAt time.Time  `json:"last_seen_at" doc:"Rounded to the minute"`
	IdleEndsAt time.Time  `json:"idle_ends_at" doc:"Expiry when the session is not used"`
	ExpiresAt  time.Time  `json:"expires_at" doc:"Expiry in any case"`
	RevokedAt  *time.Time `json:"revoked_at,omitempty" doc:"When it ended early"`
	EndReason  string     `json:"end_reason,omitempty" doc:"Reason, like signed_out; more can be added"`
	Address    string     `json:"address,omitempty" doc:"Client address"`
	UserAgent  string     `json:"user_agent,omitempty" doc:"User agent of the client"`
}

// SessionCheck is the answer that other services get: who this is, and until when. Nothing sealed is opened for it.
type SessionCheck struct {
	UserID    uuid.UUID `json:"user_id" format:"uuid"`
	SessionID uuid.UUID `json:"session_id" format:"uuid"`
	Kind      string    `json:"kind"`
	Status    string    `json:"status"`
	Assurance int       `json:"assurance_level"`
	ExpiresAt time.Time `json:"expires_at" doc:"The earlier of idle and absolute end"`
}

// SignIn is what a stranger gives to open a session.
type SignIn struct {
	Identifier string `json:"identifier" maxLength:"1000" doc:"Email address (at most 254 bytes), number or user name"`
	Password   Secret `json:"password" maxLength:"4096" doc:"At most 1024 bytes"`
}

// SignedIn is an opened session with its bearer token, which is shown this once.
type SignedIn struct {
	Session            Session
	Token              Secret
	MustChangePassword bool
}

// PasswordChange is a person's change of their own password.
type PasswordChange struct {
	Current Secret `json:"current_password" maxLength:"4096" doc:"At most 1024 bytes"`
	New     Secret `json:"new_password" maxLength:"4096" doc:"At most 1024 bytes"`
}

// PasswordSet is an administrator's setting of somebody's password.
type PasswordSet struct {
	New        Secret `json:"new_password,omitempty" maxLength:"4096" doc:"At most 1024 bytes; or only must_change"`
	MustChange bool   `json:"must_change,omitempty" doc:"Require a new password at the next sign-in"`
}

// PasswordState is what may be known of a password.
type PasswordState struct {
	UserID      uuid.UUID  `json:"user_id" format:"uuid"`
	HasPassword bool       `json:"has_password"`
	LastReset   *time.Time `json:"last_reset,omitempty" doc:"When it was last set"`
	MustChange  bool       `json:"must_change"`
	Version     int64      `json:"version" doc:"Revision; the ETag; 0 without a password"`
}

// SetupLink is a one-time link that makes the first administrator.
type SetupLink struct {
	Token     Secret
	ExpiresAt time.Time
}

// SetUp is what redeems a set-up link.
type SetUp struct {
	Token       Secret `json:"token" maxLength:"200" doc:"Token of the set-up link, at most 200 characters"`
	Email       string `json:"email" maxLength:"1000" doc:"At most 254 bytes"`
	Password    Secret `json:"password" maxLength:"4096" doc:"At most 1024 bytes"`
	DisplayName string `json:"display_name,omitempty" maxLength:"1000" doc:"At most 200 characters"`
}
