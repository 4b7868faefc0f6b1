package cardinal

import (
	"time"

	"github.com/google/uuid"
)

// Contact is one e-mail address or telephone number of a user. The guide: "a separate table for contacts if a user has
// multiple verified emails".
type Contact struct {
	UserID     uuid.UUID  `json:"user_id" format:"uuid"`
	ID         uuid.UUID  `json:"id" format:"uuid"`
	Kind       string     `json:"kind" doc:"email or phone"`
	Value      string     `json:"value" doc:"As typed"`
	IsPrimary  bool       `json:"is_primary" doc:"The one to use; at most one a kind"`
	VerifiedAt *time.Time `json:"verified_at,omitempty" doc:"When control was proved or vouched for"`
	CreatedAt  time.Time  `json:"created_at"`
	UpdatedAt  time.Time  `json:"updated_at"`
	Version    int64      `json:"version" doc:"Row revision; the ETag"`
}

// NewContact is what it takes to add a contact.
type NewContact struct {
	Kind      string `json:"kind" maxLength:"32" doc:"email or phone"`
	Value     string `json:"value" maxLength:"1000" doc:"The address or number"`
	IsPrimary bool   `json:"is_primary,omitempty" doc:"Make it the primary one of its kind"`
	Verified  bool   `json:"verified,omitempty" doc:"Vouch for it; administrators only"`
}

// ContactChange is a merge patch of a contact: make it primary, or vouch for it.
type ContactChange struct {
	IsPrimary Change[bool] `json:"is_primary,omitzero" doc:"true makes it the primary one of its kind"`
	Verified  Change[bool] `json:"verified,omitzero" doc:"true vouches for it; administrators only"`
}

// MaxContacts is how many contacts a user may have.
const MaxContacts = 20
