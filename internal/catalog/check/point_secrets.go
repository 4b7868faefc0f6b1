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
		Why: "Otherwise one leaked backup is enough to sign in as any user. The CHECK of every secret column " +
			"requires the form of a hash, which a clear text password does not match. The strength of the hashes is " +
			"checked in the rows: D05. In an external database, a text column named like a secret must have a CHECK " +
			"of its form.",
		run: pointCheck(checkSecretForms), runGeneral: pointCheck(checkSecretTextGeneral)},
	{ID: "G09", Kind: Point, unit: "rules", Title: "each salt is unique",
		Guide: "Ensure each user has a unique salt value.",
		Why: "With equal salts, one table of guesses works for many accounts. The database computes the salt from " +
			"the hash, so the two cannot differ, and it is UNIQUE.",
		run: pointCheck(checkSalts)},
	{ID: "G10", Kind: Point, unit: "rules", Title: "the time of the last password change is known",
		Guide: "Track password changes for security policies.",
		Why: "Password policies need the age of a password. Checked by the column: NOT NULL, and not before the " +
			"creation of the row.",
		run: pointCheck(checkLastReset)},
}

func checkSecretForms(s *Subject, res *resultBuilder) {
	for _, t := range s.Live.BaseTables() {
		for _, c := range t.Columns {
			if c.Class() == catalog.ClassSecret && c.Generated == "" {
				_, bounded := maxLength(&t, c.Name)
				fixed := bounded && hasCheck(&t, c.Name,
					regexp.MustCompile(`length\(`+regexp.QuoteMeta(c.Name)+`\) = \d+`))
				res.expect(fixed || hasCheck(&t, c.Name, phcForm), Finding{Object: t.Name + "." + c.Name,
					Problem: "no CHECK requires the form of a hash or of a wrapped key, so it accepts a secret in " +
						"clear text"})
			}
		}
	}
	if t, c := res.requireColumn(s, "credentials", "hash"); c != nil {
		res.expect(hasCheck(t, "hash", phcForm),
			Finding{Object: "credentials.hash", Problem: "its CHECK does not require a password hash in PHC format"})
	}
	checkSecretTextGeneral(s, res)
}

var (
	phcForm    = newPattern(`argon2id`)
	secretName = newPattern(`(?i)(^|_)(pass_?word|passwd|passphrase|pass|pwd|secret|token|api_?key|access_?key|` +
		`private_?key|otp|pin(_?code)?|cvv|cvc|ssn|card_?(number|no)|iban|credit_?card|recovery_?codes?|` +
		`security_?answer)s?$`)
	typeWidth  = newPattern(`\((\d+)\)`)
	hashedName = newPattern(`(?i)(hash|digest|encrypted|sealed|cipher|wrapped)`)
)

const minHashLength = 32 // characters: MD5 in hexadecimal, the shortest hash in use

// checkSecretTextGeneral reports text columns that are named like a secret and could store one. A name that ends in
// _hash says that it is not a secret in clear text. Any CHECK of the form is accepted.
func checkSecretTextGeneral(s *Subject, res *resultBuilder) {
	for _, t := range s.Live.BaseTables() {
		for _, c := range t.Columns {
			if !secretName.MatchString(c.Name) || hashedName.MatchString(c.Name) || !textType.MatchString(c.Type) {
				continue
			}
			f := Finding{Object: t.Name + "." + c.Name, Evidence: []string{c.Name + " " + c.Type},
				Problem: "it is named like a secret and accepts any text: store a hash or ciphertext, and add a " +
					"CHECK of the form"}
			if m := typeWidth.FindStringSubmatch(c.Type); m != nil {
				if width, err := strconv.Atoi(m[1]); err == nil && width < minHashLength {
					f.Problem = "it is named like a secret and too narrow for a hash, so it stores the secret in " +
						"clear text"
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
	res.expect(strings.Contains(c.Generated, "hash"),
		Finding{Object: "credentials.salt", Problem: "the database does not compute it from the hash, so the two " +
			"can differ"})
	res.requireNotNull(s, "credentials", "salt")
	res.requireUnique(s, "credentials", "salt")
}

func checkLastReset(s *Subject, res *resultBuilder) {
	res.requireNotNull(s, "credentials", "last_reset")
	if t, c := res.requireColumn(s, "credentials", "last_reset"); c != nil {
		res.expect(hasCheck(t, "last_reset", regexp.MustCompile(`last_reset >= created_at`)),
			Finding{Object: "credentials.last_reset", Problem: "it can be before the creation of the row",
				Fix: s.alterTable(t, "ADD CHECK (last_reset >= created_at)")})
	}
}
