package check

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cardinal/internal/catalog"
)

var queryPoints = []Check{
	{ID: "G25", Kind: Point, unit: "queries", Title: "every frequent query has an index",
		Guide: "Are there indexes for common query patterns?",
		Why: "A query that reads a whole table becomes slow as the table grows. Each query that the service runs " +
			"often or on a growing table is listed here, with the columns that an index must begin with, in this " +
			"order. Whether the planner uses it is checked in D07.",
		run: pointCheck(checkQueryIndexes)},
}

// frequentQueries are queries that run often or on growing tables, with the columns that an index must begin with.
var frequentQueries = []struct{ name, table, columns string }{
	{"sign-in by email, phone or user name", "identifiers", "value_index"},
	{"a user's identifiers", "identifiers", "user_id"},
	{"users who typed an address that no user has verified", "contacts", "value_index user_id"},
	{"validate a session", "sessions", "user_id id"},
	{"ended sessions", "sessions", "expires_at"},
	{"validate an API key", "api_keys", "user_id id"},
	{"an API key by its id", "api_keys", "id"},
	{"users by status", "users", "status id"},
	{"users by kind", "users", "kind id"},
	{"users found by a search", "search_tokens", "token user_id"},
	{"search tokens of a user", "search_tokens", "user_id"},
	{"a user's contacts", "contacts", "user_id id"},
	{"a user's roles", "user_roles", "user_id role_id"},
	{"users with a role", "user_roles", "role_id user_id"},
	{"role assignments that expire", "user_roles", "expires_at"},
	{"a role's permissions", "role_permissions", "role_id permission_id"},
	{"roles with a permission", "role_permissions", "permission_id"},
	{"audit entries about a user, newest first", "audit_logs", "subject_id id"},
	{"audit entries by an actor, newest first", "audit_logs", "actor_id id"},
	{"audit entries of an action, newest first", "audit_logs", "action id"},
	{"all audit entries, newest first", "audit_logs", "id"},
	{"audit entries of a request", "audit_logs", "request_id"},
	{"due jobs", "jobs", "run_at"},
	{"the reply to a repeated request", "idempotency_keys", "caller_id route key_hash"},
	{"expired replies", "idempotency_keys", "expires_at"},
	{"sign-in throttle of a subject", "sign_in_throttles", "key_hash"},
	{"expired throttles", "sign_in_throttles", "expires_at"},
	{"refused attempts in a minute", "refused_attempts", "minute"},
}

func checkQueryIndexes(s *Subject, res *resultBuilder) {
	for _, q := range frequentQueries {
		t := res.requireTable(s, q.table)
		if t == nil {
			continue
		}
		columns := strings.Fields(q.columns)
		res.expect(slices.ContainsFunc(t.Indexes, func(i catalog.Index) bool {
			return len(i.Columns) >= len(columns) && slices.Equal(i.Columns[:len(columns)], columns) &&
				i.LeadsWith(columns)
		}), Finding{Object: q.table, Problem: "no index serves the query: " + q.name,
			Evidence: []string{"needed: (" + strings.Join(columns, ", ") + ", ...)"},
			Fix:      s.createIndex(t, columns, s.notNullPredicate(t, columns))})
	}
}

var queryScans = []Check{
	{ID: "D07", Kind: Data, unit: "queries", Title: "the planner uses an index for every frequent query",
		Guide: "Only index columns used frequently in WHERE clauses or JOINs.",
		Why: "An index on the right columns can still be unusable because of its collation or method. Each query of " +
			"G25 is explained, not run. Sequential scans are made expensive, so that the plan does not depend on " +
			"the number of rows: it must find the rows and their order by an index.",
		run: checkQueryPlans},
}

// smallTableRows is the number of rows below which a plan says nothing about the plan for a larger table.
const smallTableRows = 1000

// sortStep matches a plan step that sorts rows.
var sortStep = newPattern(`(^|-> +)(Incremental )?Sort$|USE TEMP B-TREE`)

func checkQueryPlans(ctx context.Context, s *Subject) (Outcome, error) {
	tx, err := s.Database.BeginTx(ctx, nil)
	if err != nil {
		return Outcome{}, err
	}
	defer tx.Rollback()
	explain := "EXPLAIN QUERY PLAN "
	if s.Live.Engine == "postgres" {
		explain = "EXPLAIN (COSTS OFF) "
		if _, err := tx.ExecContext(ctx, `SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; `+
			`SET LOCAL enable_sort = off`); err != nil {
			return Outcome{}, err
		}
	}
	var res resultBuilder
	for _, q := range frequentQueries {
		t := res.requireTable(s, q.table)
		if t == nil {
			continue
		}
		columns := strings.Fields(q.columns)
		query, ok := s.sampleQuery(t, columns)
		if !ok {
			continue // a column is missing, which G25 reports
		}
		plan, err := catalog.QueryTexts(ctx, tx, explain+query)
		if err != nil {
			return Outcome{}, fmt.Errorf("explain %s: %w", q.name, err)
		}
		// For a table that is small by its statistics any index is good enough, and the planner can choose another one.
		small := t.Rows >= 0 && t.Rows < smallTableRows
		finds, sorted := regexp.MustCompile(`Index Cond: \(+`+columns[0]+`\b|\(`+columns[0]+`[=<]\?`), false
		found, lines := false, []string{query}
		for _, row := range plan {
			line := strings.TrimSpace(row[len(row)-1])
			lines = append(lines, line)
			found, sorted = found || finds.MatchString(line), sorted || sortStep.MatchString(line)
		}
		res.expect(small || found && !sorted,
			Finding{Object: q.table, Problem: "no index answers the query: " + q.name, Evidence: lines})
	}
	return res.result(), nil
}

// sampleQuery returns a query that an index on the columns answers: rows with equal values in the first columns, in the
// order of the last one.
func (s *Subject) sampleQuery(t *catalog.Table, columns []string) (query string, ok bool) {
	literal := map[string]string{"uuid": "'ffffffff-ffff-7fff-bfff-ffffffffffff'", "text": "'x'", "bytea": "'x'",
		"timestamp with time zone": "'2026-01-01T00:00:00Z'",
		"BLOB":                     "x'00'", "TEXT": "'x'", "INTEGER": "0"}
	var where []string
	last := columns[len(columns)-1]
	for _, name := range columns {
		c := t.Column(name)
		if c == nil || literal[c.Type] == "" {
			return "", false
		}
		sign := " = "
		if name == last {
			sign = " < "
		}
		where = append(where, quoteName(name)+sign+literal[c.Type])
	}
	return "SELECT 1 FROM " + s.tableName(t.Name) + " WHERE " + strings.Join(where, " AND ") + " ORDER BY " +
		quoteName(last) + " LIMIT 50", true
}
