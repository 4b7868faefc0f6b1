package cardinal

import (
	"time"

	"github.com/google/uuid"
)

// Profile is the personal data of a user, decrypted. The guide: display name, avatar URL, preferences.
type Profile struct {
	UserID      uuid.UUID      `json:"user_id" format:"uuid"`
	DisplayName string         `json:"display_name,omitempty"`
	Username    string         `json:"username,omitempty"`
	AvatarURL   string         `json:"avatar_url,omitempty"`
	Country     string         `json:"country,omitempty" doc:"ISO 3166-1 alpha-2 code"`
	Locale      string         `json:"locale" doc:"BCP 47 language tag; und when unknown"`
	TimeZone    string         `json:"time_zone" doc:"IANA time zone, for display only"`
	Preferences map[string]any `json:"preferences"`
	Attributes  map[string]any `json:"attributes"`
	CreatedAt   time.Time      `json:"created_at"`
	UpdatedAt   time.Time      `json:"updated_at"`
	Version     int64          `json:"version" doc:"Revision; the ETag"`
	Unreadable  []string       `json:"unreadable,omitempty" doc:"Fields that cannot be decrypted"`
}

// ProfileChange is a merge patch of a profile (RFC 7396). Preferences and attributes are merged key by key.
type ProfileChange struct {
	DisplayName Change[string]         `json:"display_name,omitzero" maxLength:"1000" doc:"At most 200 characters"`
	Username    Change[string]         `json:"username,omitzero" maxLength:"1000" doc:"Unique, at most 64 characters"`
	AvatarURL   Change[string]         `json:"avatar_url,omitzero" maxLength:"4000" doc:"https, at most 2048 bytes"`
	Country     Change[string]         `json:"country,omitzero" maxLength:"16" doc:"ISO 3166-1, exactly 2 letters"`
	Locale      Change[string]         `json:"locale,omitzero" maxLength:"100" doc:"BCP 47 tag, at most 35 bytes"`
	TimeZone    Change[string]         `json:"time_zone,omitzero" maxLength:"100" doc:"IANA name, at most 64 bytes"`
	Preferences Change[map[string]any] `json:"preferences,omitzero"`
	Attributes  Change[map[string]any] `json:"attributes,omitzero"`
}
