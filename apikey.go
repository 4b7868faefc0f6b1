package cardinal

import (
	"time"

	"github.com/google/uuid"
)

// APIKey is a credential of a service, with some of its roles. The key itself is shown once.
type APIKey struct {
	UserID     uuid.UUID   `json:"user_id" format:"uuid" doc:"Service that owns the key"`
	ID         uuid.UUID   `json:"id" format:"uuid"`
	Name       string      `json:"name" doc:"Purpose"`
	Hint       string      `json:"hint" doc:"Last four characters of the key"`
	RoleIDs    []uuid.UUID `json:"role_ids" doc:"Roles of the service that the key can use"`
	CreatedAt  time.Time   `json:"created_at"`
	ExpiresAt  time.Time   `json:"expires_at"`
	RevokedAt  *time.Time  `json:"revoked_at,omitempty"`
	Unreadable []string    `json:"unreadable,omitempty" doc:"Fields that cannot be decrypted"`

	Token Secret `json:"-"` // only when it was created
}

// NewAPIKey is an API key to create.
type NewAPIKey struct {
	UserID    uuid.UUID   `json:"user_id" format:"uuid" doc:"Service that will own the key"`
	Name      string      `json:"name" maxLength:"200" doc:"Purpose; at most 200 characters"`
	RoleIDs   []uuid.UUID `json:"role_ids" minItems:"1" maxItems:"50" doc:"Roles of the service that the key can use"`
	ExpiresAt time.Time   `json:"expires_at" doc:"At most two years from now"`
}
