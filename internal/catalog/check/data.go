package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// dataScans check the rows for what no schema rule can express. Each reads a bounded sample in key order, or rows that
// an index finds. Only D05 and D06 read whole tables, once each: about a second with a million users.
var dataScans = slices.Concat(dependencyScans, []Check{
	{ID: "D03", Kind: Data, unit: "values", Title: "a sample of every encrypted column can be decrypted with its " +
		"owner's key",
		Guide: "Personally Identifiable Information should be stored in encrypted columns.",
		Why: "Ciphertext without its key, or ciphertext copied to another row, looks valid. The newest and the " +
			"oldest rows of each encrypted column are decrypted as the service does it. The clear text is neither " +
			"stored nor shown. Placeholders of erased users are accepted.",
		run: checkEncryptedSamples},
	{ID: "D04", Kind: Data, unit: "users", Title: "no data of erased users is left",
		Guide: "Mark it as deleted and replace PII fields with a generic placeholder.",
		Why: "An erasure must remove data from rows. Erased users are found by the index on status. They must have " +
			"no key, identifier, credential, session, API key or contact, and no encrypted value except the " +
			"placeholder.",
		run: checkErasedUsers},
	{ID: "D05", Kind: Data, unit: "passwords", Title: "password hashes are strong",
		Guide: "Use a strong hashing algorithm.",
		Why: "A hash that was strong becomes weak as hardware improves. Hashes are counted by scheme and " +
			"parameters. Another scheme, or Argon2id with less than 19 MiB and two passes, is a warning: such a " +
			"hash is replaced at the next sign-in of its user.",
		run: checkPasswordHashes},
	{ID: "D06", Kind: Data, unit: "rules", Title: "identifiers and contacts match",
		Guide: "This structure ensures referential integrity.",
		Why: "An identifier without its contact blocks an address that no user has. Another user can register a " +
			"verified contact that has no identifier. Foreign keys enforce most of this, but SQLite checks them " +
			"only on connections that enable them, and a distributed PostgreSQL may not support them.",
		run: checkIdentifiers},
}, queryScans)

const maxEvidence = 5 // rows as evidence

// ErrKeyMissing says that a key is missing, so that nothing could be decrypted.
var ErrKeyMissing = errors.New("encrypted values could not be decrypted")

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
			res.Findings = append(res.Findings,
				Finding{Object: c.Table + "." + c.Column,
					Problem:  fmt.Sprintf("%d of %d sampled values cannot be decrypted", n, n+c.Opened),
					Evidence: c.Broken[:min(n, maxEvidence)]})
		}
	}
	if res.NotChecked = "stored replies for repeated requests can be decrypted only with the idempotency key of the " +
		"request"; res.Total == 0 {
		res.NotChecked = "there are no encrypted values yet"
	}
	return res.result(), nil
}

// idText returns SQL that shows an id as text on both engines.
func (s *Subject) idText(column string) string {
	if s.Live.Engine == "postgres" {
		return column + "::text"
	}
	return "lower(hex(" + column + "))"
}

// expandQuery inserts the name of the schema and the syntax of the engine into a query.
func (s *Subject) expandQuery(query string) string {
	schema, placeholder, position := "", "x'00'", "instr"
	if s.Live.Engine == "postgres" {
		schema, placeholder, position = quoteName(s.Live.Name)+".", `'\x00'::bytea`, "strpos"
	}
	return strings.NewReplacer("{schema}", schema, "{placeholder}", placeholder, "{position}", position).Replace(query)
}

// erasureLeftovers are what an erased user must not have, each as a condition on users u.
var erasureLeftovers = []struct{ what, where string }{
	{"a key that decrypts their values", `EXISTS (SELECT 1 FROM {schema}user_keys x WHERE x.user_id = u.id)`},
	{"an identifier", `EXISTS (SELECT 1 FROM {schema}identifiers x WHERE x.user_id = u.id)`},
	{"search tokens", `EXISTS (SELECT 1 FROM {schema}search_tokens x WHERE x.user_id = u.id)`},
	{"a password", `EXISTS (SELECT 1 FROM {schema}credentials x WHERE x.user_id = u.id)`},
	{"a session", `EXISTS (SELECT 1 FROM {schema}sessions x WHERE x.user_id = u.id)`},
	{"an API key", `EXISTS (SELECT 1 FROM {schema}api_keys x WHERE x.user_id = u.id)`},
	{"a contact that is not the placeholder",
		`EXISTS (SELECT 1 FROM {schema}contacts x WHERE x.user_id = u.id AND x.value_sealed <> {placeholder})`},
	{"a profile that is not the placeholder", `EXISTS (SELECT 1 FROM {schema}profiles x WHERE x.user_id = u.id ` +
		`AND (x.display_name_sealed <> {placeholder} OR x.username_sealed <> {placeholder} ` +
		`OR x.avatar_url_sealed <> {placeholder} OR x.attributes_sealed <> {placeholder} ` +
		`OR x.country_code IS NOT NULL))`},
}

func checkErasedUsers(ctx context.Context, s *Subject) (Outcome, error) {
	// Query each status by its code: then the planner uses the index whatever its statistics say.
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
		res.Status = Passed // it is fine if no user is erased
	}
	res.NotChecked = "requested erasures have no deadline yet, so overdue ones cannot be found"
	return res.Outcome, nil
}

// countLeftovers counts the users with a status, and reports the data that they must not have.
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
		found, err := s.query(ctx, s.expandQuery(`SELECT `+s.idText("u.id")+
			` FROM {schema}users u WHERE u.status = $1 AND `+l.where+` ORDER BY u.id LIMIT 1000`), status)
		if err != nil {
			return err
		}
		for _, row := range found {
			incomplete[row[0]] = true
		}
		if len(found) > 0 {
			res.Findings = append(res.Findings,
				Finding{Object: "users", Problem: atLeast(len(found), 1000) + " erased user(s) still have " + l.what,
					Evidence: rowEvidence("user ", found)})
		}
	}
	res.Total += erased
	res.Passed += erased - len(incomplete)
	return nil
}

// atLeast formats a count that stops at a limit.
func atLeast(n, limit int) string {
	if n < limit {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d or more", n)
}

// rowEvidence lists the keys of the first rows.
func rowEvidence(prefix string, rows [][]string) (lines []string) {
	for _, row := range rows[:min(len(rows), maxEvidence)] {
		lines = append(lines, prefix+strings.Join(row, " "))
	}
	return lines
}
