package cardinal

import (
	"time"

	"github.com/google/uuid"
)

// Country is a country and its tax rate. The guide: "store the country separately … updates to tax rates without
// modifying every user record".
type Country struct {
	ID         uuid.UUID `json:"id" format:"uuid"`
	Code       string    `json:"code" doc:"ISO 3166-1 alpha-2"`
	Name       string    `json:"name"`
	TaxRatePPM int64     `json:"tax_rate_ppm" doc:"Standard tax rate in parts per million: 190000 is 19 %"`
	UpdatedAt  time.Time `json:"updated_at"`
	Version    int64     `json:"version" doc:"Revision; the ETag"`
}

// CountryChange is a merge patch of a country.
type CountryChange struct {
	TaxRatePPM Change[int64] `json:"tax_rate_ppm,omitzero" doc:"0 to 1000000"`
}
