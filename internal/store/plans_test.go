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

// planUsers is how many people the database has for which plans are asked.
const planUsers = 100_000

// growingTables are the tables that get more rows with more people, or with time.
var growingTables = append(filledTables, emptyTables...)

var (
	filledTables = []string{"users", "profiles", "contacts", "identifiers", "user_keys", "credentials", "sessions", "user_roles", "search_tokens", "audit_logs"}
	emptyTables  = []string{"api_keys", "api_key_roles", "idempotency_keys", "sign_in_throttles", "refused_attempts", "import_runs"} // here
)

// statementSet are the texts that a store has run.
type statementSet map[string]bool

func (all *statementSet) addFrom(t *testing.T, s *store.Store) {
	t.Helper()
	texts, err := store.Statements(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if *all == nil {
		*all = statementSet{}
	}
	maps.Copy(*all, texts)
}

// checkPlans asks for the plan of every statement that a store has run, in a large database: none may scan a table that grows. The suite
// runs every method of Reader and Tx, so these are all that a request can reach.
func checkPlans(t *testing.T, statements statementSet, minPlans int, explain func(query string) (faults []string)) {
	t.Helper()
	asked := 0
	for _, text := range slices.Sorted(maps.Keys(statements)) {
		if !hasPlan.MatchString(text) || progressCount.MatchString(text) {
			continue
		}
		asked++
		for _, fault := range explain(text) {
			t.Errorf("%s\nin\n%s", fault, text)
		}
	}
	t.Logf("%d plans", asked)
	if asked < minPlans {
		t.Errorf("only %d statements have plans; where are the others?", asked)
	}
}

// progressCount is what only the operator's backfills ask, for their progress.
var progressCount = regexp.MustCompile(`^SELECT count\(\*\) FROM \w+$`)

var hasPlan = regexp.MustCompile(`^\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b`)

func checkSQLitePlans(t *testing.T, ran statementSet) {
	_, path := migratedSQLite(t)
	db := openSQL(t, "sqlite", path)
	db.SetMaxOpenConns(1)
	for _, statement := range append(append([]string{`PRAGMA foreign_keys = 0`, `PRAGMA synchronous = 0`, `BEGIN`}, fillStatements(sqliteSQL)...), `COMMIT`, `ANALYZE`) {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%v\nin\n%s", err, statement)
		}
	}
	scan := regexp.MustCompile(`^SCAN (\w+)`)
	checkPlans(t, ran, 250, func(query string) (faults []string) {
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
			if m := scan.FindStringSubmatch(detail); m != nil && slices.Contains(growingTables, tableOf(query, m[1])) && !boundedScan.MatchString(query) {
				faults = append(faults, detail)
			}
		}
		return faults
	})
}

// tableOf is the table that stands under a name in a query.
func tableOf(query, name string) string {
	if m := regexp.MustCompile(`(\w+)(?: AS)? ` + name + `\b`).FindStringSubmatch(query); m != nil && slices.Contains(growingTables, m[1]) {
		return m[1]
	}
	return name
}

// boundedScan is a statement that reads no more rows of an unfiltered walk than it says.
var boundedScan = regexp.MustCompile(`SELECT [\w, ]+ FROM \w+( ORDER BY [\w, ]+)? LIMIT (\$\d+|\d+)\)?`)

