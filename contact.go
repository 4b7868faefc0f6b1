package cardinal

import (
	"time"

	"github.com/google/uuid"
)

// Contact is one email address or phone number of a user. The guide: "a separate table for contacts if a user has
// multiple verified emails".
type Contact struct {
	UserID     uuid.UUID  `json:"user_id" format:"uuid"`
	ID         uuid.UUID  `json:"id" format:"uuid"`
	Kind       string     `json:"kind" doc:"email or phone"`
	Value      string     `json:"value" doc:"As typed"`
	IsPrimary  bool       `json:"is_primary" doc:"The contact to use; at most one per kind"`
	VerifiedAt *time.Time `json:"verified_at,omitempty" doc:"When it was verified, or marked as verified"`
	CreatedAt  time.Time  `json:"created_at"`
	UpdatedAt  time.Time  `json:"updated_at"`
	Version    int64      `json:"version" doc:"Revision; the ETag"`
	Unreadable []string   `json:"unreadable,omitempty" doc:"Fields that cannot be decrypted"`
}

// NewContact is a contact to add.
type NewContact struct {
	Kind      string `json:"kind" maxLength:"32" doc:"email or phone"`
	Value     string `json:"value" maxLength:"1000" doc:"Address (at most 254 bytes) or number (at most 15 digits)"`
	IsPrimary bool   `json:"is_primary,omitempty" doc:"Make it the primary contact of its kind"`
	Verified  bool   `json:"verified,omitempty" doc:"Mark it as verified; administrators only"`
}

// ContactChange is a merge patch of a contact: make it primary, or mark it as verified.
type ContactChange struct {
	IsPrimary Change[bool] `json:"is_primary,omitzero" doc:"true makes it the primary contact of its kind"`
	Verified  Change[bool] `json:"verified,omitzero" doc:"true marks it as verified; administrators only"`
}

// MaxContacts is how many contacts a user can have.
const MaxContacts = 20
