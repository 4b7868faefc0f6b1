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
	Assurance  int        `json:"assurance_level" doc:"0 must change the password first, 1 one factor, 2 two factors, 3 hardware-bound"`
	CreatedAt  time.Time  `json:"created_at"`
	LastSeenAt time.Time  `json:"last_seen_at" doc:"To the minute"`
	IdleEndsAt time.Time  `json:"idle_ends_at" doc:"Ends then unless it is used"`
	ExpiresAt  time.Time  `json:"expires_at" doc:"Absolute end"`
	RevokedAt  *time.Time `json:"revoked_at,omitempty" doc:"Ended early"`
	EndReason  string     `json:"end_reason,omitempty" doc:"Why it ended early: signed_out, ended_by_person, ended_by_other, password_changed, account_stopped or claim_lost; more may come"`
	Address    string     `json:"address,omitempty" doc:"Where it was opened from"`
	UserAgent  string     `json:"user_agent,omitempty" doc:"What it was opened with"`
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
	Identifier string `json:"identifier" maxLength:"1000" doc:"E-mail address, telephone number or user name"`
	Password   Secret `json:"password" maxLength:"4096"`
}

// SignedIn is an opened session with its bearer token, which is shown this once.
type SignedIn struct {
	Session            Session
	Token              Secret
	MustChangePassword bool
}

// PasswordChange is a person's change of their own password.
type PasswordChange struct {
	Current Secret `json:"current_password" maxLength:"4096"`
	New     Secret `json:"new_password" maxLength:"4096"`
}

// PasswordSet is an administrator's setting of somebody's password.
type PasswordSet struct {
	New        Secret `json:"new_password,omitempty" maxLength:"4096" doc:"Absent only requires a change of the present one"`
	MustChange bool   `json:"must_change,omitempty" doc:"The password must be changed at the next sign-in"`
}

// PasswordState is what may be known of a password.
type PasswordState struct {
	UserID      uuid.UUID  `json:"user_id" format:"uuid"`
	HasPassword bool       `json:"has_password"`
	LastReset   *time.Time `json:"last_reset,omitempty" doc:"When it was last set"`
	MustChange  bool       `json:"must_change"`
	Version     int64      `json:"version" doc:"Row revision; the ETag; 0 while there is no password"`
}

// SetupLink is a one-time link that makes the first administrator.
type SetupLink struct {
	Token     Secret
	ExpiresAt time.Time
}

// SetUp is what redeems a set-up link.
type SetUp struct {
	Token       Secret `json:"token" maxLength:"200" doc:"From the set-up link"`
	Email       string `json:"email" maxLength:"1000"`
	Password    Secret `json:"password" maxLength:"4096"`
	DisplayName string `json:"display_name,omitempty" maxLength:"1000"`
}
