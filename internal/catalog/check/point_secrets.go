package check

import (
	"regexp"
	"strconv"
	"strings"

	"cardinal/internal/catalog"
)

var secretPoints = []Check{
	{ID: "G08", Kind: Point, unit: "columns", Title: "no secret can be stored in plain text",
		Guide: "Never store plain text. Use a strong hashing algorithm.",
		Why: "Whoever reads one backup can sign in as everyone. Here every secret column's check knows the form of a hash, which a password cannot pass; how " +
			"strong the hashes are is counted in the rows: D05. Of a foreign database, a column named like a secret must be too narrow or too well checked for one.",
		run: pointCheck(checkSecretForms), runGeneral: pointCheck(checkSecretTextGeneral)},
	{ID: "G09", Kind: Point, unit: "rules", Title: "each salt is unique",
		Guide: "Ensure each user has a unique salt value.",
		Why:   "Equal salts let one table of guesses serve for many accounts. The salt is computed out of the hash by the database, so the two cannot disagree, and UNIQUE.",
		run:   pointCheck(checkSalts)},
	{ID: "G10", Kind: Point, unit: "rules", Title: "the last change of a password is known",
		Guide: "Track password changes for security policies.",
		Why:   "Without it no policy can tell an old password. Judged by the column: NOT NULL, and not before the row was made.",
		run:   pointCheck(checkLastReset)},
}

func checkSecretForms(s *Subject, res *resultBuilder) {
	for _, t := range s.Live.Base() {
		for _, c := range t.Columns {
			if c.Class() == catalog.ClassSecret && c.Generated == "" {
				_, bounded := maxLength(&t, c.Name)
				fixed := bounded && hasCheck(&t, c.Name, regexp.MustCompile(`length\(`+regexp.QuoteMeta(c.Name)+`\) = \d+`))
				res.expect(fixed || hasCheck(&t, c.Name, phcForm), Finding{Object: t.Name + "." + c.Name,
					Problem: "no check holds it to the form of a hash or of a wrapped key, so a secret in clear could stand here"})
			}
		}
	}
	if t, c := res.requireColumn(s, "credentials", "hash"); c != nil {
		res.expect(hasCheck(t, "hash", phcForm), Finding{Object: "credentials.hash", Problem: "its check does not ask for a password hash in PHC form"})
	}
	checkSecretTextGeneral(s, res)
}

var (
	phcForm    = newPattern(`argon2id`)
	secretName = newPattern(`(?i)(^|_)(pass_?word|passwd|passphrase|pass|pwd|secret|token|api_?key|access_?key|private_?key|otp|pin(_?code)?|cvv|cvc|ssn|card_?(number|no)|iban|credit_?card|recovery_?codes?|security_?answer)s?$`)
	typeWidth  = newPattern(`\((\d+)\)`)
	hashedName = newPattern(`(?i)(hash|digest|encrypted|sealed|cipher|wrapped)`)
)

const minHashLength = 32 // characters: MD5 in hexadecimal, which is bad enough

// checkSecretTextGeneral finds text columns that are named like a secret and could hold one. A name that ends in _hash says that it is
// none; a check, whatever it says, is somebody's thought about the form.
func checkSecretTextGeneral(s *Subject, res *resultBuilder) {
	for _, t := range s.Live.Base() {
		for _, c := range t.Columns {
			if !secretName.MatchString(c.Name) || hashedName.MatchString(c.Name) || !textType.MatchString(c.Type) {
				continue
			}
			f := Finding{Object: t.Name + "." + c.Name, Evidence: []string{c.Name + " " + c.Type},
				Problem: "it is named like a secret and takes any text: keep a hash, or seal it, and let a check know the form"}
			if m := typeWidth.FindStringSubmatch(c.Type); m != nil {
				if width, err := strconv.Atoi(m[1]); err == nil && width < minHashLength {
					f.Problem = "it is named like a secret and too narrow for any hash of one, so it holds it in clear"
				}
			}
			res.expect(hasCheck(&t, c.Name, regexp.MustCompile(`(?i)length|~|like|glob|regexp|similar`)), f)
		}
	}
}

func checkSalts(s *Subject, res *resultBuilder) {
	_, c := res.requireColumn(s, "credentials", "salt")
	if c == nil {
		return
	}
	res.expect(strings.Contains(c.Generated, "hash"), Finding{Object: "credentials.salt", Problem: "the database does not compute it out of the hash, so the two may disagree"})
	res.requireNotNull(s, "credentials", "salt")
	res.requireUnique(s, "credentials", "salt")
}

func checkLastReset(s *Subject, res *resultBuilder) {
	res.requireNotNull(s, "credentials", "last_reset")
	if t, c := res.requireColumn(s, "credentials", "last_reset"); c != nil {
		res.expect(hasCheck(t, "last_reset", regexp.MustCompile(`last_reset >= created_at`)), Finding{Object: "credentials.last_reset", Problem: "it may lie before the row was made",
			Fix: s.alterTable(t, "ADD CHECK (last_reset >= created_at)")})
	}
}
