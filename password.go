package cardinal

import (
	"time"

	"github.com/google/uuid"
)

// PasswordChange is a user's change of their own password.
type PasswordChange struct {
	Current Secret `json:"current_password" maxLength:"4096" doc:"At most 1024 bytes"`
	New     Secret `json:"new_password" maxLength:"4096" doc:"At most 1024 bytes"`
}

// PasswordChanged is the state of a password that was changed.
type PasswordChanged struct {
	PasswordState
	SignedIn *SignedIn // the new session of a user who had to change the password; nil when the session continues
}

// PasswordSet is an administrator's change of a user's password.
type PasswordSet struct {
	Current    Secret `json:"current_password,omitempty" maxLength:"4096" doc:"Only your own; at most 1024 bytes"`
	New        Secret `json:"new_password,omitempty" maxLength:"4096" doc:"At most 1024 bytes; or only must_change"`
	MustChange bool   `json:"must_change,omitempty" doc:"Require a new password at the next sign-in"`
	// ChosenByUser says that a backend passes on what its user typed. Without it, the user must change the password.
	ChosenByUser bool `json:"chosen_by_user,omitempty" doc:"The user typed it. Needs credentials.relay"`
}

// PasswordState is what can be disclosed about a password.
type PasswordState struct {
	UserID      uuid.UUID  `json:"user_id" format:"uuid"`
	HasPassword bool       `json:"has_password"`
	LastReset   *time.Time `json:"last_reset,omitempty" doc:"When it was last set"`
	MustChange  bool       `json:"must_change"`
	Version     int64      `json:"version" doc:"Revision; the ETag; 0 without a password"`
}
