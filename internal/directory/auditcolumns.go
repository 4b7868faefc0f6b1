package directory

import (
	"log/slog"
	"path"

	"cardinal"
)

// visibility says whether an audit event shows the values of a column that changed.
type visibility bool

const (
	masked visibility = false // only that it changed
	shown  visibility = true
)

// columnVisibility lists every column that an audit event can name, as table.column. A column that is not listed is
// masked, and a warning is logged: a new column must not show personal data by accident.
var columnVisibility = map[string]visibility{
	"api_keys.expires_at":            shown,
	"api_keys.name_sealed":           masked,
	"api_keys.revoked_at":            shown,
	"attribute_definitions.name":     shown,
	"contacts.given_by":              shown,
	"contacts.is_primary":            shown,
	"contacts.kind":                  shown,
	"contacts.value_sealed":          masked,
	"contacts.verified_at":           shown,
	"credentials.hash":               masked,
	"credentials.must_change":        shown,
	"import_runs.rows_created":       shown,
	"import_runs.rows_kept":          shown, // why an undo kept a user
	"jobs.kind":                      shown,
	"jobs.run_at":                    shown,
	"permissions.description":        masked,
	"permissions.name":               shown,
	"refused_attempts.minute":        shown,
	"refused_attempts.prefix":        shown, // a keyed hash of the address prefix
	"refused_attempts.throttled":     shown, // how many without an answer
	"roles.description":              masked,
	"roles.name":                     shown,
	"sessions.address_sealed":        masked,
	"sessions.confirmed_at":          shown,
	"sessions.ended":                 shown, // how many
	"sessions.method":                shown,
	"sessions.user_agent_sealed":     masked,
	"setup_links.expires_at":         shown,
	"temporary_passwords.expires_at": shown,
	"temporary_passwords.used_at":    shown,
	"user_roles.expires_at":          shown,
	"users.kind":                     shown,
	"users.status":                   shown,
}

// columnPatterns list the columns whose names contain the name of a row.
var columnPatterns = []struct {
	pattern string
	visibility
}{
	{"countries.*.tax_rate_ppm", shown}, // by country
	{"profiles.*", masked},              // by field
	{"role_permissions.*", shown},       // by permission
	{"settings.*", shown},               // by setting
	{"user_roles.*", shown},             // by role
}

// columnChange returns the change of a column for an audit event, with its values where columnVisibility shows them.
func columnChange(log *slog.Logger, column string, from, to any) cardinal.ColumnChange {
	visible, listed := columnVisibility[column]
	for _, p := range columnPatterns {
		if ok, _ := path.Match(p.pattern, column); ok && !listed {
			visible, listed = p.visibility, true
		}
	}
	if !listed {
		log.Warn("an audit event names a column that is not listed: its values are masked", "column", column)
	}
	if visible == masked {
		return cardinal.ColumnChange{Masked: true}
	}
	return cardinal.ColumnChange{From: from, To: to}
}

// ColumnChanges returns the changes of an event that no Tx records, by their new values: those of a user in an import,
// for example.
func (d *Directory) ColumnChanges(changes map[string]any) map[string]cardinal.ColumnChange {
	out := make(map[string]cardinal.ColumnChange, len(changes))
	for column, to := range changes {
		out[column] = columnChange(d.log, column, nil, to)
	}
	return out
}
