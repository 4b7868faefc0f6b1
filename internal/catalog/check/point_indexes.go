package check

import (
	"fmt"
	"slices"
	"strings"

	"cardinal/internal/catalog"
)

var indexPoints = []Check{
	{ID: "G23", Kind: Point, of: "foreign keys", Title: "every foreign key has a leading index",
		Guide: "Always index foreign key columns.",
		Why: "Without one, finding what refers to a row reads the whole table, and so does every DELETE of it. Judged by the index's leading columns and its predicate: an " +
			"index WHERE is_primary leaves rows out, one WHERE the column IS NOT NULL does not.",
		run: judged(foreignKeysAreIndexed), general: judged(foreignKeysAreIndexed)},
	{ID: "G24", Kind: Point, of: "indexes", Title: "no index is redundant",
		Guide: "Every index slows down write operations. Only index columns used frequently in WHERE clauses or JOINs.",
		Why: "What begins another index is found by that one as well. Judged by columns, predicate and method; on PostgreSQL an index that was never read while its table's " +
			"others were is a warning, and one that failed to build is of no use to anybody.",
		run: judged(indexesAreNeeded), general: judged(indexesAreNeeded)},
	{ID: "G25", Kind: Point, of: "queries", Title: "every frequent query has an index",
		Guide: "Are there indexes for common query patterns?",
		Why: "A query that reads a whole table is fast until the day it is not. Each query that the service runs often or on a growing table is named here, with the " +
			"columns that an index must begin with, in this order.",
		run: judged(queriesAreServed)},
}

func foreignKeysAreIndexed(s *Subject, j *judgement) {
	for _, t := range s.Live.Base() {
		for _, k := range t.ForeignKeys() {
			f := Finding{Object: t.Name + "." + strings.Join(k.Columns, "+"), Problem: "no index finds the rows that refer to " + k.References,
				Fix: s.createIndex(&t, k.Columns, s.wherePresent(&t, k.Columns))}
			for _, i := range t.Indexes {
				if slices.Contains(i.Columns, k.Columns[0]) {
					f.Evidence = append(f.Evidence, indexText(i))
				}
			}
			j.expect(slices.ContainsFunc(t.Indexes, func(i catalog.Index) bool { return i.Serves(k.Columns) }), f)
		}
	}
}

// wherePresent keeps an index small where its only column may be NULL.
func (s *Subject) wherePresent(t *catalog.Table, columns []string) string {
	if c := t.Column(columns[0]); len(columns) == 1 && c != nil && !c.NotNull {
		return " WHERE " + quote(c.Name) + " IS NOT NULL"
	}
	return ""
}

// indexText is an index as evidence.
func indexText(i catalog.Index) string {
	text := "index " + i.Name + " (" + strings.Join(i.Columns, ", ") + ")"
	if i.Predicate != "" {
		text += " WHERE " + i.Predicate
	}
	if !i.Valid {
		text += ", not valid"
	}
	return text
}

// redundant reports whether whatever a does, b does too: b begins with a's columns. A unique index forbids something, so it stays
// unless b forbids the same; what it carries beside, b must carry, too.
func redundant(a, b catalog.Index) bool {
	if slices.Contains(a.Columns, "") || len(a.Columns) > len(b.Columns) || !slices.Equal(a.Columns, b.Columns[:len(a.Columns)]) {
		return false
	}
	for _, carried := range a.Include {
		if !slices.Contains(b.Columns, carried) && !slices.Contains(b.Include, carried) {
			return false
		}
	}
	return a.Method == b.Method && b.Valid && (b.Predicate == "" || a.Predicate == b.Predicate) && (!a.Unique || b.Unique && len(a.Columns) == len(b.Columns))
}

const (
	muchRead  = 10_000 // scans of a table's other indexes, after which one that was never read is odd
	largeRows = 100_000
)

func indexesAreNeeded(s *Subject, j *judgement) {
	for _, t := range s.Live.Base() {
		busiest := int64(0)
		for _, i := range t.Indexes {
			busiest = max(busiest, i.Scans)
		}
		for n, a := range t.Indexes {
			f := Finding{Object: "index " + a.Name, Evidence: []string{indexText(a)}, Fix: s.drop(a)}
			switch twin := slices.IndexFunc(t.Indexes, func(b catalog.Index) bool {
				// Of two that are alike, the later goes, and that of a key never before the other.
				return b.Name != a.Name && redundant(a, b) && a.Constraint == "" && !(redundant(b, a) && b.Constraint == "" && slices.IndexFunc(t.Indexes, func(x catalog.Index) bool { return x.Name == b.Name }) > n)
			}); {
			case twin >= 0:
				f.Problem, f.Evidence = "whatever it finds, another index of "+t.Name+" finds, too", append(f.Evidence, indexText(t.Indexes[twin]))
			case !a.Valid:
				f.Problem = "it failed to build, or is being built: it is kept up to date and never read"
			case s.Live.Engine == "postgres" && a.Scans == 0 && !a.Unique && t.Rows >= largeRows && busiest >= muchRead && !servesKey(&t, a):
				f.Problem, f.Warning = "it was never read since the statistics were reset, while others of "+t.Name+" were", true
				f.Evidence = append(f.Evidence, fmt.Sprintf("scans 0, of another index %d", busiest))
			}
			j.expect(f.Problem == "", f)
		}
	}
}

// servesKey reports whether a foreign key needs the index.
func servesKey(t *catalog.Table, i catalog.Index) bool {
	return slices.ContainsFunc(t.ForeignKeys(), func(k catalog.Constraint) bool { return i.Serves(k.Columns) })
}

func (s *Subject) drop(i catalog.Index) string {
	if i.Constraint != "" {
		return ""
	}
	return "DROP INDEX " + s.table(i.Name) + ";"
}

// queries are what the service asks often, or of tables that grow: the columns that an index must begin with.
var queries = []struct{ name, table, columns string }{
	{"sign-in by e-mail, telephone or user name", "identifiers", "value_index"},
	{"a user's claims", "identifiers", "user_id"},
	{"claims that lapse", "identifiers", "expires_at"},
	{"is this session good", "sessions", "user_id id"},
	{"sessions that ended", "sessions", "expires_at"},
	{"is this API key good", "api_keys", "user_id id"},
	{"an API key by its id", "api_keys", "id"},
	{"users by status", "users", "status id"},
	{"users by kind", "users", "kind id"},
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

func queriesAreServed(s *Subject, j *judgement) {
	for _, q := range queries {
		t := j.table(s, q.table)
		if t == nil {
			continue
		}
		columns := strings.Fields(q.columns)
		j.expect(slices.ContainsFunc(t.Indexes, func(i catalog.Index) bool {
			return len(i.Columns) >= len(columns) && slices.Equal(i.Columns[:len(columns)], columns) && i.Serves(columns)
		}), Finding{Object: q.table, Problem: "no index serves the query: " + q.name, Evidence: []string{"needed: (" + strings.Join(columns, ", ") + ", …)"},
			Fix: s.createIndex(t, columns, s.wherePresent(t, columns))})
	}
	j.Missing = "which index the planner takes depends on the rows; here only what it may take is judged"
}
