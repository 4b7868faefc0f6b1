package check

import (
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cardinal/internal/catalog"
)

// editStoredText edits the stored text of an SQLite table, where no other statement can make the change.
func editStoredText(table, from, to string) string {
	quoted := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	return "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, " + quoted(from) + ", " +
		quoted(to) + ") WHERE name = " + quoted(table)
}

// pointBreaks are changes of a fresh database that make one point fail, with the object that it must then find, or
// those of the two engines ("a|b"). SQLite inserts an added column before the comment of the last one, which the new
// column then takes over.
var pointBreaks = []struct{ id, object, postgres, sqlite string }{
	{"G01", "stray", "CREATE TABLE stray (x bigint)", "CREATE TABLE stray (x INTEGER)"},
	{"G01", "stray.id", "CREATE TABLE stray (id bigint PRIMARY KEY)", "CREATE TABLE stray (id INTEGER PRIMARY KEY)"},
	{"G01", "roles.id", "ALTER TABLE roles DROP CONSTRAINT roles_id_ck",
		editStoredText("roles", "CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F')", "CHECK (1)")},
	{"G02", "users.status", "ALTER TABLE users DROP CONSTRAINT users_status_fk",
		editStoredText("users", "CONSTRAINT users_status_fk FOREIGN KEY (status) REFERENCES user_statuses (code),",
			"")},
	{"G02", "users.status", "ALTER TABLE users DISABLE TRIGGER users_guard", "DROP TRIGGER users_guard"},
	{"G02", "users.tax_status", "ALTER TABLE users ADD COLUMN tax_status text",
		"ALTER TABLE users ADD COLUMN tax_status TEXT"},
	{"G03", "users.status", "SET session_replication_role = replica; UPDATE users SET status = id::text; CREATE " +
		"UNIQUE INDEX one ON users (status)", ""},
	{"G03", "users.status", "ALTER TABLE users ALTER COLUMN status DROP NOT NULL",
		editStoredText("users", "status                  TEXT NOT NULL", "status TEXT")},
	{"G04", "users.created_at", "ALTER TABLE users ALTER COLUMN created_at DROP NOT NULL",
		editStoredText("users", "created_at              INTEGER NOT NULL", "created_at INTEGER")},
	{"G04", "roles.updated_at", "ALTER TABLE roles DROP CONSTRAINT roles_updated_ck",
		editStoredText("roles", "updated_at >= created_at", "1")},
	{"G04", "profiles.created_at", "ALTER TABLE profiles DISABLE TRIGGER profiles_guard_version",
		"DROP TRIGGER profiles_guard_version"},
	{"G05", "users.id", "ALTER TABLE users DROP CONSTRAINT users_profile_fk",
		editStoredText("users", "REFERENCES profiles (user_id) DEFERRABLE INITIALLY DEFERRED",
			"REFERENCES profiles (user_id)")},
	{"G05", "profiles.user_id", "ALTER TABLE profiles DROP CONSTRAINT profiles_user_fk",
		editStoredText("profiles", "CONSTRAINT profiles_user_fk FOREIGN KEY (user_id) REFERENCES users (id),", "")},
	{"G06", "profiles.avatar_url_sealed", "ALTER TABLE profiles DROP CONSTRAINT profiles_avatar_url_ck",
		editStoredText("profiles", "AND length(avatar_url_sealed) BETWEEN 30 AND 2080", "")},
	{"G06", "profiles.photo", "ALTER TABLE profiles ADD COLUMN photo bytea",
		"ALTER TABLE profiles ADD COLUMN photo BLOB"},
	{"G07", "profiles.preferences", "ALTER TABLE profiles DROP CONSTRAINT profiles_preferences_ck",
		editStoredText("profiles", "= 'object'", "= 'array'")},
	{"G08", "credentials.hash", "ALTER TABLE credentials DROP CONSTRAINT credentials_hash_ck",
		editStoredText("credentials", "argon2id", "plain")},
	{"G08", "users.password", "ALTER TABLE users ADD COLUMN password text",
		"ALTER TABLE users ADD COLUMN password TEXT"},
	{"G08", "sessions.token_hash", "ALTER TABLE sessions DROP CONSTRAINT sessions_token_hash_ck",
		editStoredText("sessions", "length(token_hash)", "32 + 0")},
	{"G09", "credentials.salt", "ALTER TABLE credentials DROP CONSTRAINT credentials_salt_uq", ""},
	{"G09", "credentials.salt", "ALTER TABLE credentials ALTER COLUMN salt DROP EXPRESSION", ""},
	{"G10", "credentials.last_reset", "ALTER TABLE credentials ALTER COLUMN last_reset DROP NOT NULL",
		editStoredText("credentials", "last_reset      INTEGER NOT NULL", "last_reset INTEGER")},
	{"G11", "users.nick|users.id", "ALTER TABLE users ADD COLUMN nick text; COMMENT ON COLUMN users.nick IS '[pii] " +
		"Called.'", editStoredText("users", "[id] UUIDv7, never reused.", "[pii] UUIDv7, never reused.")},
	{"G11", "roles.name", "COMMENT ON COLUMN roles.name IS 'Unique name.'", editStoredText("roles", "[public] ", "")},
	{"G11", "credentials", "GRANT SELECT ON credentials TO PUBLIC", ""},
	{"G11", "users.status", "GRANT UPDATE (status) ON users TO PUBLIC", ""},
	{"G11", "function audit_month_ensure", "GRANT EXECUTE ON FUNCTION audit_month_ensure(date) TO PUBLIC", ""},
	{"G12", "user_roles", "ALTER TABLE user_roles DROP CONSTRAINT user_roles_pk CASCADE",
		editStoredText("user_roles", "PRIMARY KEY (user_id, role_id)", "PRIMARY KEY (role_id, user_id)")},
	{"G12", "role_permissions.role_id", "ALTER TABLE role_permissions DROP CONSTRAINT role_permissions_role_fk",
		editStoredText("role_permissions", "REFERENCES roles (id)", "REFERENCES users (id)")},
	{"G13", "audit_logs.actor_id", "DROP INDEX audit_logs_actor_ix", "DROP INDEX audit_logs_actor_ix"},
	{"G13", "audit_logs.subject_id", "ALTER TABLE audit_logs DROP CONSTRAINT audit_logs_subject_fk",
		editStoredText("audit_logs", "FOREIGN KEY (subject_id) REFERENCES users (id)", "CHECK (1)")},
	{"G14", "roles.name", "ALTER TABLE roles DROP CONSTRAINT roles_name_uq", ""},
	{"G14", "permissions.description", "ALTER TABLE permissions ALTER COLUMN description DROP NOT NULL",
		editStoredText("permissions", "description     TEXT NOT NULL", "description TEXT")},
	{"G15", "users.tags", "ALTER TABLE users ADD COLUMN tags text[]", ""},
	{"G15", "profiles.phone1", "ALTER TABLE profiles ADD COLUMN phone1 bytea, ADD COLUMN phone2 bytea",
		"ALTER TABLE profiles ADD COLUMN phone1 BLOB; ALTER TABLE profiles ADD COLUMN phone2 BLOB"},
	{"G15", "users.extra", "ALTER TABLE users ADD COLUMN extra jsonb", ""},
	{"G16", "user_roles.role_name", "ALTER TABLE user_roles ADD COLUMN role_name text",
		"ALTER TABLE user_roles ADD COLUMN role_name TEXT"},
	{"G17", "profiles.tax_rate_ppm", "ALTER TABLE profiles ADD COLUMN tax_rate_ppm bigint",
		"ALTER TABLE profiles ADD COLUMN tax_rate_ppm INTEGER"},
	{"G17", "profiles.country_code", "ALTER TABLE profiles DROP CONSTRAINT profiles_country_fk",
		editStoredText("profiles", "FOREIGN KEY (country_code) REFERENCES countries (code)", "CHECK (1)")},
	{"G18", "contacts.value_sealed", "ALTER TABLE contacts DROP CONSTRAINT contacts_value_ck",
		editStoredText("contacts", "substr(value_sealed, 1, 1) IN (x'01', x'02') AND", "")},
	{"G18", "api_keys.name_sealed", "COMMENT ON COLUMN api_keys.name_sealed IS '[public] Name.'",
		editStoredText("api_keys", "[pii] ", "[public] ")},
	{"G18", "profiles.birthday|profiles.preferences",
		"ALTER TABLE profiles ADD COLUMN birthday date; COMMENT ON COLUMN profiles.birthday IS '[pii] Born.'",
		editStoredText("profiles", "[internal] Interface settings", "[pii] Interface settings")},
	{"G19", "users.erased_at", "ALTER TABLE users DROP CONSTRAINT users_erased_ck",
		editStoredText("users", "erased_at IS NULL OR deleted_at IS NOT NULL", "1")},
	{"G19", "profiles", "ALTER TABLE profiles DISABLE TRIGGER profiles_no_delete", "DROP TRIGGER profiles_no_delete"},
	{"G19", "contacts.value_sealed", "ALTER TABLE contacts DROP CONSTRAINT contacts_value_ck",
		editStoredText("contacts", "value_sealed = x'00'\n  OR", "")},
	{"G20", "audit_logs", "ALTER TABLE audit_logs DISABLE TRIGGER audit_logs_append_only",
		"DROP TRIGGER audit_logs_no_update"},
	{"G20", "audit_logs", "DROP TRIGGER audit_logs_no_truncate ON audit_logs", "DROP TRIGGER audit_logs_no_replace"},
	{"G20", "audit_logs.action", "GRANT UPDATE (action) ON audit_logs TO PUBLIC", ""},
	{"G20", "*", "DO $$ DECLARE p text; BEGIN SELECT max(inhrelid::regclass::text) INTO p FROM pg_inherits WHERE " +
		"inhparent = 'audit_logs'::regclass; EXECUTE format('DROP TRIGGER %I ON %I', p || '_no_truncate', p); END $$",
		""},
	{"G21", "user_keys.kek_id", "ALTER TABLE user_keys DROP CONSTRAINT user_keys_kek_fk",
		editStoredText("user_keys", "FOREIGN KEY (kek_id) REFERENCES key_encryption_keys (id)", "CHECK (1)")},
	{"G21", "service_keys.wrapped_key", "ALTER TABLE service_keys DROP CONSTRAINT service_keys_wrapped_key_ck",
		editStoredText("service_keys", "length(wrapped_key) = 61", "1")},
	{"G21", "api_keys.name_sealed", "ALTER TABLE api_keys DROP CONSTRAINT api_keys_name_ck",
		editStoredText("api_keys", "AND length(name_sealed) BETWEEN 30 AND 512", "")},
	{"G22", "audit_logs", "DO $$ DECLARE p text; BEGIN SELECT min(inhrelid::regclass::text) INTO p FROM pg_inherits " +
		"WHERE inhparent = 'audit_logs'::regclass; EXECUTE format('DROP TABLE %I', p); END $$",
		editStoredText("audit_logs", "PRIMARY KEY (subject_id, id)", "PRIMARY KEY (id, subject_id)")},
	{"G23", "user_keys.kek_id", "DROP INDEX user_keys_kek_ix", "DROP INDEX user_keys_kek_ix"},
	{"G23", "contacts.kind", "DROP INDEX contacts_kind_ix; CREATE INDEX contacts_kind_ix ON contacts (kind) WHERE " +
		"is_primary", "DROP INDEX contacts_kind_ix; CREATE INDEX contacts_kind_ix ON contacts (kind) WHERE is_primary"},
	{"G24", "index stray", "CREATE INDEX stray ON sessions (user_id)", "CREATE INDEX stray ON sessions (user_id)"},
	{"G25", "sessions", "DROP INDEX sessions_expires_ix", "DROP INDEX sessions_expires_ix"},
	{"G25", "users", "DROP INDEX users_status_ix; CREATE INDEX users_status_ix ON users (id, status)",
		"DROP INDEX users_status_ix; CREATE INDEX users_status_ix ON users (id, status)"},
	{"G26", "identifiers", "DROP INDEX identifiers_one_username_uq", "DROP INDEX identifiers_one_username_uq"},
	{"G26", "identifiers.value_index", "ALTER TABLE identifiers DROP CONSTRAINT identifiers_value_index_ck",
		editStoredText("identifiers", "length(value_index) = 32", "1")},
	{"G26", "users.email", "ALTER TABLE users ADD COLUMN email text", "ALTER TABLE users ADD COLUMN email TEXT"},
	{"G27", "jobs.due_at", "ALTER TABLE jobs ADD COLUMN due_at timestamp", "ALTER TABLE jobs ADD COLUMN due_at TEXT"},
	{"G27", "sessions.expires_at", "ALTER TABLE sessions ALTER COLUMN expires_at TYPE timestamp",
		editStoredText("sessions", "CHECK (expires_at BETWEEN 0 AND 253402300799999999)", "CHECK (1)")},
	{"G28", "audit_logs.ip|audit_logs.schema_version",
		"ALTER TABLE audit_logs ADD COLUMN ip inet; COMMENT ON COLUMN audit_logs.ip IS '[pii] Address.'",
		"ALTER TABLE audit_logs ADD COLUMN ip TEXT"},
	{"G28", "audit_logs.changes", "ALTER TABLE audit_logs DROP CONSTRAINT audit_logs_changes_ck",
		editStoredText("audit_logs", "AND length(CAST(changes AS BLOB)) <= 32768", "")},
	{"G29", "contacts.version", "ALTER TABLE contacts DISABLE TRIGGER contacts_guard_version",
		"DROP TRIGGER contacts_guard_version"},
	{"G29", "roles.version", "ALTER TABLE roles DROP CONSTRAINT roles_version_ck",
		editStoredText("roles", "version > 0 AND", "")},
	{"G30", "schema_migrations.checksum", "ALTER TABLE schema_migrations ALTER COLUMN checksum DROP NOT NULL",
		editStoredText("schema_migrations", "checksum    BLOB NOT NULL", "checksum BLOB")},
	{"G30", "roles.late", "ALTER TABLE roles ADD CONSTRAINT late CHECK (name <> 'x') NOT VALID", ""},
	{"G31", "users.last_login_at", "ALTER TABLE users ADD COLUMN last_login_at timestamptz",
		"ALTER TABLE users ADD COLUMN last_login_at INTEGER"},
	{"S01", "function guard_user", "ALTER FUNCTION guard_user() RESET search_path", ""},
	{"S01", "function audit_months", "CREATE OR REPLACE FUNCTION audit_months() RETURNS TABLE (month date) LANGUAGE " +
		"sql STABLE SECURITY DEFINER AS $$ SELECT now()::date $$", ""},
	{"S01", "function refresh_statistics", "ALTER FUNCTION refresh_statistics() SET search_path = cardinal", ""},
	{"G33", "roles", "COMMENT ON TABLE roles IS NULL",
		editStoredText("roles", "-- Roles: named sets of permissions.", "")},
	{"G33", "users", "ALTER TABLE users ADD COLUMN x bigint", "ALTER TABLE users ADD COLUMN x INTEGER"},
}

