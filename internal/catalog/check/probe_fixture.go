package check

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/catalog"
)

// fixture contains at least one valid row of every table, as the starting point of the probes: ada, the only
// administrator, who has one row in every table; bob; a service; a deleted user and an erased user. fixtureReplacer
// replaces the placeholders in braces with literals of the engine. A row is left out if the schema does not have its
// table yet.
var fixture = []struct{ needs, sql string }{
	{"users", `INSERT INTO users (id, kind, status, created_at, updated_at) VALUES ({ada}, 'person', 'active', {t},
	  {t}), ({bob}, 'person', 'active', {t}, {t}),
	   ({svc}, 'service', 'active', {t}, {t}), ({deleted}, 'person', 'active', {t}, {t}), ({erased}, 'person', 'active',
	     {t}, {t})`},
	{"profiles", `INSERT INTO profiles (user_id, display_name_sealed, username_sealed, avatar_url_sealed,
	  attributes_sealed, country_code, created_at, updated_at) VALUES
	   ({ada}, {sealed}, {sealed}, {sealed}, {sealed}, 'DE', {t}, {t}), ({bob}, NULL, NULL, NULL, NULL, NULL, {t}, {t}),
	   ({svc}, NULL, NULL, NULL, NULL, NULL, {t}, {t}), ({deleted}, NULL, NULL, NULL, NULL, NULL, {t}, {t}), ({erased},
	     NULL, NULL, NULL, NULL, NULL, {t}, {t})`},
	{"users", `UPDATE users SET status = 'deleted', status_before_deletion = 'active', deleted_at = {t}, version = 2 ` +
		`WHERE id IN ({deleted}, {erased})`},
	{"users", `UPDATE users SET status = 'erased', erased_at = {t}, version = 3 WHERE id = {erased}`},
	{"contacts", `INSERT INTO contacts (user_id, id, kind, value_sealed, is_primary, verified_at, created_at,
	  updated_at) VALUES
	   ({ada}, {mail}, 'email', {sealed}, TRUE, {t}, {t}, {t}), ({ada}, {mail2}, 'email', {sealed}, FALSE, NULL, {t},
	     {t})`},
	{"identifiers", `INSERT INTO identifiers (value_index, user_id, contact_id, created_at) ` +
		`VALUES ({32}, {ada}, {mail}, {t}), ({32a}, {ada}, NULL, {t})`},
	{"contacts.value_index", `UPDATE contacts SET given_by = 'user', value_index = {32}, version = 2 ` +
		`WHERE id = {mail2}`},
	{"reserved_usernames", `INSERT INTO reserved_usernames (id, name) VALUES ({other}, 'probe')`},
	{"key_encryption_keys", `INSERT INTO key_encryption_keys (id, location, check_value, created_at, retired_at,
	  destroyed_at) VALUES
	   ({kek}, 'file', {32}, {t}, NULL, NULL), ({kek2}, 'file', {32a}, {t}, {t}, {t})`},
	{"user_keys", `INSERT INTO user_keys (user_id, kek_id, wrapped_key, created_at, wrapped_at) VALUES ({ada}, ` +
		`{kek}, {61}, {t}, {t})`},
	{"service_keys", `INSERT INTO service_keys (id, name, kek_id, wrapped_key, created_at, wrapped_at) ` +
		`VALUES ({other}, 'probe', {kek}, {61}, {t}, {t})`},
	{"attribute_definitions", `INSERT INTO attribute_definitions (id, name, description, value_type, created_at, ` +
		`updated_at) VALUES ({other}, 'probe', 'A probe.', 'string', {t}, {t})`},
	{"credentials", `INSERT INTO credentials (user_id, hash, last_reset, created_at, updated_at) VALUES ({ada}, ` +
		`{phc}, {t}, {t}, {t})`},
	{"temporary_passwords", `INSERT INTO temporary_passwords (user_id, password_set_at, expires_at, used_at) VALUES ` +
		`({ada}, {t}, {t+day}, {t})`},
	{"sessions", `INSERT INTO sessions (user_id, id, token_hash, method, assurance_level, created_at, last_seen_at,
	  idle_seconds, expires_at, address_sealed, user_agent_sealed)
	   VALUES ({ada}, {session}, {token}, 'password', 1, {t}, {t}, 600, {t+day}, {sealed}, {sealed})`},
	{"sessions.end_reason", `INSERT INTO sessions (user_id, id, token_hash, method, assurance_level, created_at,
	  last_seen_at, idle_seconds, expires_at, revoked_at, end_reason)
	   VALUES ({bob}, {other}, {token}, 'password', 1, {t}, {t}, 600, {t+day}, {t}, 'signed_out')`},
	{"setup_links", `INSERT INTO setup_links (id, token_hash, created_at, expires_at, used_at) VALUES ({other}, ` +
		`{token}, {t}, {t+day}, {t})`},
	{"sign_in_throttles", `INSERT INTO sign_in_throttles (key_hash, failures, window_started_at, blocked_until, ` +
		`expires_at) VALUES ({32}, 3, {t}, {t}, {t+day})`},
	{"refused_attempts", `INSERT INTO refused_attempts (subject_id, action, minute, attempts) VALUES ({ada}, ` +
		`'sessions.create', {t}, 1)`},
	{"roles", `INSERT INTO roles (id, name, description, created_at, updated_at) VALUES ({other}, 'probe', ` +
		`'A probe.', {t}, {t})`},
	{"permissions", `INSERT INTO permissions (id, name, description, created_at, updated_at) VALUES ({other}, ` +
		`'probes.try', 'A probe.', {t}, {t})`},
	{"role_permissions", `INSERT INTO role_permissions (role_id, permission_id, created_at) VALUES ({other}, ` +
		`{other}, {t})`},
	{"user_roles", `INSERT INTO user_roles (user_id, role_id, granted_by, created_at, expires_at) VALUES ({ada}, ` +
		`{admin}, {system}, {t}, NULL), ({svc}, {other}, {system}, {t}, {t+day})`},
	{"api_keys", `INSERT INTO api_keys (user_id, id, name_sealed, token_hash, hint, created_at, expires_at, ` +
		`revoked_at) VALUES ({svc}, {key}, {sealed}, {token}, 'abcd', {t}, {t+day}, {t})`},
	{"api_key_roles", `INSERT INTO api_key_roles (user_id, api_key_id, role_id) VALUES ({svc}, {key}, {other})`},
	{"audit_logs", `INSERT INTO audit_logs (subject_id, id, actor_id, action, request_id, address_sealed, ` +
		`user_agent_sealed) VALUES ({ada}, {event}, {system}, 'users.create', {other}, {sealed}, {sealed})`},
	{"jobs", `INSERT INTO jobs (id, kind, created_at, run_at, leased_by, leased_until, last_run_at, last_error) ` +
		`VALUES ({other}, 'probes.try', {t}, {t}, {ada}, {t}, {t}, 'it failed')`},
	{"idempotency_keys", `INSERT INTO idempotency_keys (id, caller_id, route, key_hash, fingerprint, reply_sealed, ` +
		`created_at, expires_at) VALUES ({other}, {ada}, 'POST /v1/users', {32}, {32}, {sealed}, {t}, {t+day})`},
	{"import_runs", `INSERT INTO import_runs (id, actor_id, format, content_mac, details_sealed, kek_id, wrapped_key,
	  rows_read, rows_created, rows_undone, created_at, updated_at, finished_at, undone_at)
	   VALUES ({other}, {ada}, 'csv', {32}, {sealed}, {kek}, {61}, 2, 2, 1, {t}, {t}, {t}, {t})`},
	{"password_schemes", `INSERT INTO password_schemes (name, sample, cost_us, noted_at) VALUES ('probe', '$probe$', ` +
		`1, {t})`},
	{"search_tokens", `INSERT INTO search_tokens (token, user_id) VALUES ({16}, {ada})`},
	{"search_builds", `INSERT INTO search_builds (id, place, began_at, finished_at) VALUES ({other}, {ada}, {t}, ` +
		`{t}), ({key}, NULL, {t}, NULL)`},
	{"import_work", `INSERT INTO import_work (run_id, importer_id, stage, acting_id, acting_key_id, bytes_received,
	  rows_checked, started_at)
	   VALUES ({other}, {ada}, 'running', {ada}, {key}, 9, 1, {t})`},
	{"import_chunks", `INSERT INTO import_chunks (run_id, part, number, content_sealed) VALUES ({other}, 'file', 0, ` +
		`{sealed})`},
	{"schema_migrations", `INSERT INTO schema_migrations (number, phase, name, checksum, applied_at) VALUES (1, ` +
		`'expand', 'lookups', {32}, {t})`},
	{"nodes", `INSERT INTO nodes (id, build, schema_number, started_at, last_seen_at) VALUES ({other}, 'probe', 1, ` +
		`{t}, {t})`},
	{"schema_backfills", `INSERT INTO schema_backfills (number, place, walked, changed, started_at, updated_at) ` +
		`VALUES (1, 'probe', 2, 1, {t}, {t})`},
}

