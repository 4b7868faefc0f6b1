package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	if s.DecryptSamples == nil {
		return Outcome{Status: Skipped, NotChecked: s.NoKeyReason}, nil
	}
	columns, err := s.DecryptSamples(ctx)
	if errors.Is(err, ErrKeyMissing) {
		return Outcome{Status: Skipped, NotChecked: err.Error()}, nil
	}
	if err != nil {
		return Outcome{}, err
	}
	var res resultBuilder
	for _, c := range columns {
		res.Total += c.Decrypted + len(c.Undecryptable)
		res.Passed += c.Decrypted
		if n := len(c.Undecryptable); n > 0 {
			res.Findings = append(res.Findings,
				Finding{Object: c.Table + "." + c.Column,
					Problem:  fmt.Sprintf("%d of %d sampled values cannot be decrypted", n, n+c.Decrypted),
					Evidence: c.Undecryptable[:min(n, maxEvidence)]})
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

// rowEvidence lists the keys of the first rows.
func rowEvidence(prefix string, rows [][]string) (lines []string) {
	for _, row := range rows[:min(len(rows), maxEvidence)] {
		lines = append(lines, prefix+strings.Join(row, " "))
	}
	return lines
}