// Every point reports the change that violates it, and names the object.
func TestEachPointCanFail(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			tried := map[string]bool{
				"G32": true, // aggregated from others: TestQuestionsFollowPoints
				"S02": true, // about a role and not the schema: TestTemporaryPrivilegeIsFound
			}
			url := migratedDatabase(t, engine)
			for _, b := range pointBreaks {
				statement := map[string]string{"sqlite": b.sqlite, "postgres": b.postgres}[engine]
				if tried[b.id] = true; statement == "" {
					continue
				}
				c, _ := Find(b.id)
				o, err := c.run(t.Context(), &Subject{Live: schemaAfter(t, engine, url, statement), Now: time.Now()})
				if err != nil {
					t.Fatal(err)
				}
				if o.Status != Failed || !slices.ContainsFunc(o.Findings, func(f Finding) bool {
					return !f.Warning && (b.object == "*" || slices.Contains(strings.Split(b.object, "|"), f.Object))
				}) {
					t.Errorf("%s after %s: %s, want a finding about %s: %+v", b.id, statement, o.Status, b.object,
						o.Findings)
				}
			}
			for _, p := range points {
				if !tried[p.ID] {
					t.Errorf("no change breaks %s", p.ID)
				}
			}
		})
	}
}

// schemaAfter reads the schema after a statement: on PostgreSQL in a transaction that is rolled back; on SQLite, where
// only a new connection reads an edited stored text, in a copy of the file.
func schemaAfter(t *testing.T, engine, url, statement string) *catalog.Schema {
	t.Helper()
	if engine == "sqlite" {
		bytes, err := os.ReadFile(url)
		if err != nil {
			t.Fatal(err)
		}
		copied := filepath.Join(t.TempDir(), "copy.db")
		if err := os.WriteFile(copied, bytes, 0o600); err != nil {
			t.Fatal(err)
		}
		execute(t, engine, copied, statement)
		s := openSubject(t, copied)
		if err := readLive(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		return s.Live
	}
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	for _, text := range []string{"SET LOCAL search_path = cardinal", statement} {
		if _, err := tx.Exec(text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	live, err := catalog.ReadPostgres(t.Context(), tx, "cardinal")
	if err != nil {
		t.Fatal(err)
	}
	return live
}

// Each question, and the compliance check, fails with the points that answer it.
func TestQuestionsFollowPoints(t *testing.T) {
	for id, statement := range map[string]string{"Q1": "CREATE TABLE stray (x INTEGER)",
		"Q2": "DROP INDEX user_keys_kek_ix", "Q3": "DROP INDEX identifiers_one_username_uq",
		"Q4": "ALTER TABLE jobs ADD COLUMN due_at TEXT", "Q5": "DROP TRIGGER profiles_no_delete",
		"Q6": "ALTER TABLE users ADD COLUMN x INTEGER", "Q7": "DROP INDEX sessions_expires_ix",
		"Q8": "ALTER TABLE user_roles ADD COLUMN role_name TEXT", "Q9": "DROP TRIGGER audit_logs_no_update",
		"G32": "DROP TRIGGER audit_logs_no_delete"} {
		url := migratedDatabase(t, "sqlite")
		if o := runOneCheck(t, openSubject(t, url), id); o.Status != Passed {
			t.Errorf("%s of a fresh database: %s", id, o.Status)
		}
		execute(t, "sqlite", url, statement)
		if o := runOneCheck(t, openSubject(t, url), id); o.Status != Failed || len(o.Findings) == 0 {
			t.Errorf("%s after %s: %s", id, statement, o.Status)
		}
	}
}

// A finding is reported by its point only, not again by the question.
func TestFindingsReportedOnce(t *testing.T) {
	url := migratedDatabase(t, "sqlite")
	execute(t, "sqlite", url, "DROP INDEX user_keys_kek_ix")
	r, err := Run(t.Context(), openSubject(t, url), []string{"question", "point"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	reported := 0
	for _, o := range r.Outcomes {
		reported += len(o.Findings)
	}
	if reported != 1 || r.count(Failed) != 1 {
		t.Errorf("reported %d times, %d problems", reported, r.count(Failed))
	}
}

func TestIsRedundant(t *testing.T) {
	plain := newIndex("", "a")
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"a", "a", true},
		{"a", "a b", true},
		{"a", "b a", false},
		{"unique a", "a b", false},
		{"unique a", "unique a", true},
		{"a", "a where x", false},
		{"a where x", "a", true},
		{"a where x", "a b where x", true},
		{"a where x", "a where y", false},
	} {
		if got := isRedundant(parseIndex(c.a), parseIndex(c.b)); got != c.want {
			t.Errorf("%s next to %s: %t", c.a, c.b, got)
		}
	}
	if other := newIndex("", "a", "b"); !isRedundant(plain, other) {
		t.Error("an index on the first columns of another one is not redundant")
	} else if other.Method = "hash"; isRedundant(plain, other) {
		t.Error("an index is redundant to one with another method")
	} else if other.Method, other.Valid = plain.Method, false; isRedundant(plain, other) {
		t.Error("an index is redundant to an invalid one")
	}
	withInclude := newIndex("", "a")
	withInclude.Include = []string{"c"}
	if isRedundant(withInclude, newIndex("", "a", "b")) || !isRedundant(withInclude, newIndex("", "a", "c")) {
		t.Error("INCLUDE columns are ignored")
	}
}

// parseIndex reads "unique a b where x" as an index.
func parseIndex(text string) catalog.Index {
	text, predicate, _ := strings.Cut(text, " where ")
	text, unique := strings.CutPrefix(text, "unique ")
	i := newIndex(predicate, strings.Fields(text)...)
	i.Unique = unique
	return i
}

func newIndex(predicate string, columns ...string) catalog.Index {
	return catalog.Index{Name: "ix", Columns: columns, Predicate: predicate, Method: "btree", Valid: true}
}
