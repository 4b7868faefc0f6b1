package cardinal

import (
	"time"

	"github.com/google/uuid"
)

// Permission is the right to do one thing: one of Cardinal's own, or one that an application declared.
type Permission struct {
	ID          uuid.UUID `json:"id" format:"uuid"`
	Name        string    `json:"name" doc:"Plural noun, dot, verb"`
	Description string    `json:"description"`
	IsSystem    bool      `json:"is_system" doc:"Ships with Cardinal"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
	Version     int64     `json:"version" doc:"Revision; the ETag"`
}

// NewPermission is a permission to declare.
type NewPermission struct {
	Name        string `json:"name" maxLength:"64" doc:"Plural noun, dot, verb; at most 64 characters"`
	Description string `json:"description" maxLength:"1024" doc:"At most 1000 characters"`
}

// PermissionChange is a merge patch of a permission.
type PermissionChange struct {
	Description Change[string] `json:"description,omitzero" maxLength:"1024" doc:"At most 1000 characters"`
}
