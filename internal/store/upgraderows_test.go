package store_test

import (
	"crypto/sha256"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/catalog"
	"cardinal/internal/catalog/check"
	"cardinal/internal/store"
	"cardinal/internal/store/schema"
)

// firstVersion is the newest migration of the first version, whose rows the migrations after it must carry over.
const firstVersion = 14

// firstVersionRows are rows as the first version wrote them. {i:NAME} is the blind index of a contact, {h:NAME} another
// hash, and {row:USER/NAME} a changed row of an event.
var firstVersionRows = []string{
	`INSERT INTO users (id, kind, status, created_at, updated_at) VALUES ({ada}, 'person', 'active', {t}, {t}),
	  ({bob}, 'person', 'active', {t}, {t}), ({svc}, 'service', 'active', {t}, {t})`,
	`INSERT INTO profiles (user_id, username_sealed, created_at, updated_at) VALUES ({ada}, {sealed}, {t}, {t}),
	  ({bob}, NULL, {t}, {t}), ({svc}, NULL, {t}, {t})`,
	`INSERT INTO contacts (user_id, id, kind, value_sealed, is_primary, verified_at, created_at, updated_at) VALUES
	  ({ada}, {verified}, 'email', {sealed}, TRUE, {t}, {t}, {t}),
	  ({ada}, {typed}, 'email', {sealed}, FALSE, NULL, {t}, {t}),
	  ({ada}, {typed-verified}, 'email', {sealed}, FALSE, NULL, {t}, {t}),
	  ({ada}, {typed-removed}, 'email', {sealed}, FALSE, NULL, {t}, {t}),
	  ({ada}, {given}, 'email', {sealed}, FALSE, NULL, {t}, {t}),
	  ({ada}, {no-event}, 'email', {sealed}, FALSE, NULL, {t}, {t}),
	  ({bob}, {imported}, 'email', {sealed}, TRUE, NULL, {t}, {t}),
	  ({bob}, {signed-up}, 'email', {sealed}, FALSE, NULL, {t}, {t})`,
	`INSERT INTO identifiers (value_index, user_id, contact_id, created_at, expires_at) VALUES
	  ({i:username}, {ada}, NULL, {t}, NULL), ({i:verified}, {ada}, {verified}, {t}, NULL),
	  ({i:typed}, {ada}, {typed}, {t}, {t+day}), ({i:typed-verified}, {ada}, {typed-verified}, {t}, {t+day}),
	  ({i:typed-removed}, {ada}, {typed-removed}, {t}, {t+day}), ({i:given}, {ada}, {given}, {t}, {t+day}),
	  ({i:no-event}, {ada}, {no-event}, {t}, {t+day}), ({i:imported}, {bob}, {imported}, {t}, NULL),
	  ({i:signed-up}, {bob}, {signed-up}, {t}, {t+day})`,
	`INSERT INTO audit_logs (subject_id, id, actor_id, action, changed_rows) VALUES
	  ({ada}, {e1}, {operator}, 'user.create', {row:ada/verified}),
	  ({ada}, {e2}, {ada}, 'contact.add', {row:ada/typed}),
	  ({ada}, {e3}, {ada}, 'contact.add', {row:ada/typed-verified}),
	  ({ada}, {e4}, {ada}, 'contact.add', {row:ada/typed-removed}),
	  ({ada}, {e5}, {operator}, 'contact.add', {row:ada/given}),
	  ({ada}, {e6}, {ada}, 'contact.update', {row:ada/given}),
	  ({bob}, {e7}, {operator}, 'user.import', {compact:imported}),
	  ({bob}, {e8}, {anonymous}, 'user.sign_up', {row:bob/signed-up})`,
	`INSERT INTO credentials (user_id, hash, last_reset, created_at, updated_at) VALUES ({ada}, {phc}, {t}, {t}, {t})`,
	`INSERT INTO sessions (user_id, id, token_hash, method, assurance_level, created_at, last_seen_at, idle_seconds,
	  expires_at, revoked_at, end_reason, address_sealed) VALUES
	  ({ada}, {session}, {h:session}, 'password', 1, {now}, {now}, 3600, {now+day}, NULL, NULL, {sealed}),
	  ({ada}, {ended}, {h:ended}, 'password', 1, {t}, {t}, 3600, {t+day}, {t}, 'signed_out', NULL)`,
	`INSERT INTO user_roles (user_id, role_id, granted_by, created_at) VALUES ({ada}, {admin}, {system}, {t}),
	  ({bob}, {support}, {ada}, {t}), ({svc}, {support}, {ada}, {t})`,
	`INSERT INTO api_keys (user_id, id, name_sealed, token_hash, hint, created_at, expires_at)
	  VALUES ({svc}, {key}, {sealed}, {h:key}, 'abcd', {now}, {now+day})`,
	`INSERT INTO api_key_roles (user_id, api_key_id, role_id) VALUES ({svc}, {key}, {support})`,
	`INSERT INTO setup_links (id, token_hash, created_at, expires_at) VALUES ({link}, {h:link}, {now}, {now+day})`,
	`INSERT INTO idempotency_keys (id, caller_id, route, key_hash, fingerprint, reply_sealed, created_at, expires_at)
	  VALUES ({reply}, {svc}, 'POST /v1/users', {h:k}, {h:f}, {sealed}, {now}, {now+day})`,
	`INSERT INTO permissions (id, name, description, created_at, updated_at)
	  VALUES ({permission}, 'imports.manage', 'Declared by an application.', {t}, {t})`,
	`INSERT INTO roles (id, name, description, created_at, updated_at)
	  VALUES ({role}, 'helpdesk', 'Sets passwords.', {t}, {t})`,
	`INSERT INTO role_permissions (role_id, permission_id, created_at)
	  SELECT {role}, id, {t} FROM permissions WHERE name IN ('credentials.update', 'imports.manage')`,
	`INSERT INTO search_builds (id, began_at, finished_at) VALUES ({build}, {t}, {t})`,
	`INSERT INTO search_tokens (token, user_id) VALUES ({16}, {ada})`,
	`UPDATE settings SET value = '7', version = version + 1 WHERE name = 'sign_in.failures_per_address'`,
}

