package cardinal

import (
	"time"

	"github.com/google/uuid"
)

// ImportRow is one user in a file of Cardinal's own format: one JSON object per line, as export writes it. Fields that
// are left out have the defaults of a new user.
type ImportRow struct {
	ID                   uuid.UUID       `json:"id,omitzero"`
	Kind                 string          `json:"kind,omitempty"`
	Status               string          `json:"status,omitempty"`
	StatusBeforeDeletion string          `json:"status_before_deletion,omitempty"`
	CreatedAt            *time.Time      `json:"created_at,omitempty"`
	DeletedAt            *time.Time      `json:"deleted_at,omitempty"`
	DisplayName          string          `json:"display_name,omitempty"`
	Username             string          `json:"username,omitempty"`
	Email                string          `json:"email,omitempty"`
	EmailVerified        bool            `json:"email_verified,omitempty"`
	Phone                string          `json:"phone,omitempty"`
	PhoneVerified        bool            `json:"phone_verified,omitempty"`
	Contacts             []ImportContact `json:"contacts,omitempty"` // in addition to email and phone
	AvatarURL            string          `json:"avatar_url,omitempty"`
	Country              string          `json:"country,omitempty"`
	Locale               string          `json:"locale,omitempty"`
	TimeZone             string          `json:"time_zone,omitempty"`
	Preferences          map[string]any  `json:"preferences,omitempty"`
	Attributes           map[string]any  `json:"attributes,omitempty"`
	PasswordHash         string          `json:"password_hash,omitempty"` // PHC, crypt(3) or LDAP form
	PasswordSetAt        *time.Time      `json:"password_set_at,omitempty"`
	MustChangePassword   bool            `json:"must_change_password,omitempty"`
	Roles                []ImportRole    `json:"roles,omitempty"`
}

// ImportContact is one address or number of a user in a file.
type ImportContact struct {
	Kind       string     `json:"kind"`
	Value      string     `json:"value"`
	IsPrimary  bool       `json:"is_primary,omitempty"`
	VerifiedAt *time.Time `json:"verified_at,omitempty"`
	GivenBy    string     `json:"given_by,omitempty"` // user: while unverified it reserves nothing
}

// ImportRole is a role, by name, that a user in a file has.
type ImportRole struct {
	Name      string     `json:"name"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

// ImportRun is an import: what was read and created, and its progress.
type ImportRun struct {
	ID         uuid.UUID      `json:"id" format:"uuid"`
	ActorID    uuid.UUID      `json:"actor_id" format:"uuid" doc:"User who imports"`
	Format     string         `json:"format" doc:"unknown until the file is uploaded"`
	Name       string         `json:"name,omitempty" doc:"Name of the file; removed by an undo"`
	Path       string         `json:"-"` // of a file that the command line imported: no answer names it
	State      string         `json:"state" enum:"uploading,checking,checked,running,finished,undoing,undone,failed"`
	Problem    string         `json:"problem,omitempty" doc:"Why it failed"`
	Columns    []ImportColumn `json:"columns,omitempty" doc:"Fields of the columns of a CSV file, until the start"`
	Check      *ImportCheck   `json:"check,omitempty" doc:"Check of an uploaded file"`
	Read       int64          `json:"rows_read"`
	Created    int64          `json:"rows_created"`
	Skipped    int64          `json:"rows_skipped" doc:"Users that exist already"`
	Invalid    int64          `json:"rows_faulty" doc:"With problems"`
	Undone     int64          `json:"rows_undone"`
	Kept       int64          `json:"rows_kept" doc:"Kept by an undo; the audit log says why"`
	CreatedAt  time.Time      `json:"created_at"`
	UpdatedAt  time.Time      `json:"updated_at"`
	StartedAt  *time.Time     `json:"started_at,omitempty" doc:"Start of an uploaded import"`
	FinishedAt *time.Time     `json:"finished_at,omitempty" doc:"Absent for an interrupted import, too"`
	UndoneAt   *time.Time     `json:"undone_at,omitempty"`
	Unreadable []string       `json:"unreadable,omitempty" doc:"Fields that cannot be decrypted"`
}

// ImportCheck is what the service found in an uploaded file.
type ImportCheck struct {
	Bytes    int64 `json:"bytes" doc:"Received so far"`
	Rows     int64 `json:"rows" doc:"Checked so far"`
	New      int64 `json:"rows_new" doc:"Users to be created"`
	Existing int64 `json:"rows_existing" doc:"Users that exist already"`
	Invalid  int64 `json:"rows_faulty" doc:"With problems"`
}

// ImportColumn is a column of a CSV file, and the field that it is read into.
type ImportColumn struct {
	Name  string `json:"name"`
	Field string `json:"field,omitempty" doc:"Empty for a column that is left out"`
	Near  string `json:"near,omitempty" doc:"Most similar field, for a column that is left out"`
}

// NewImport describes how an uploaded file is read.
type NewImport struct {
	Name         string
	Format       string            // "" to detect it by the content
	Map          map[string]string // fields by column of CSV
	FirebaseHash string            // a Firebase project's hash configuration, as Firebase shows it
	Start        bool              // create the users as soon as the file is checked, except for rows with problems
}
