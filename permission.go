package cardinal

import (
	"time"

	"github.com/google/uuid"
)

// Permission is something one may do: Cardinal's own, or declared by an application.
type Permission struct {
	ID          uuid.UUID `json:"id" format:"uuid"`
	Name        string    `json:"name" doc:"Plural noun, dot, verb"`
	Description string    `json:"description"`
	IsSystem    bool      `json:"is_system" doc:"Ships with Cardinal"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
	Version     int64     `json:"version" doc:"Revision; the ETag"`
}

// NewPermission is what it takes to declare a permission.
type NewPermission struct {
	Name        string `json:"name" maxLength:"64" doc:"Plural noun, dot, verb; at most 64 characters"`
	Description string `json:"description" maxLength:"1024" doc:"At most 1000 characters"`
}

// PermissionChange is a merge patch of a permission.
type PermissionChange struct {
	Description Change[string] `json:"description,omitzero" maxLength:"1024" doc:"At most 1000 characters"`
}

// AccessQuestion asks whether a user may do something.
type AccessQuestion struct {
	UserID     uuid.UUID `json:"user_id,omitzero" format:"uuid" doc:"Id of the user; absent for the caller"`
	Permission string    `json:"permission" maxLength:"64" doc:"Name of the permission, at most 64 characters"`
}

// Access is the answer.
type Access struct {
	UserID     uuid.UUID `json:"user_id" format:"uuid"`
	Permission string    `json:"permission"`
	Allowed    bool      `json:"allowed"`
}

// AccessExplained is the answer with its reasons: every grant that gives the permission, and those that would but do
// not.
type AccessExplained struct {
	Access
	Reason string        `json:"reason" doc:"Explanation for people"`
	Grants []AccessGrant `json:"grants" doc:"Grants of roles that have the permission"`
}

// AccessGrant is a grant of a role that holds the permission asked for.
type AccessGrant struct {
	RoleID    uuid.UUID  `json:"role_id" format:"uuid"`
	RoleName  string     `json:"role_name"`
	GrantedBy uuid.UUID  `json:"granted_by" format:"uuid"`
	GrantedAt time.Time  `json:"granted_at"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	InForce   bool       `json:"in_force" doc:"Not expired, and the status of the user allows to act"`
}