// sampleHash is an invented hash in a format that every supported scheme accepts.
const sampleHash = "$argon2id$v=19$m=19456,t=2,p=1$cHJvYmUtcHJvYmUt$bm90LWEtcmVhbC1kaWdlc3QtYnV0LWxvbmctZW5vdWdo"

// administratorRole is the built-in role that at least one user must have.
var administratorRole = uuid.MustParse("00000000-0000-7000-8007-000000000001")

// insertFixture inserts the fixture into the shadow, and a row into every month of the audit log.
func (h *shadow) insertFixture(
	ctx context.Context, schema *catalog.Schema, months []time.Time, now time.Time,
) error {
	has := func(table, column string) bool {
		t := schema.Table(table)
		return t != nil && (column == "" || t.Column(column) != nil)
	}
	token := make([]byte, 32) // until the contraction from which on tokens are stored under a service key
	if sessions := schema.Table("sessions"); sessions != nil && slices.ContainsFunc(sessions.Triggers,
		func(g catalog.Trigger) bool { return g.Name == "sessions_token_keyed" }) {
		token = append([]byte{2}, token...)
	}
	words := h.fixtureReplacer(now, token)
	statements := []string{}
	for _, f := range fixture {
		if table, column, _ := strings.Cut(f.needs, "."); has(table, column) {
			statements = append(statements, words.Replace(f.sql))
		}
	}
	if h.engine == "postgres" {
		// The event of the fixture needs its month, which the live database can lack.
		statements = append([]string{fmt.Sprintf(`SELECT audit_month_ensure('%s')`, now.Format(time.DateOnly))},
			statements...)
		for _, month := range months {
			id := cardinal.IDAt(month.Add(time.Hour))
			id[15] = 1
			statements = append(statements, words.Replace(`INSERT INTO audit_logs (subject_id, id, actor_id, action,
			  request_id, address_sealed, user_agent_sealed)
			  VALUES ({ada}, '`+id.String()+`', {system}, 'users.create', {other}, {sealed}, {sealed})`))
		}
		statements = append(statements, `SET CONSTRAINTS ALL IMMEDIATE`, `SET CONSTRAINTS ALL DEFERRED`)
	} else {
		statements = append([]string{"BEGIN"}, append(statements, "COMMIT")...)
	}
	_, err := h.conn.ExecContext(ctx, strings.Join(statements, ";\n"))
	return err
}

