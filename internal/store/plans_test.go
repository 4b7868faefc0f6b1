package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"cardinal/internal/store"
)

// planUsers is the number of users in the databases for which plans are checked.
const planUsers = 100_000

// growingTables are the tables that get more rows with more users, or with time.
var growingTables = append(filledTables, emptyTables...)

var (
	filledTables = []string{"users", "profiles", "contacts", "identifiers", "user_keys", "credentials", "sessions",
		"user_roles", "search_tokens", "audit_logs"}
	// emptyTables have no rows in these tests.
	emptyTables = []string{"api_keys", "api_key_roles", "idempotency_keys", "sign_in_throttles", "refused_attempts",
		"import_runs"}
)

// statementSet is the set of the statement texts that a store has run.
type statementSet map[string]bool

func (set *statementSet) addFrom(t *testing.T, s *store.Store) {
	t.Helper()
	texts, err := store.Statements(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if *set == nil {
		*set = statementSet{}
	}
	maps.Copy(*set, texts)
}

// checkPlans checks the plan of every statement that a store has run, in a large database: no plan may scan a whole
// table that grows. The suite runs every method of Reader and Tx, so these are all statements that a request can run.
func checkPlans(t *testing.T, statements statementSet, minPlans int, explain func(query string) (problems []string)) {
	t.Helper()
	plans := 0
	for _, text := range slices.Sorted(maps.Keys(statements)) {
		if !hasPlan.MatchString(text) || progressCount.MatchString(text) {
			continue
		}
		plans++
		for _, problem := range explain(text) {
			t.Errorf("%s\nin\n%s", problem, text)
		}
	}
	t.Logf("%d plans", plans)
	if plans < minPlans {
		t.Errorf("only %d statements have plans, want at least %d", plans, minPlans)
	}
}

// progressCount matches the statement that only backfills run, for their progress.
var progressCount = regexp.MustCompile(`^SELECT count\(\*\) FROM \w+$`)

var hasPlan = regexp.MustCompile(`^\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b`)

func checkSQLitePlans(t *testing.T, texts statementSet) {
	_, path := migratedSQLite(t)
	db := openSQL(t, "sqlite", path)
	db.SetMaxOpenConns(1)
	before := []string{`PRAGMA foreign_keys = 0`, `PRAGMA synchronous = 0`, `BEGIN`}
	for _, statement := range slices.Concat(before, fillStatements(sqliteSQL), []string{`COMMIT`, `ANALYZE`}) {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%v\nin\n%s", err, statement)
		}
	}
	scan := regexp.MustCompile(`^SCAN (\w+)`)
	checkPlans(t, texts, 250, func(query string) (problems []string) {
		arguments := make([]any, strings.Count(query, "?"))
		for strings.Contains(query, fmt.Sprintf("$%d", len(arguments)+1)) {
			arguments = append(arguments, nil)
		}
		rows, err := db.Query(`EXPLAIN QUERY PLAN `+query, arguments...)
		if err != nil {
			return []string{err.Error()}
		}
		defer rows.Close()
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			m := scan.FindStringSubmatch(detail)
			if m != nil && slices.Contains(growingTables, tableOf(query, m[1])) && !boundedScan.MatchString(query) {
				problems = append(problems, detail)
			}
		}
		return problems
	})
}

// tableOf returns the table of an alias in a query.
func tableOf(query, name string) string {
	m := regexp.MustCompile(`(\w+)(?: AS)? ` + name + `\b`).FindStringSubmatch(query)
	if m != nil && slices.Contains(growingTables, m[1]) {
		return m[1]
	}
	return name
}

// boundedScan matches a statement without a filter whose LIMIT bounds the rows that it reads.
var boundedScan = regexp.MustCompile(`SELECT [\w, ]+ FROM \w+( ORDER BY [\w, ]+)? LIMIT (\$\d+|\d+)\)?`)

