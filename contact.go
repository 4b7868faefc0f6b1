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
	Verified   bool       `json:"verified" doc:"Whether the user has shown to control it"`
	VerifiedAt *time.Time `json:"verified_at,omitempty" doc:"When it was verified, or marked as verified"`
	GivenBy    string     `json:"given_by" doc:"Who gave it: user, administrator or import"`
	CreatedAt  time.Time  `json:"created_at"`
	UpdatedAt  time.Time  `json:"updated_at"`
	Version    int64      `json:"version" doc:"Revision; the ETag"`
	Unreadable []string   `json:"unreadable,omitempty" doc:"Fields that cannot be decrypted"`

	Removed *RemovedAccess `json:"removed,omitempty" doc:"What its verification removed; only in that answer"`
}

// Who gave a contact. An unverified contact that its user gave reserves nothing (docs/identifiers.md).
const (
	GivenByUser          = "user"
	GivenByAdministrator = "administrator"
	GivenByImport        = "import"
)

// RemovedAccess is what the verification of an address removed from an account that its user created: that user need
// not be the owner of the address.
type RemovedAccess struct {
	Password bool `json:"password" doc:"The password was removed"`
	Sessions int  `json:"sessions" doc:"Number of sessions that ended"`
}

// AddressOwner is a user who has an address.
type AddressOwner struct {
	UserID    uuid.UUID `json:"user_id"`
	ContactID uuid.UUID `json:"contact_id"`
	Verified  bool      `json:"verified"`
	GivenBy   string    `json:"given_by"`
	CreatedAt time.Time `json:"created_at"` // when the user got it
}

// NewContact is a contact to add.
type NewContact struct {
	Kind      string `json:"kind" maxLength:"32" doc:"email or phone"`
	Value     string `json:"value" maxLength:"1000" doc:"Address (at most 254 bytes) or number (at most 15 digits)"`
	IsPrimary bool   `json:"is_primary,omitempty" doc:"Make it the primary contact of its kind"`
	Verified  bool   `json:"verified,omitempty" doc:"Mark it as verified; administrators only"`

	PasswordConfirmed bool `json:"password_confirmed,omitempty" doc:"The owner of the address knows the password"`
}

// ContactChange is a merge patch of a contact: make it primary, or mark it as verified.
type ContactChange struct {
	IsPrimary Change[bool] `json:"is_primary,omitzero" doc:"true makes it the primary contact of its kind"`
	Verified  Change[bool] `json:"verified,omitzero" doc:"true marks it as verified; administrators only"`

	PasswordConfirmed bool `json:"password_confirmed,omitempty" doc:"The owner of the address knows the password"`
}

// MaxContacts is how many contacts a user can have.
const MaxContacts = 20

// MaxUnverifiedContacts is how many contacts a user can have that the user added and no user has verified.
const MaxUnverifiedContacts = 3
