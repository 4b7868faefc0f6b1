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
	MinHolders   int64     `json:"min_holders" doc:"Minimum number of users who can sign in and have it without expiry"`
	CreatedAt    time.Time `json:"created_at"`
	UpdatedAt    time.Time `json:"updated_at"`
	Version      int64     `json:"version" doc:"Revision; the ETag"`
}

// NewRole is a role to create.
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
