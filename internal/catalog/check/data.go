package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// dataScans look at the rows for what no rule of a schema can say. Each reads a bounded sample in key order, or what an index
// finds; D05 and D06 alone read whole tables, once each: about a second at a million users.
var dataScans = slices.Concat(dependencyScans, []Check{
	{ID: "D03", Kind: Data, of: "values", Title: "a sample of every sealed column opens under its owner's key",
		Guide: "Personally Identifiable Information should be stored in encrypted columns.",
		Why: "Ciphertext whose key is gone or whose row was swapped looks like any other. The newest and the oldest rows of each sealed column are opened as the " +
			"service would; nothing of what they say is kept or shown. What erasure left is fine.",
		run: samplesOpen},
	{ID: "D04", Kind: Data, of: "users", Title: "nothing is left of the erased",
		Guide: "Mark it as deleted and replace PII fields with a generic placeholder.",
		Why: "Erasure is a promise about rows. For every erased user, found by the index of status: no key, claim, credential, session, API key, contact or sealed value " +
			"is left but placeholders.",
		run: erasedAreEmpty},
	{ID: "D05", Kind: Data, of: "passwords", Title: "password hashes are strong, by scheme",
		Guide: "Use a strong hashing algorithm.",
		Why: "Hashes outlive the year in which they were strong. Counted by scheme and parameters; below Argon2id with 19 MiB and two passes, or another scheme, is a warning: " +
			"such a hash is made anew when its owner signs in.",
		run: hashesAreStrong},
	{ID: "D06", Kind: Data, of: "rules", Title: "claims and contacts belong together",
		Guide: "This structure ensures referential integrity.",
		Why: "A claim without its contact locks an address for nobody; a verified contact without a claim can be taken by another. The rules say most of it by foreign " +
			"keys, which SQLite holds only while a connection asks it to, and which a distributed PostgreSQL leaves out.",
		run: claimsBelong},
}, queryScans)

const mostShown = 5 // rows as evidence

// ErrKeyMissing says that a key is not at hand, so that nothing could be opened.
var ErrKeyMissing = errors.New("sealed values could not be opened")

func samplesOpen(ctx context.Context, s *Subject) (Outcome, error) {
	if s.OpenSamples == nil {
		return Outcome{Status: Skipped, Missing: s.Unopened}, nil
	}
	columns, err := s.OpenSamples(ctx)
	if errors.Is(err, ErrKeyMissing) {
		return Outcome{Status: Skipped, Missing: err.Error()}, nil
	}
	if err != nil {
		return Outcome{}, err
	}
	var j judgement
	for _, c := range columns {
		j.Total += c.Opened + len(c.Broken)
		j.Held += c.Opened
		if n := len(c.Broken); n > 0 {
			j.Findings = append(j.Findings, Finding{Object: c.Table + "." + c.Column, Problem: fmt.Sprintf("%d of %d sampled values do not open", n, n+c.Opened),
				Evidence: c.Broken[:min(n, mostShown)]})
		}
	}
	if j.Missing = "replies kept for repeated requests open only with the header that they were asked with"; j.Total == 0 {
		j.Missing = "nothing is sealed yet"
	}
	return j.end(), nil
}

// id is how a query shows an id: text on both engines.
func (s *Subject) id(column string) string {
	if s.Live.Engine == "postgres" {
		return column + "::text"
	}
	return "lower(hex(" + column + "))"
}

// statement puts the schema's name and the engine's own words into a query.
func (s *Subject) statement(query string) string {
	schema, placeholder, position := "", "x'00'", "instr"
	if s.Live.Engine == "postgres" {
		schema, placeholder, position = quote(s.Live.Name)+".", `'\x00'::bytea`, "strpos"
	}
	return strings.NewReplacer("{schema}", schema, "{placeholder}", placeholder, "{position}", position).Replace(query)
}

// leftovers are what an erased user must not have: a condition on users u.
var leftovers = []struct{ what, where string }{
	{"a key that opens sealed values", `EXISTS (SELECT 1 FROM {schema}user_keys x WHERE x.user_id = u.id)`},
	{"a claim", `EXISTS (SELECT 1 FROM {schema}identifiers x WHERE x.user_id = u.id)`},
	{"what a search finds them by", `EXISTS (SELECT 1 FROM {schema}search_tokens x WHERE x.user_id = u.id)`},
	{"a password", `EXISTS (SELECT 1 FROM {schema}credentials x WHERE x.user_id = u.id)`},
	{"a session", `EXISTS (SELECT 1 FROM {schema}sessions x WHERE x.user_id = u.id)`},
	{"an API key", `EXISTS (SELECT 1 FROM {schema}api_keys x WHERE x.user_id = u.id)`},
	{"a contact that is no placeholder", `EXISTS (SELECT 1 FROM {schema}contacts x WHERE x.user_id = u.id AND x.value_sealed <> {placeholder})`},
	{"a profile that is no placeholder", `EXISTS (SELECT 1 FROM {schema}profiles x WHERE x.user_id = u.id AND (x.display_name_sealed <> {placeholder} OR x.username_sealed <> {placeholder} ` +
		`OR x.avatar_url_sealed <> {placeholder} OR x.attributes_sealed <> {placeholder} OR x.country_code IS NOT NULL))`},
}

func erasedAreEmpty(ctx context.Context, s *Subject) (Outcome, error) {
	// The status is named in the query, so that it is found by its index whatever the planner knows of the rows.
	statuses, err := s.rows(ctx, s.statement(`SELECT code FROM {schema}user_statuses WHERE is_erased ORDER BY code`))
	if err != nil {
		return Outcome{}, err
	}
	var j judgement
	for _, status := range statuses {
		if err := j.leftovers(ctx, s, status[0]); err != nil {
			return Outcome{}, err
		}
	}
	j.settle()
	if j.Status == Skipped {
		j.Status = Passed // that nobody is erased is no gap
	}
	j.Missing = "no deadline for an erasure that was asked for is kept yet, so none can be overdue"
	return j.Outcome, nil
}

// leftovers counts the users of a status, and finds what they must not have.
func (j *judgement) leftovers(ctx context.Context, s *Subject, status string) error {
	count, err := s.rows(ctx, s.statement(`SELECT count(*) FROM {schema}users WHERE status = $1`), status)
	if err != nil {
		return err
	}
	erased, err := strconv.Atoi(count[0][0])
	if err != nil || erased == 0 {
		return err
	}
	short := map[string]bool{}
	for _, l := range leftovers {
		found, err := s.rows(ctx, s.statement(`SELECT `+s.id("u.id")+` FROM {schema}users u WHERE u.status = $1 AND `+l.where+` ORDER BY u.id LIMIT 1000`), status)
		if err != nil {
			return err
		}
		for _, row := range found {
			short[row[0]] = true
		}
		if len(found) > 0 {
			j.Findings = append(j.Findings, Finding{Object: "users", Problem: atLeast(len(found), 1000) + " erased user(s) still have " + l.what, Evidence: evidence("user ", found)})
		}
	}
	j.Total += erased
	j.Held += erased - len(short)
	return nil
}

// atLeast is a count that stopped at a limit.
func atLeast(n, limit int) string {
	if n < limit {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d or more", n)
}

// evidence shows the first of the rows by their keys.
func evidence(before string, rows [][]string) (shown []string) {
	for _, row := range rows[:min(len(rows), mostShown)] {
		shown = append(shown, before+strings.Join(row, " "))
	}
	return shown
}
