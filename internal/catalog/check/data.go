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
	{ID: "D03", Kind: Data, unit: "values", Title: "a sample of every sealed column opens under its owner's key",
		Guide: "Personally Identifiable Information should be stored in encrypted columns.",
		Why: "Ciphertext whose key is gone or whose row was swapped looks like any other. The newest and the oldest rows of each sealed column are opened as the " +
			"service would; nothing of what they say is kept or shown. What erasure left is fine.",
		run: checkEncryptedSamples},
	{ID: "D04", Kind: Data, unit: "users", Title: "nothing is left of the erased",
		Guide: "Mark it as deleted and replace PII fields with a generic placeholder.",
		Why: "Erasure is a promise about rows. For every erased user, found by the index of status: no key, claim, credential, session, API key, contact or sealed value " +
			"is left but placeholders.",
		run: checkErasedUsers},
	{ID: "D05", Kind: Data, unit: "passwords", Title: "password hashes are strong, by scheme",
		Guide: "Use a strong hashing algorithm.",
		Why: "Hashes outlive the year in which they were strong. Counted by scheme and parameters; below Argon2id with 19 MiB and two passes, or another scheme, is a warning: " +
			"such a hash is made anew when its owner signs in.",
		run: checkPasswordHashes},
	{ID: "D06", Kind: Data, unit: "rules", Title: "claims and contacts belong together",
		Guide: "This structure ensures referential integrity.",
		Why: "A claim without its contact locks an address for nobody; a verified contact without a claim can be taken by another. The rules say most of it by foreign " +
			"keys, which SQLite holds only while a connection asks it to, and which a distributed PostgreSQL leaves out.",
		run: checkIdentifiers},
}, queryScans)

const maxEvidence = 5 // rows as evidence

// ErrKeyMissing says that a key is not at hand, so that nothing could be opened.
var ErrKeyMissing = errors.New("sealed values could not be opened")

func checkEncryptedSamples(ctx context.Context, s *Subject) (Outcome, error) {
	if s.OpenSamples == nil {
		return Outcome{Status: Skipped, NotChecked: s.Unopened}, nil
	}
	columns, err := s.OpenSamples(ctx)
	if errors.Is(err, ErrKeyMissing) {
		return Outcome{Status: Skipped, NotChecked: err.Error()}, nil
	}
	if err != nil {
		return Outcome{}, err
	}
	var res resultBuilder
	for _, c := range columns {
		res.Total += c.Opened + len(c.Broken)
		res.Passed += c.Opened
		if n := len(c.Broken); n > 0 {
			res.Findings = append(res.Findings, Finding{Object: c.Table + "." + c.Column, Problem: fmt.Sprintf("%d of %d sampled values do not open", n, n+c.Opened),
				Evidence: c.Broken[:min(n, maxEvidence)]})
		}
	}
	if res.NotChecked = "replies kept for repeated requests open only with the header that they were asked with"; res.Total == 0 {
		res.NotChecked = "nothing is sealed yet"
	}
	return res.result(), nil
}

// idText is how a query shows an id: text on both engines.
func (s *Subject) idText(column string) string {
	if s.Live.Engine == "postgres" {
		return column + "::text"
	}
	return "lower(hex(" + column + "))"
}

// expandQuery puts the schema's name and the engine's own words into a query.
func (s *Subject) expandQuery(query string) string {
	schema, placeholder, position := "", "x'00'", "instr"
	if s.Live.Engine == "postgres" {
		schema, placeholder, position = quoteName(s.Live.Name)+".", `'\x00'::bytea`, "strpos"
	}
	return strings.NewReplacer("{schema}", schema, "{placeholder}", placeholder, "{position}", position).Replace(query)
}

// erasureLeftovers are what an erased user must not have: a condition on users u.
var erasureLeftovers = []struct{ what, where string }{
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

func checkErasedUsers(ctx context.Context, s *Subject) (Outcome, error) {
	// The status is named in the query, so that it is found by its index whatever the planner knows of the rows.
	statuses, err := s.query(ctx, s.expandQuery(`SELECT code FROM {schema}user_statuses WHERE is_erased ORDER BY code`))
	if err != nil {
		return Outcome{}, err
	}
	var res resultBuilder
	for _, status := range statuses {
		if err := res.countLeftovers(ctx, s, status[0]); err != nil {
			return Outcome{}, err
		}
	}
	res.setStatus()
	if res.Status == Skipped {
		res.Status = Passed // that nobody is erased is no gap
	}
	res.NotChecked = "no deadline for an erasure that was asked for is kept yet, so none can be overdue"
	return res.Outcome, nil
}

// countLeftovers counts the users of a status, and finds what they must not have.
func (res *resultBuilder) countLeftovers(ctx context.Context, s *Subject, status string) error {
	count, err := s.query(ctx, s.expandQuery(`SELECT count(*) FROM {schema}users WHERE status = $1`), status)
	if err != nil {
		return err
	}
	erased, err := strconv.Atoi(count[0][0])
	if err != nil || erased == 0 {
		return err
	}
	incomplete := map[string]bool{}
	for _, l := range erasureLeftovers {
		found, err := s.query(ctx, s.expandQuery(`SELECT `+s.idText("u.id")+` FROM {schema}users u WHERE u.status = $1 AND `+l.where+` ORDER BY u.id LIMIT 1000`), status)
		if err != nil {
			return err
		}
		for _, row := range found {
			incomplete[row[0]] = true
		}
		if len(found) > 0 {
			res.Findings = append(res.Findings, Finding{Object: "users", Problem: atLeast(len(found), 1000) + " erased user(s) still have " + l.what, Evidence: rowEvidence("user ", found)})
		}
	}
	res.Total += erased
	res.Passed += erased - len(incomplete)
	return nil
}

// atLeast is a count that stopped at a limit.
func atLeast(n, limit int) string {
	if n < limit {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d or more", n)
}

// rowEvidence shows the first of the rows by their keys.
func rowEvidence(prefix string, rows [][]string) (lines []string) {
	for _, row := range rows[:min(len(rows), maxEvidence)] {
		lines = append(lines, prefix+strings.Join(row, " "))
	}
	return lines
}
