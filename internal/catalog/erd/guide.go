package erd

import (
	"path"
	"strings"
)

// designGuide maps tables and columns of Cardinal's schema to sentences of the design guide that they implement. The
// keys are patterns of "table" or "table.column". The first match counts. The sentences are quotations.
var designGuide = []struct{ names, sentence string }{
	{"users",
		"This is the central identity object. It should contain unique identifiers and status flags " +
			"rather than sensitive data."},
	{"users.id", "UUID: A universally unique identifier rather than an auto-incrementing integer."},
	{"users.status",
		"Status: An enumeration field (e.g., active, suspended, deleted) to control access without deleting records."},
	{"users.deleted_at users.status_before_deletion", "Instead of removing a row, mark it as deleted"},
	{"users.erased_at", "replace PII fields with a generic placeholder"},
	{"user_statuses user_kinds user_status_transitions contact_kinds session_methods",
		"Define them as enumerations or lookup tables in the database."},
	{"profiles", "A Profile entity allows for a one-to-one relationship, keeping the core authentication table lean."},
	{"profiles.user_id", "Each user has exactly one profile set of details."},
	{"profiles.display_name_sealed", "Display Name: For public-facing visibility."},
	{"profiles.avatar_url_sealed", "Avatar URL: Link to external storage rather than storing binary data."},
	{"profiles.preferences", "Preferences: JSON or a separate table for theme settings and notification preferences."},
	{"profiles.attributes_sealed attribute_definitions",
		"Use these for attributes that vary significantly between users, such as custom fields or settings."},
	{"contacts", "Use a separate table for contacts if a user has multiple verified emails."},
	{"identifiers", "Is there a unique constraint on email addresses or usernames?"},
	{"countries profiles.country_code",
		"store the country separately from the user table, and link the user to the country"},
	{"countries.tax_rate_ppm", "This allows updates to tax rates without modifying every user record."},
	{"credentials", "Authentication details should be separated from user identity data."},
	{"credentials.hash", "Hashed Password: Never store plain text. Use a strong hashing algorithm."},
	{"credentials.salt", "Salts: Ensure each user has a unique salt value."},
	{"credentials.last_reset", "Last Reset Time: Track password changes for security policies."},
	{"sessions", "Requires automated logging and session management."},
	{"roles", "A user can hold multiple roles, and a role can be assigned to many users."},
	{"permissions", "Roles define permissions, but permissions can be shared across roles."},
	{"user_roles role_permissions api_key_roles",
		"To implement a Many-to-Many relationship, you must introduce a junction table."},
	{"audit_logs", "Audit Trails: Implement an immutable log table. Record who changed what data and when."},
	{"audit_logs.subject_id audit_logs.actor_id",
		"A single user action generates one log entry, but one user generates many logs."},
	{"audit_logs.changes", "Mask PII in log entries."},
	{"user_keys service_keys key_encryption_keys",
		"Design fields that store sensitive data to be compatible with database-level encryption features."},
	{"schema_migrations", "Use migration scripts that create new tables and copy data, then switch references."},
	{"*.*_sealed",
		"Personally Identifiable Information should be stored in encrypted columns or separate tables " +
			"with strict access controls."},
	{"*.version *.schema_version", "Consider adding a version column to major tables."},
	{"*.created_at *.updated_at", "Metadata: Timestamps for creation and last update."},
	{"*.*_at *.minute", "Store all timestamps in UTC."},
	{"*.id", "Are all primary keys UUIDs or auto-increment integers?"},
	{"*.code", "Define them as enumerations or lookup tables in the database."},
}

// guideSentence returns the guide's sentence about a table or about one of its columns. Other columns of foreign keys
// have the sentence about foreign keys. External schemas have none.
func (d *Diagram) guideSentence(table, column string) string {
	if d.isExternal {
		return ""
	}
	name := table
	if column != "" {
		name += "." + column
	}
	for _, g := range designGuide {
		for _, pattern := range strings.Fields(g.names) {
			if ok, _ := path.Match(pattern, name); ok && strings.Contains(pattern, ".") == (column != "") {
				return g.sentence
			}
		}
	}
	for _, r := range d.Relations {
		if r.From == table && isSubset([]string{column}, r.Columns) {
			return "Always index foreign key columns."
		}
	}
	return ""
}
