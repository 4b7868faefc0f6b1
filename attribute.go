package cardinal

import (
	"time"

	"github.com/google/uuid"
)

// AttributeDefinition declares a custom attribute of profiles.
type AttributeDefinition struct {
	ID           uuid.UUID `json:"id" format:"uuid"`
	Name         string    `json:"name"`
	Description  string    `json:"description"`
	ValueType    string    `json:"value_type" enum:"string,number,boolean"`
	IsSearchable bool      `json:"is_searchable" doc:"Users can be found by its exact value"`
	CreatedAt    time.Time `json:"created_at"`
	UpdatedAt    time.Time `json:"updated_at"`
	Version      int64     `json:"version" doc:"Revision; the ETag"`
}

// NewAttributeDefinition is an attribute to declare.
type NewAttributeDefinition struct {
	Name         string `json:"name" maxLength:"63" doc:"Lowercase letters, digits and underscores; at most 63"`
	Description  string `json:"description" maxLength:"1024" doc:"At most 1000 characters"`
	ValueType    string `json:"value_type" enum:"string,number,boolean"`
	IsSearchable bool   `json:"is_searchable,omitempty" doc:"Let users be found by its exact value. Cannot be changed"`
}
