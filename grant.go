package cardinal

import (
	"time"

	"github.com/google/uuid"
)

// Grant states that a user has a role, who granted it, and when it expires.
type Grant struct {
	UserID    uuid.UUID  `json:"user_id" format:"uuid"`
	RoleID    uuid.UUID  `json:"role_id" format:"uuid"`
	RoleName  string     `json:"role_name"`
	GrantedBy uuid.UUID  `json:"granted_by" format:"uuid"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"Expiry"`
}

// NewGrant is a role to grant.
type NewGrant struct {
	RoleID    uuid.UUID  `json:"role_id" format:"uuid"`
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"Expiry"`
}
