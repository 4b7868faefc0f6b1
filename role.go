package cardinal

import (
	"time"

	"github.com/google/uuid"
)

// Role is a named set of permissions.
type Role struct {
	ID           uuid.UUID `json:"id" format:"uuid"`
	Name         string    `json:"name"`
	Description  string    `json:"description"`
	IsSystem     bool      `json:"is_system" doc:"Ships with Cardinal"`
	IsAssignable bool      `json:"is_assignable" doc:"Can be granted"`
	HoldsAll     bool      `json:"holds_all" doc:"Has every permission, also those declared later"`
	MinHolders   int64     `json:"min_holders" doc:"How many users who can sign in must keep it without expiry"`
	CreatedAt    time.Time `json:"created_at"`
	UpdatedAt    time.Time `json:"updated_at"`
	Version      int64     `json:"version" doc:"Revision; the ETag"`
}

// NewRole is what it takes to make a role.
type NewRole struct {
	Name        string   `json:"name" maxLength:"63" doc:"Lowercase letters, digits, . - _, at most 63"`
	Description string   `json:"description" maxLength:"1024" doc:"At most 1000 characters"`
	Permissions []string `json:"permissions,omitempty" maxItems:"500" doc:"Names of its permissions"`
}

// RoleChange is a merge patch of a role.
type RoleChange struct {
	Name        Change[string] `json:"name,omitzero" maxLength:"63" doc:"Lowercase letters, digits, . - _, at most 63"`
	Description Change[string] `json:"description,omitzero" maxLength:"1024" doc:"At most 1000 characters"`
}

// Grant says that a user holds a role: granted by whom, until when.
type Grant struct {
	UserID    uuid.UUID  `json:"user_id" format:"uuid"`
	RoleID    uuid.UUID  `json:"role_id" format:"uuid"`
	RoleName  string     `json:"role_name"`
	GrantedBy uuid.UUID  `json:"granted_by" format:"uuid"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"Expiry"`
}

// NewGrant is what it takes to grant a role.
type NewGrant struct {
	RoleID    uuid.UUID  `json:"role_id" format:"uuid"`
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"Expiry"`
}