func checkPostgresPlans(t *testing.T, texts statementSet) {
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, migratedPostgres(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	before := []string{`SET search_path = cardinal`, `SET session_replication_role = replica`}
	after := []string{`ANALYZE`, `SET plan_cache_mode = force_generic_plan`}
	for _, statement := range slices.Concat(before, fillStatements(postgresSQL), after) {
		if _, err := conn.Exec(ctx, statement); err != nil {
			t.Fatalf("%v\nin\n%s", err, statement)
		}
	}
	checkPlans(t, texts, 250, func(query string) (problems []string) {
		prepared, err := conn.Prepare(ctx, "checked", query)
		if err != nil {
			return []string{err.Error()}
		}
		defer conn.Deallocate(ctx, "checked")
		arguments := ""
		if n := len(prepared.ParamOIDs); n > 0 {
			arguments = "(" + strings.TrimSuffix(strings.Repeat("NULL, ", n), ", ") + ")"
		}
		// The planner always scans an empty table. With enable_seqscan off, it does so only if there is no index.
		for seqScan, tables := range map[string][]string{"on": filledTables, "off": emptyTables} {
			if _, err := conn.Exec(ctx, `SET enable_seqscan = `+seqScan+`; DISCARD PLANS`); err != nil {
				t.Fatal(err)
			}
			var text []byte
			err := conn.QueryRow(ctx, `EXPLAIN (FORMAT JSON) EXECUTE checked`+arguments,
				pgx.QueryExecModeSimpleProtocol).Scan(&text)
			if err != nil {
				return []string{err.Error()}
			}
			var plans []struct{ Plan planNode }
			if err := json.Unmarshal(text, &plans); err != nil {
				t.Fatal(err)
			}
			problems = append(problems, plans[0].Plan.fullScans(tables, false)...)
		}
		return problems
	})
}

// planNode is a node of a plan of PostgreSQL.
type planNode struct {
	Type      string     `json:"Node Type"`
	Relation  string     `json:"Relation Name"`
	Filter    string     `json:"Filter"`
	Condition string     `json:"Index Cond"`
	Plans     []planNode `json:"Plans"`
}

var monthSuffix = regexp.MustCompile(`_\d{6}$`)

// passThroughSteps are the types of nodes that pass a LIMIT above them on to their children.
var passThroughSteps = []string{"Subquery Scan", "LockRows", "Append", "Merge Append"}

// fullScans lists the nodes that read all rows of one of the tables. A scan without filter below a LIMIT is not one.
func (n planNode) fullScans(tables []string, limited bool) (problems []string) {
	table := monthSuffix.ReplaceAllString(n.Relation, "")
	full := n.Type == "Seq Scan" ||
		strings.HasPrefix(n.Type, "Index") && n.Condition == "" && !slices.Contains(emptyTables, table)
	if slices.Contains(tables, table) && full && !(limited && n.Filter == "") {
		problems = append(problems, fmt.Sprintf("%s of %s, filter %q", n.Type, n.Relation, n.Filter))
	}
	limited = n.Type == "Limit" || limited && slices.Contains(passThroughSteps, n.Type)
	for _, child := range n.Plans {
		problems = append(problems, child.fullScans(tables, limited)...)
	}
	return problems
}

// engineSQL is the SQL that differs between the engines in the statements that fill a database: an id, a hash of a
// number, an encrypted value, the current and a later time, the numbers, a PHC string, and the id of an event.
type engineSQL struct{ id, hash, ciphertext, now, later, numbers, phc, event string }

var sqliteSQL = engineSQL{
	id:         `unhex(printf('%%012x70008000%%012x', 1760000000000 + (%[1]s), %[1]s))`,
	hash:       `unhex(printf('%%032x%%032x', (%[1]s) * 7919 %% 1000003, %[1]s))`,
	ciphertext: `unhex('01' || printf('%%080x', %s))`,
	now:        `1790000000000000`,
	later:      `1790086400000000`,
	numbers: fmt.Sprintf(`(WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		SELECT i FROM n) AS n`, planUsers),
	phc:   `'$argon2id$v=19$m=19456,t=2,p=1$' || printf('%022d', i) || '$' || printf('%043d', i)`,
	event: `unhex(printf('%012x70008000%012x', 1790000000000 + i / 100, i))`,
}

var postgresSQL = engineSQL{
	id:         `(lpad(to_hex(1760000000000 + (%[1]s)), 12, '0') || '70008000' || lpad(to_hex(%[1]s), 12, '0'))::uuid`,
	hash:       `sha256((%s)::text::bytea)`,
	ciphertext: `'\x01'::bytea || sha256((%s)::text::bytea)`,
	now:        `'2026-09-21T00:00:00Z'`,
	later:      `'2026-09-22T00:00:00Z'`,
	numbers:    fmt.Sprintf(`generate_series(1::bigint, %d) AS n (i)`, planUsers),
	phc:        `'$argon2id$v=19$m=19456,t=2,p=1$' || lpad(i::text, 22, '0') || '$' || lpad(i::text, 43, '0')`,
	event: `(lpad(to_hex((extract(epoch FROM date_trunc('month', now()) + interval '1 day') * 1000)::bigint + i / 100),
		12, '0') || '70008000' || lpad(to_hex(i), 12, '0'))::uuid`,
}

// fillStatements returns the statements that fill a database with many users: one in three has a role, one in a
// thousand is suspended.
func fillStatements(w engineSQL) []string {
	id := func(i string) string { return fmt.Sprintf(w.id, i) }
	hash := func(i string) string { return fmt.Sprintf(w.hash, i) }
	ciphertext := func(i string) string { return fmt.Sprintf(w.ciphertext, i) }
	keyed := func(i string) string { // the form of a token under the service key
		if w.hash == postgresSQL.hash {
			return `'\x02'::bytea || ` + hash(i)
		}
		return `CAST(x'02' || ` + hash(i) + ` AS BLOB)`
	}
	from := ` FROM ` + w.numbers
	role := `(SELECT id FROM roles WHERE name = 'support')`
	token := func(n string) string {
		if w.hash == postgresSQL.hash {
			return `substring(` + hash(n) + ` FROM 1 FOR 16)`
		}
		return `substr(` + hash(n) + `, 17)`
	}
	insert := func(columns string, values ...string) string {
		return `INSERT INTO ` + columns + ` SELECT ` + strings.Join(values, ", ") + from
	}
	statements := []string{
		insert(`users (id, kind, status, created_at, updated_at)`, id("i"),
			`CASE WHEN i % 500 = 0 THEN 'service' ELSE 'person' END`,
			`CASE WHEN i % 1000 = 1 THEN 'suspended' ELSE 'active' END`, w.now, w.now),
		insert(`profiles (user_id, display_name_sealed, created_at, updated_at)`, id("i"), ciphertext("i"), w.now,
			w.now),
		insert(`contacts (user_id, id, kind, value_sealed, is_primary, verified_at, created_at, updated_at)`,
			id("i"), id("i + 1000000"), `'email'`, ciphertext("i"), `TRUE`, w.now, w.now, w.now),
		insert(`contacts (user_id, id, kind, value_sealed, created_at, updated_at, given_by, value_index)`,
			id("i"), id("i + 3000000"), `'email'`, ciphertext("i"), w.now, w.now, `'user'`, hash("i % 500 + 5000000")) +
			` WHERE i % 4 = 0`,
		insert(`identifiers (value_index, user_id, contact_id, created_at)`, hash("i"), id("i"), id("i + 1000000"),
			w.now),
		insert(`credentials (user_id, hash, last_reset, created_at, updated_at)`, id("i"), w.phc, w.now, w.now, w.now),
		insert(`sessions (user_id, id, token_hash, method, assurance_level, created_at, last_seen_at, idle_seconds,
			expires_at)`,
			id("i"), id("i + 2000000"), keyed("i"), `'password'`, `1`, w.now, w.now, `600`, w.later),
		insert(`user_roles (user_id, role_id, granted_by, created_at)`, id("i"), role, id("i"),
			w.now) + ` WHERE i % 3 = 0`,
		insert(`audit_logs (subject_id, id, actor_id, action)`, id("i"), w.event, id("i"), `'user.create'`),
		insert(`key_encryption_keys (id, location, check_value, created_at)`, id("i"), `'file'`, hash("i"), w.now) +
			` WHERE i = 1`,
		insert(`user_keys (user_id, kek_id, wrapped_key, created_at, wrapped_at)`, id("i"), id("1"), wrappedKeySQL(w),
			w.now, w.now),
	}
	for _, n := range []string{"i % 7", "i % 97 + 100", "i % 9973 + 1000"} {
		statements = append(statements, `INSERT INTO search_tokens (token, user_id) SELECT `+token(n)+`, `+id("i")+from)
	}
	return statements
}

func wrappedKeySQL(w engineSQL) string {
	if w.hash == postgresSQL.hash {
		return `decode(repeat('ab', 61), 'hex')`
	}
	return `zeroblob(61)`
}