// laterRows are what a node of the first version writes after the backfill: it adds, verifies and removes contacts, and
// signs users in and out. The first contact is of a node of the present version; the other one verifies it.
var laterRows = []string{
	`INSERT INTO contacts (user_id, id, kind, value_sealed, is_primary, created_at, updated_at, given_by, value_index)
	  VALUES ({bob}, {new-verified}, 'email', {sealed}, FALSE, {now}, {now}, 'user', {i:new-verified})`,
	`UPDATE contacts SET is_primary = FALSE, verified_at = {now}, updated_at = {now}, version = version + 1
	  WHERE user_id = {bob} AND id = {new-verified} AND version = 1`,
	`UPDATE identifiers SET expires_at = NULL WHERE user_id = {bob} AND contact_id = {new-verified}`,
	`INSERT INTO contacts (user_id, id, kind, value_sealed, is_primary, created_at, updated_at) VALUES
	  ({bob}, {later-typed}, 'email', {sealed}, FALSE, {now}, {now}),
	  ({bob}, {later-given}, 'email', {sealed}, FALSE, {now}, {now})`,
	`INSERT INTO identifiers (value_index, user_id, contact_id, created_at, expires_at) VALUES
	  ({i:later-typed}, {bob}, {later-typed}, {now}, {now+day}),
	  ({i:later-given}, {bob}, {later-given}, {now}, {now+day})`,
	`INSERT INTO audit_logs (subject_id, id, actor_id, action, changed_rows) VALUES
	  ({bob}, {e10}, {bob}, 'contact.add', {row:bob/later-typed}),
	  ({bob}, {e11}, {operator}, 'contact.add', {row:bob/later-given}),
	  ({bob}, {e12}, {bob}, 'contact.add', {row:bob/new-verified})`,
	// A node of the present version gets a request again that one of the first version has run: it does not run twice.
	`INSERT INTO idempotency_keys (id, caller_id, route, key_hash, fingerprint, reply_sealed, created_at, expires_at,
	  api_key_id) VALUES ({reply2}, {svc}, 'POST /v1/users', {h:k}, {h:f}, {sealed}, {now}, {now+day}, {key})
	  ON CONFLICT DO NOTHING`,
	`UPDATE contacts SET is_primary = FALSE, verified_at = {now}, updated_at = {now}, version = version + 1
	  WHERE user_id = {ada} AND id = {typed-verified} AND version = 1`,
	`UPDATE identifiers SET expires_at = NULL WHERE user_id = {ada} AND contact_id = {typed-verified}`,
	`DELETE FROM identifiers WHERE user_id = {ada} AND contact_id = {typed-removed}`,
	`DELETE FROM contacts WHERE user_id = {ada} AND id = {typed-removed}`,
	`INSERT INTO sessions (user_id, id, token_hash, method, assurance_level, created_at, last_seen_at, idle_seconds,
	  expires_at) VALUES ({ada}, {later-session}, {h:later-session}, 'password', 1, {now}, {now}, 3600, {now+day})`,
	`UPDATE sessions SET last_seen_at = {now+1}, revoked_at = {now+1}, end_reason = 'signed_out'
	  WHERE user_id = {ada} AND id = {session}`,
}

