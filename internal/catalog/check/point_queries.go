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
		Why: "A query that reads a whole table is fast until the day it is not. Each query that the service runs often or on a growing table is named here, with the " +
			"columns that an index must begin with, in this order. That the planner takes it is asked in D07.",
		run: pointCheck(checkQueryIndexes)},
}

// frequentQueries are what the service asks often, or of tables that grow: the columns that an index must begin with.
var frequentQueries = []struct{ name, table, columns string }{
	{"sign-in by e-mail, telephone or user name", "identifiers", "value_index"},
	{"a user's claims", "identifiers", "user_id"},
	{"claims that lapse", "identifiers", "expires_at"},
	{"is this session good", "sessions", "user_id id"},
	{"sessions that ended", "sessions", "expires_at"},
	{"is this API key good", "api_keys", "user_id id"},
	{"an API key by its id", "api_keys", "id"},
	{"users by status", "users", "status id"},
	{"users by kind", "users", "kind id"},
	{"whom a search finds", "search_tokens", "token user_id"},
	{"what a user is found by", "search_tokens", "user_id"},
	{"a user's contacts", "contacts", "user_id id"},
	{"a user's roles", "user_roles", "user_id role_id"},
	{"a role's holders", "user_roles", "role_id user_id"},
	{"grants that end", "user_roles", "expires_at"},
	{"a role's permissions", "role_permissions", "role_id permission_id"},
	{"who holds a permission", "role_permissions", "permission_id"},
	{"what happened to a user, newest first", "audit_logs", "subject_id id"},
	{"what a user did, newest first", "audit_logs", "actor_id id"},
	{"what happened of a kind, newest first", "audit_logs", "action id"},
	{"what happened, newest first", "audit_logs", "id"},
	{"what a request did", "audit_logs", "request_id"},
	{"work that is due", "jobs", "run_at"},
	{"the reply to a repeated request", "idempotency_keys", "caller_id route key_hash"},
	{"replies to forget", "idempotency_keys", "expires_at"},
	{"is this sign-in throttled", "sign_in_throttles", "key_hash"},
	{"throttles to forget", "sign_in_throttles", "expires_at"},
	{"refused attempts of a minute", "refused_attempts", "minute"},
}

func checkQueryIndexes(s *Subject, res *resultBuilder) {
	for _, q := range frequentQueries {
		t := res.requireTable(s, q.table)
		if t == nil {
			continue
		}
		columns := strings.Fields(q.columns)
		res.expect(slices.ContainsFunc(t.Indexes, func(i catalog.Index) bool {
			return len(i.Columns) >= len(columns) && slices.Equal(i.Columns[:len(columns)], columns) && i.Serves(columns)
		}), Finding{Object: q.table, Problem: "no index serves the query: " + q.name, Evidence: []string{"needed: (" + strings.Join(columns, ", ") + ", …)"},
			Fix: s.createIndex(t, columns, s.notNullPredicate(t, columns))})
	}
}

var queryScans = []Check{
	{ID: "D07", Kind: Data, unit: "queries", Title: "every frequent query is planned through an index",
		Guide: "Only index columns used frequently in WHERE clauses or JOINs.",
		Why: "An index of the right columns may still be of no use: its collation or method can be another. Each query of G25 is explained, not run, with reading whole " +
			"tables made dear, so that the answer does not depend on how many rows there are: it must find its rows, and their order, by an index.",
		run: checkQueryPlans},
}

// smallTableRows is a number of rows below which a plan tells nothing of how it will be when the table has grown.
const smallTableRows = 1000

// sortStep is what a plan says that sorts what it found.
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
		if _, err := tx.ExecContext(ctx, `SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off`); err != nil {
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
			continue // a column is missing, which G25 says
		}
		plan, err := catalog.Texts(ctx, tx, explain+query)
		if err != nil {
			return Outcome{}, fmt.Errorf("explain %s: %w", q.name, err)
		}
		// Of a table that statistics call small any index will do, and the planner may well take another.
		small := t.Rows >= 0 && t.Rows < smallTableRows
		finds, sorted := regexp.MustCompile(`Index Cond: \(+`+columns[0]+`\b|\(`+columns[0]+`[=<]\?`), false
		found, lines := false, []string{query}
		for _, row := range plan {
			line := strings.TrimSpace(row[len(row)-1])
			lines, found, sorted = append(lines, line), found || finds.MatchString(line), sorted || sortStep.MatchString(line)
		}
		res.expect(small || found && !sorted, Finding{Object: q.table, Problem: "no index answers the query: " + q.name, Evidence: lines})
	}
	return res.result(), nil
}

// sampleQuery is a query that an index of the columns answers: rows that have the first ones alike, in the order of the last.
func (s *Subject) sampleQuery(t *catalog.Table, columns []string) (query string, ok bool) {
	literal := map[string]string{"uuid": "'ffffffff-ffff-7fff-bfff-ffffffffffff'", "text": "'x'", "bytea": "'x'", "timestamp with time zone": "'2026-01-01T00:00:00Z'",
		"BLOB": "x'00'", "TEXT": "'x'", "INTEGER": "0"}
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
	return "SELECT 1 FROM " + s.tableName(t.Name) + " WHERE " + strings.Join(where, " AND ") + " ORDER BY " + quoteName(last) + " LIMIT 50", true
}
