package cardinal

import (
	"time"
)

// SetupLink is a one-time link with which the first administrator is created.
type SetupLink struct {
	Token     Secret
	ExpiresAt time.Time
}

// SetUp is what redeems a set-up link.
type SetUp struct {
	Token       Secret `json:"token" maxLength:"200" doc:"Token of the set-up link, at most 200 characters"`
	Email       string `json:"email" maxLength:"1000" doc:"At most 254 bytes"`
	Password    Secret `json:"password" maxLength:"4096" doc:"At most 1024 bytes"`
	DisplayName string `json:"display_name,omitempty" maxLength:"1000" doc:"At most 200 characters"`
}
