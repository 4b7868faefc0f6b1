package cardinal

import (
	"time"

	"github.com/google/uuid"
)

// AccessQuestion asks whether a user has a permission.
type AccessQuestion struct {
	UserID     uuid.UUID `json:"user_id,omitzero" format:"uuid" doc:"Id of the user; absent for the caller"`
	Permission string    `json:"permission" maxLength:"64" doc:"Name of the permission, at most 64 characters"`
}

// Access is the answer to an AccessQuestion.
type Access struct {
	UserID     uuid.UUID `json:"user_id" format:"uuid"`
	Permission string    `json:"permission"`
	Allowed    bool      `json:"allowed"`
}

// AccessExplained is the answer with its reasons: every grant of a role with the permission, in force or not.
type AccessExplained struct {
	Access
	Reason string        `json:"reason" doc:"Explanation for people"`
	Grants []AccessGrant `json:"grants" doc:"Grants of roles that have the permission"`
}

// AccessGrant is a grant of a role that has the permission.
type AccessGrant struct {
	RoleID    uuid.UUID  `json:"role_id" format:"uuid"`
	RoleName  string     `json:"role_name"`
	GrantedBy uuid.UUID  `json:"granted_by" format:"uuid"`
	GrantedAt time.Time  `json:"granted_at"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	InForce   bool       `json:"in_force" doc:"Not expired, and the status of the user allows the use of permissions"`
}