// fixtureReplacer replaces placeholders with ids, times and bytes as literals of the engine.
func (h *shadow) fixtureReplacer(now time.Time, token []byte) *strings.Replacer {
	var words []string
	set := func(name, text string) { words = append(words, "{"+name+"}", text) }
	for i, name := range []string{"ada", "bob", "svc", "deleted", "erased", "mail", "mail2", "kek", "kek2", "session",
		"key", "event", "other"} {
		id := cardinal.IDAt(now)
		id[15] = byte(i + 1)
		set(name, h.bytesLiteral(id[:], true))
	}
	set("admin", h.bytesLiteral(administratorRole[:], true))
	set("system", h.bytesLiteral(cardinal.SystemID[:], true))
	minute := now.Truncate(time.Minute)
	set("t", h.timeLiteral(minute))
	set("t+day", h.timeLiteral(minute.Add(24*time.Hour)))
	set("sealed", h.bytesLiteral(append([]byte{1}, make([]byte, 39)...), false))
	set("token", h.bytesLiteral(token, false))
	set("16", h.bytesLiteral(make([]byte, 16), false))
	set("32", h.bytesLiteral(make([]byte, 32), false))
	set("32a", h.bytesLiteral(append(make([]byte, 31), 1), false))
	set("61", h.bytesLiteral(make([]byte, 61), false))
	set("phc", quoteLiteral(sampleHash))
	return strings.NewReplacer(words...)
}

// bytesLiteral returns a literal of bytes or of an id.
func (h *shadow) bytesLiteral(b []byte, isID bool) string {
	switch {
	case h.engine == "sqlite":
		return "X'" + strings.ToUpper(hex.EncodeToString(b)) + "'"
	case isID:
		return "'" + uuid.UUID(b).String() + "'"
	}
	return `'\x` + hex.EncodeToString(b) + "'"
}

func (h *shadow) timeLiteral(at time.Time) string {
	if h.engine == "sqlite" {
		return fmt.Sprint(at.UnixMicro())
	}
	return "'" + at.UTC().Format(time.RFC3339) + "'"
}
