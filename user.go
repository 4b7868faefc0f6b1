package cardinal

import (
	"time"

	"github.com/google/uuid"
)

// User is an identity: an id, a kind and a status. The guide: "unique identifiers and status flags rather than
// sensitive data".
type User struct {
	ID        uuid.UUID  `json:"id" format:"uuid" doc:"UUIDv7"`
	Kind      string     `json:"kind" doc:"person or service; other kinds are built in"`
	Status    string     `json:"status" doc:"One of /v1/statuses"`
	CreatedAt time.Time  `json:"created_at"`
	UpdatedAt time.Time  `json:"updated_at"`
	DeletedAt *time.Time `json:"deleted_at,omitempty" doc:"When the user was soft-deleted"`
	ErasedAt  *time.Time `json:"erased_at,omitempty" doc:"When the personal data was destroyed; final"`
	Version   int64      `json:"version" doc:"Revision; the ETag"`

	EmailVerified *bool `json:"email_verified,omitempty" doc:"Only with email: whether the user verified that address"`

	Profile *Profile `json:"profile,omitempty" doc:"Only with expand=profile"`
}

// NewUser is a user to create. Every field is optional, but a person with a password needs something to sign in with.
type NewUser struct {
	Kind               string         `json:"kind,omitempty" maxLength:"32" doc:"person (default) or service"`
	DisplayName        string         `json:"display_name,omitempty" maxLength:"1000" doc:"At most 200 characters"`
	Username           string         `json:"username,omitempty" maxLength:"1000" doc:"Unique, at most 64 characters"`
	Email              string         `json:"email,omitempty" maxLength:"1000" doc:"Unique, at most 254 bytes"`
	EmailVerified      bool           `json:"email_verified,omitempty" doc:"Mark the address as verified"`
	Phone              string         `json:"phone,omitempty" maxLength:"1000" doc:"Unique, at most 15 digits"`
	PhoneVerified      bool           `json:"phone_verified,omitempty" doc:"Mark the number as verified"`
	Password           Secret         `json:"password,omitempty" maxLength:"4096" doc:"At most 1024 bytes. Optional"`
	MustChangePassword bool           `json:"must_change_password,omitempty" doc:"New password needed at first sign-in"`
	ChosenByUser       bool           `json:"chosen_by_user,omitempty" doc:"The user typed the password"`
	AvatarURL          string         `json:"avatar_url,omitempty" maxLength:"4000" doc:"https, at most 2048 bytes"`
	Country            string         `json:"country,omitempty" maxLength:"16" doc:"ISO 3166-1, exactly 2 letters"`
	Locale             string         `json:"locale,omitempty" maxLength:"100" doc:"BCP 47 tag, at most 35 bytes"`
	TimeZone           string         `json:"time_zone,omitempty" maxLength:"100" doc:"IANA name, at most 64 bytes"`
	Preferences        map[string]any `json:"preferences,omitempty" doc:"Settings of the interface, nothing personal"`
	Attributes         map[string]any `json:"attributes,omitempty" doc:"Declared custom attributes"`
}

// UserChange is a merge patch of a user (RFC 7396). Only the profile changes here; statuses have actions of their own.
type UserChange struct {
	Profile ProfileChange `json:"profile,omitzero"`
}

// UserFilter selects users. Empty fields do not narrow the list.
type UserFilter struct {
	Page
	Kind         string
	Status       string
	RoleID       uuid.UUID      // users with this role; expired grants do not count
	Email        string         // exact address, in any spelling
	Search       string         // words that names or addresses start with
	Attributes   map[string]any // searchable attributes, by exact value
	CreatedFrom  time.Time      // inclusive, to the millisecond of the id
	CreatedUntil time.Time      // exclusive
	BuiltIn      bool           // show operator, system and anonymous too
}
