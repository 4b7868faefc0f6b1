package store

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/rowdigest"
)

// digestColumnList is the list of columns that the digest of a row covers, with its version. A list never changes;
// another list gets another version. Columns that change without an audit event are left out, such as
// sessions.last_seen_at.
type digestColumnList struct {
	version int
	names   []string
}

// digestColumnLists has the list of each table.
var digestColumnLists = map[string]digestColumnList{
	"users": {1, []string{
		"id", "kind", "status", "status_before_deletion", "created_at", "updated_at", "deleted_at", "erased_at",
		"version", "schema_version",
	}},
	"user_keys": {1, []string{
		"user_id", "kek_id", "wrapped_key", "created_at", "wrapped_at",
	}},
	"profiles": {profileDigestVersion, profileColumnNames},
	"contacts": {2, []string{
		"user_id", "id", "kind", "value_sealed", "is_primary", "verified_at", "created_at", "updated_at", "version",
		"schema_version", "given_by", "value_index",
	}},
	"identifiers": {2, []string{
		"value_index", "user_id", "contact_id", "created_at",
	}},
	"credentials": {1, []string{
		"user_id", "hash", "last_reset", "must_change", "created_at", "updated_at", "version", "schema_version",
	}},
	"sessions": {3, []string{
		"user_id", "id", "method", "assurance_level", "created_at", "idle_seconds", "expires_at", "revoked_at",
		"end_reason", "address_sealed", "user_agent_sealed", "schema_version", "confirmed_at",
	}},
	"roles": {1, []string{
		"id", "name", "description", "is_system", "is_assignable", "holds_all", "min_holders", "created_at",
		"updated_at", "version",
	}},
	"permissions": {1, []string{
		"id", "name", "description", "is_system", "created_at", "updated_at", "version",
	}},
	"role_permissions": {1, []string{
		"role_id", "permission_id", "created_at",
	}},
	"user_roles": {1, []string{
		"user_id", "role_id", "granted_by", "created_at", "expires_at",
	}},
	"api_keys": {2, []string{
		"user_id", "id", "name_sealed", "hint", "created_at", "expires_at", "revoked_at",
		"schema_version",
	}},
	"api_key_roles": {1, []string{
		"user_id", "api_key_id", "role_id",
	}},
	"attribute_definitions": {2, []string{
		"id", "name", "description", "value_type", "is_searchable", "created_at", "updated_at", "version",
	}},
	"countries": {1, []string{
		"id", "code", "name", "tax_rate_ppm", "created_at", "updated_at", "version",
	}},
	"settings": {1, []string{
		"id", "name", "value", "updated_at", "version",
	}},
}

// digestRow computes the digest of a row as it is stored. values are in the order of the list of the table.
func digestRow(table, key string, version int64, values ...any) cardinal.RowDigest {
	list, ok := digestColumnLists[table]
	if !ok || len(values) != len(list.names) {
		panic("store: the values of " + table + " do not match its list of digest columns")
	}
	digest := rowdigest.Sum(table, list.version, list.names, values)
	return cardinal.RowDigest{Table: table, Key: key, Version: version, Columns: list.version, Digest: digest}
}

// DeletedRow represents a row that was deleted; parts are its primary key.
func DeletedRow(table string, parts ...uuid.UUID) cardinal.RowDigest {
	return cardinal.RowDigest{Table: table, Key: keyOf(parts...)}
}

// keyOf joins the parts of a primary key, in the form of audit events.
func keyOf(parts ...uuid.UUID) string {
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = p.String()
	}
	return strings.Join(texts, "/")
}

// jsonInto scans a JSON column into a value.
type jsonInto struct{ to any }

func (j jsonInto) Scan(v any) error {
	switch v := v.(type) {
	case string:
		return json.Unmarshal([]byte(v), j.to)
	case []byte:
		return json.Unmarshal(v, j.to)
	}
	return fmt.Errorf("not JSON: %T", v)
}
