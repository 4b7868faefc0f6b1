package cardinal

import (
	"time"

	"github.com/google/uuid"
)

// Setting is an option that administrators change while the service runs.
type Setting struct {
	ID          uuid.UUID `json:"id" format:"uuid"`
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Value       any       `json:"value" doc:"String, number or boolean"`
	UpdatedAt   time.Time `json:"updated_at"`
	Version     int64     `json:"version" doc:"Revision; the ETag"`
}

// SettingChange sets a setting.
type SettingChange struct {
	Value any `json:"value" doc:"String, number or boolean"`
}