// TestRowsOfTheFirstVersion lets the migrations after the first version carry over its rows, those too that its nodes
// write until the contraction.
func TestRowsOfTheFirstVersion(t *testing.T) {
	onEmptyDatabases(t, func(t *testing.T, url string, raw func(t *testing.T) *sql.DB) {
		ctx, now, s, db := t.Context(), time.Now().UTC(), open(t, url), raw(t)
		words := firstVersionWords(s.Engine(), now)
		runAll := func(statements []string) {
			t.Helper()
			tx := must(db.Begin())(t)
			defer tx.Rollback()
			for _, statement := range statements {
				if _, err := tx.Exec(replaceWords(t, words, statement)); err != nil {
					t.Fatalf("%s: %v", statement, err)
				}
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
		}
		restore := store.OnlyMigrations(t, func(m schema.Migration) bool { return m.Number <= firstVersion })
		migrate(t, s, "")
		runAll(firstVersionRows)
		restore()

		// The nodes of the first version are alive: the contractions wait.
		old := store.Node{
			ID: cardinal.NewID(), Build: "v1", SchemaNumber: firstVersion, StartedAt: now, LastSeenAt: now,
		}
		write(t, s, func(tx store.Tx) error { return tx.InsertNode(ctx, old) })
		for _, m := range must(s.Migrate(ctx, now, ""))(t) {
			if m.Phase == schema.Contract {
				t.Errorf("%s was applied while a node of the first version is alive", m)
			}
		}
		runAll(laterRows)
		write(t, s, func(tx store.Tx) error { return tx.DeleteNode(ctx, old.ID) })
		migrate(t, s, "")
		if empty, err := s.Ready(ctx); empty || err != nil {
			t.Errorf("Ready: %v", err)
		}
		for _, m := range must(s.Read(ctx).Migrations(ctx))(t) {
			if m.AppliedAt == nil {
				t.Errorf("%s is pending", m)
			}
		}

		for _, want := range []struct{ name, query, rows string }{
			{"who gave each contact", `SELECT {name:id} || ' ' || given_by || CASE WHEN value_index IS NULL THEN ''
			   WHEN value_index = {index} THEN ' indexed' ELSE ' wrong' END FROM contacts ORDER BY 1`,
				`given administrator, imported import, later-given administrator,
				 later-typed user indexed, new-verified user, no-event administrator, signed-up user indexed,
				 typed user indexed, typed-verified user, verified administrator`},
			{"identifiers", `SELECT {name:value_index} FROM identifiers ORDER BY 1`,
				`given, imported, later-given, new-verified, no-event, typed-verified, username, verified`},
			{"versions of contacts", `SELECT {name:id} || ' ' || version FROM contacts WHERE version > 1 ORDER BY 1`,
				`new-verified 2, typed-verified 2`},
			{"sessions", `SELECT {name:id} || CASE WHEN confirmed_at IS NULL THEN '' ELSE ' confirmed' END
			   || CASE WHEN revoked_at IS NULL THEN ' works' ELSE ' ' || end_reason END FROM sessions ORDER BY 1`,
				`ended signed_out, later-session works, session signed_out`},
			{"permissions of the changed roles", `SELECT r.name || ' ' || p.name FROM role_permissions rp
			   JOIN roles r ON r.id = rp.role_id JOIN permissions p ON p.id = rp.permission_id
			  WHERE p.name IN ('credentials.update', 'contacts.verify', 'imports.manage', 'declared.imports.manage',
			    'clients.forward', 'credentials.relay') ORDER BY 1`,
				`helpdesk credentials.update, helpdesk declared.imports.manage`},
			{"the event of the changed role",
				`SELECT action FROM audit_logs WHERE subject_id = {system} AND actor_id = {system}`,
				`role.permission_remove`},
			{"changed settings", `
				SELECT name || ' ' || value || ' ' || version FROM settings WHERE version > 1 ORDER BY 1`,
				`contacts.unverified_lifetime_seconds 604800 2, sign_in.failures_per_address 7 2,
				 sign_in.failures_per_identifier 5 2`},
			{"search scans", `SELECT 'form ' || form FROM search_builds`, `form 1, form 1`},
			{"API keys, replies and passwords", `SELECT 'k' FROM api_keys UNION ALL SELECT 'r' FROM api_key_roles
			   UNION ALL SELECT 'i' FROM idempotency_keys UNION ALL SELECT 'c' FROM credentials
			   UNION ALL SELECT 's' FROM search_tokens`, `k, r, i, c, s`},
			{"jobs of the contractions", `SELECT kind FROM jobs WHERE kind = 'values.reencrypt'`, `values.reencrypt`},
		} {
			got := textsOf(t, db, replaceWords(t, words, want.query))
			if diff := cmp.Diff(strings.Join(strings.Fields(want.rows), " "), strings.Join(got, ", ")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", want.name, diff)
			}
		}
		// A token of the first version is converted when it is used; new ones of its form are refused.
		for _, statement := range []string{
			`UPDATE sessions SET token_hash = {token} WHERE id = {later-session}`,
			`UPDATE api_keys SET token_hash = {token} WHERE id = {key}`,
		} {
			run(t, db, replaceWords(t, words, statement))
		}
		checkUpgraded(t, url, db, s.Engine())
	})
}

// checkUpgraded checks that every constraint holds for every row, that the schema is that of a new database, and that
// the scans of `cardinal check` over the rows find nothing.
func checkUpgraded(t *testing.T, url string, db *sql.DB, engine string) {
	t.Helper()
	faults := []string{`SELECT 'not valid: ' || conname FROM pg_constraint
		WHERE NOT convalidated AND connamespace = 'cardinal'::regnamespace`}
	if engine == "sqlite" {
		faults = []string{
			`SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'`,
			`SELECT "table" || ' refers to ' || parent FROM pragma_foreign_key_check`,
		}
	}
	for _, query := range faults {
		for _, fault := range textsOf(t, db, query) {
			t.Error(fault)
		}
	}
	d, err := catalog.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	subject := &check.Subject{Database: d, Name: "test", Schema: "cardinal", Now: time.Now(), NoKeyReason: "no key"}
	report, err := check.Run(t.Context(), subject, []string{"data", "G01"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range report.Outcomes {
		if o.Status == check.Failed {
			t.Errorf("%s %s: %+v", o.ID, o.Title, o.Findings)
		}
	}
}

// firstVersionWords are the words of firstVersionRows and laterRows, as literals of an engine.
func firstVersionWords(engine string, now time.Time) func(word string) string {
	blob := func(b []byte) string { return fmt.Sprintf("x'%x'", b) }
	literal := func(id uuid.UUID) string { return blob(id[:]) }
	if engine == "postgres" {
		blob = func(b []byte) string { return fmt.Sprintf(`'\x%x'::bytea`, b) }
		literal = func(id uuid.UUID) string { return "'" + id.String() + "'::uuid" }
	}
	builtIn, created := dialectOf(engine).words, map[string]uuid.UUID{}
	idOf := func(name string) uuid.UUID {
		if id, ok := ids[name]; ok && name != "session" && name != "key" && name != "reply" {
			return id
		}
		if _, ok := created[name]; !ok {
			created[name] = cardinal.IDAt(now.Add(time.Duration(len(created)) * time.Millisecond))
		}
		return created[name]
	}
	index := func(name string) []byte {
		sum := sha256.Sum256([]byte(name))
		return sum[:]
	}
	at := func(moment time.Time) string {
		if engine == "postgres" {
			return "'" + moment.Format(time.RFC3339Nano) + "'::timestamptz"
		}
		return fmt.Sprint(moment.UnixMicro())
	}
	contacts := []string{"verified", "typed", "typed-verified", "typed-removed", "given", "no-event", "imported",
		"signed-up", "later-typed", "later-given", "new-verified"}
	cases := func(column string, names []string, when, then func(name string) string) string {
		text := "CASE " + column
		for _, name := range names {
			text += " WHEN " + when(name) + " THEN " + then(name)
		}
		return text + " END"
	}
	quoted := func(name string) string { return "'" + name + "'" }
	return func(word string) string {
		kind, name, _ := strings.Cut(word, ":")
		switch {
		case kind == "i" || kind == "h":
			return blob(index(name))
		case kind == "row":
			user, contact, _ := strings.Cut(name, "/")
			const row = `'[{"table": "contacts", "key": "%s/%s", "version": 1, "columns": 1, "digest": "AA=="}]'`
			return fmt.Sprintf(row, idOf(user), idOf(contact))
		case kind == "compact":
			return fmt.Sprintf(`'["contacts 1 1 AA /%s"]'`, idOf(name))
		case word == "name:value_index":
			return cases("value_index", append(contacts, "username"),
				func(name string) string { return blob(index(name)) }, quoted)
		case kind == "name":
			return cases(name, append(contacts, "session", "ended", "later-session"),
				func(name string) string { return literal(idOf(name)) }, quoted)
		case word == "index":
			return cases("id", contacts, func(name string) string { return literal(idOf(name)) },
				func(name string) string { return blob(index(name)) })
		case word == "anonymous":
			return literal(cardinal.AnonymousID)
		case word == "support":
			return literal(uuid.MustParse("00000000-0000-7000-8007-000000000004"))
		case word == "16":
			return blob(make([]byte, 16))
		case word == "now":
			return at(now)
		case word == "now+1":
			return at(now.Add(time.Second))
		case word == "now+day":
			return at(now.Add(24 * time.Hour))
		}
		braced := "{" + word + "}"
		if text := builtIn.Replace(braced); text != braced && word != "session" && word != "key" && word != "reply" {
			return text
		}
		return literal(idOf(word))
	}
}

// replaceWords replaces the words in braces of a statement.
func replaceWords(t *testing.T, words func(word string) string, statement string) string {
	t.Helper()
	var text strings.Builder
	for {
		before, rest, found := strings.Cut(statement, "{")
		text.WriteString(before)
		if !found {
			return text.String()
		}
		word, after, closed := strings.Cut(rest, "}")
		if !closed {
			t.Fatalf("no end of the word in %s", statement)
		}
		text.WriteString(words(word))
		statement = after
	}
}

// textsOf returns the texts of a query of one column.
func textsOf(t *testing.T, db *sql.DB, query string) (texts []string) {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return texts
}