func checkPostgresPlans(t *testing.T, ran statementSet) {
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, migratedPostgres(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	for _, statement := range append(append([]string{`SET search_path = cardinal`, `SET session_replication_role = replica`}, fillStatements(postgresSQL)...), `ANALYZE`,
		`SET plan_cache_mode = force_generic_plan`) {
		if _, err := conn.Exec(ctx, statement); err != nil {
			t.Fatalf("%v\nin\n%s", err, statement)
		}
	}
	checkPlans(t, ran, 250, func(query string) (faults []string) {
		prepared, err := conn.Prepare(ctx, "asked", query)
		if err != nil {
			return []string{err.Error()}
		}
		defer conn.Deallocate(ctx, "asked")
		arguments := ""
		if n := len(prepared.ParamOIDs); n > 0 {
			arguments = "(" + strings.TrimSuffix(strings.Repeat("NULL, ", n), ", ") + ")"
		}
		// An empty table is scanned by right: whether it would have to be is seen when the planner shuns that.
		for shun, tables := range map[string][]string{"on": filledTables, "off": emptyTables} {
			if _, err := conn.Exec(ctx, `SET enable_seqscan = `+shun+`; DISCARD PLANS`); err != nil {
				t.Fatal(err)
			}
			var text []byte
			if err := conn.QueryRow(ctx, `EXPLAIN (FORMAT JSON) EXECUTE asked`+arguments, pgx.QueryExecModeSimpleProtocol).Scan(&text); err != nil {
				return []string{err.Error()}
			}
			var plans []struct{ Plan planNode }
			if err := json.Unmarshal(text, &plans); err != nil {
				t.Fatal(err)
			}
			faults = append(faults, plans[0].Plan.fullScans(tables, false)...)
		}
		return faults
	})
}

// planNode is a step of a plan of PostgreSQL.
type planNode struct {
	Type      string     `json:"Node Type"`
	Relation  string     `json:"Relation Name"`
	Filter    string     `json:"Filter"`
	Condition string     `json:"Index Cond"`
	Plans     []planNode `json:"Plans"`
}

var monthSuffix = regexp.MustCompile(`_\d{6}$`)

// passThroughSteps are the steps that stop what is below them when they are stopped.
var passThroughSteps = []string{"Subquery Scan", "LockRows", "Append", "Merge Append"}

// fullScans lists the steps that read all of one of some tables. What a LIMIT stops, and nothing filters, is none.
func (n planNode) fullScans(tables []string, limited bool) (faults []string) {
	table := monthSuffix.ReplaceAllString(n.Relation, "")
	whole := n.Type == "Seq Scan" || strings.HasPrefix(n.Type, "Index") && n.Condition == "" && !slices.Contains(emptyTables, table)
	if slices.Contains(tables, table) && whole && !(limited && n.Filter == "") {
		faults = append(faults, fmt.Sprintf("%s of %s, filter %q", n.Type, n.Relation, n.Filter))
	}
	for _, below := range n.Plans {
		faults = append(faults, below.fullScans(tables, n.Type == "Limit" || limited && slices.Contains(passThroughSteps, n.Type))...)
	}
	return faults
}

// engineSQL are what the statements that fill a database say differently: an id, a hash of a number, a sealed value, now, the numbers,
// a PHC string.
type engineSQL struct{ id, hash, sealed, now, later, numbers, phc, event string }

var sqliteSQL = engineSQL{
	id: `unhex(printf('%%012x70008000%%012x', 1760000000000 + (%[1]s), %[1]s))`, hash: `unhex(printf('%%032x%%032x', (%[1]s) * 7919 %% 1000003, %[1]s))`,
	sealed: `unhex('01' || printf('%%080x', %s))`, now: `1790000000000000`, later: `1790086400000000`,
	numbers: fmt.Sprintf(`(WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i FROM n) AS n`, planUsers),
	phc:     `'$argon2id$v=19$m=19456,t=2,p=1$' || printf('%022d', i) || '$' || printf('%043d', i)`,
	event:   `unhex(printf('%012x70008000%012x', 1790000000000 + i / 100, i))`,
}

var postgresSQL = engineSQL{
	id: `(lpad(to_hex(1760000000000 + (%[1]s)), 12, '0') || '70008000' || lpad(to_hex(%[1]s), 12, '0'))::uuid`, hash: `sha256((%s)::text::bytea)`,
	sealed: `'\x01'::bytea || sha256((%s)::text::bytea)`, now: `'2026-09-21T00:00:00Z'`, later: `'2026-09-22T00:00:00Z'`,
	numbers: fmt.Sprintf(`generate_series(1::bigint, %d) AS n (i)`, planUsers),
	phc:     `'$argon2id$v=19$m=19456,t=2,p=1$' || lpad(i::text, 22, '0') || '$' || lpad(i::text, 43, '0')`,
	event:   `(lpad(to_hex((extract(epoch FROM date_trunc('month', now()) + interval '1 day') * 1000)::bigint + i / 100), 12, '0') || '70008000' || lpad(to_hex(i), 12, '0'))::uuid`,
}

// fillStatements fills a database with many people: somebody in three has a role, one in a thousand is suspended.
func fillStatements(w engineSQL) []string {
	id, hash, sealed := func(i string) string { return fmt.Sprintf(w.id, i) }, func(i string) string { return fmt.Sprintf(w.hash, i) }, func(i string) string { return fmt.Sprintf(w.sealed, i) }
	from := ` FROM ` + w.numbers
	role := `(SELECT id FROM roles WHERE name = 'support')`
	token := func(n string) string {
		if w.hash == postgresSQL.hash {
			return `substring(` + hash(n) + ` FROM 1 FOR 16)`
		}
		return `substr(` + hash(n) + `, 17)`
	}
	statements := []string{
		`INSERT INTO users (id, kind, status, created_at, updated_at) SELECT ` + id("i") + `, CASE WHEN i % 500 = 0 THEN 'service' ELSE 'person' END, CASE WHEN i % 1000 = 1 THEN 'suspended' ELSE 'active' END, ` + w.now + `, ` + w.now + from,
		`INSERT INTO profiles (user_id, display_name_sealed, created_at, updated_at) SELECT ` + id("i") + `, ` + sealed("i") + `, ` + w.now + `, ` + w.now + from,
		`INSERT INTO contacts (user_id, id, kind, value_sealed, is_primary, verified_at, created_at, updated_at) SELECT ` + id("i") + `, ` + id("i + 1000000") + `, 'email', ` + sealed("i") + `, TRUE, ` + w.now + `, ` + w.now + `, ` + w.now + from,
		`INSERT INTO identifiers (value_index, user_id, contact_id, created_at) SELECT ` + hash("i") + `, ` + id("i") + `, ` + id("i + 1000000") + `, ` + w.now + from,
		`INSERT INTO credentials (user_id, hash, last_reset, created_at, updated_at) SELECT ` + id("i") + `, ` + w.phc + `, ` + w.now + `, ` + w.now + `, ` + w.now + from,
		`INSERT INTO sessions (user_id, id, token_hash, method, assurance_level, created_at, last_seen_at, idle_seconds, expires_at) SELECT ` + id("i") + `, ` + id("i + 2000000") + `, ` + hash("i") + `, 'password', 1, ` + w.now + `, ` + w.now + `, 600, ` + w.later + from,
		`INSERT INTO user_roles (user_id, role_id, granted_by, created_at) SELECT ` + id("i") + `, ` + role + `, ` + id("i") + `, ` + w.now + from + ` WHERE i % 3 = 0`,
		`INSERT INTO audit_logs (subject_id, id, actor_id, action) SELECT ` + id("i") + `, ` + w.event + `, ` + id("i") + `, 'user.create'` + from,
		`INSERT INTO key_encryption_keys (id, location, check_value, created_at) SELECT ` + id("i") + `, 'file', ` + hash("i") + `, ` + w.now + from + ` WHERE i = 1`,
		`INSERT INTO user_keys (user_id, kek_id, wrapped_key, created_at, wrapped_at) SELECT ` + id("i") + `, ` + id("1") + `, ` + wrappedKeySQL(w) + `, ` + w.now + `, ` + w.now + from,
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
