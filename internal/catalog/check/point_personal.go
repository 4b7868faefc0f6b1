package check

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cardinal/internal/catalog"
)

var personalPoints = []Check{
	{ID: "G11", Kind: Point, unit: "columns and grants",
		Title: "credentials and personal data are separate from identity, with few privileges",
		Guide: "Authentication details should be separated from user identity data.",
		Why: "A table that most queries join must not contain sensitive data. Checked by the data class in each " +
			"column's comment (users has no personal data and no secrets), and by the privileges: none for PUBLIC, " +
			"no UPDATE of whole rows, no DELETE of users or profiles.",
		run: pointCheck(checkIdentitySeparation), runGeneral: pointCheck(checkCredentialsGeneral)},
	{ID: "G18", Kind: Point, unit: "columns", Title: "personal data is in encrypted columns that refuse clear text",
		Guide: "Personally Identifiable Information should be stored in encrypted columns or separate tables with " +
			"strict access controls.",
		Why: "A column for ciphertext that accepts any value can contain clear text by mistake. Checked by the " +
			"CHECK of each encrypted column: the first byte and the minimum length of a ciphertext. Personal " +
			"columns without encryption are listed with their reason. That values can be decrypted is checked in " +
			"the rows: D03.",
		run: pointCheck(checkPersonalDataEncrypted)},
	{ID: "G21", Kind: Point, unit: "rules", Title: "encrypted columns have room for ciphertext, and keys are " +
		"wrapped and registered",
		Guide: "Design fields that store sensitive data to be compatible with database-level encryption features.",
		Why: "Ciphertext is binary and longer than its text. Checked by type and size of the encrypted columns, and " +
			"by the table of keys: each user's key is wrapped by a registered key-encryption key (KEK), which is " +
			"stored elsewhere.",
		run: pointCheck(checkKeyRegister)},
	{ID: "G28", Kind: Point, unit: "columns", Title: "the audit log contains no personal data or secrets in clear text",
		Guide: "Ensure the Audit Log table does not inadvertently capture passwords or credit card numbers. Mask " +
			"PII in log entries.",
		Why: "A log is kept longer than the data it describes, and cannot be corrected. Checked by the data class " +
			"of its columns: personal data is encrypted, secrets are not allowed, and the changes are a bounded " +
			"object.",
		run: pointCheck(checkAuditMasking)},
}

var credentialName = newPattern(`(?i)(^|_)(pass_?word|passwd|pwd)(_?(hash|digest|salt))?$`)

func checkCredentialsGeneral(s *Subject, res *resultBuilder) {
	for _, t := range s.Live.BaseTables() {
		if !personTable.MatchString(t.Name) {
			continue
		}
		i := slices.IndexFunc(t.Columns, func(c catalog.Column) bool { return credentialName.MatchString(c.Name) })
		f := Finding{Object: t.Name, Warning: true,
			Problem: "it stores credentials together with identity: every query that reads names can read them"}
		if i >= 0 {
			f.Evidence = []string{"column " + t.Columns[i].Name}
		}
		res.expect(i < 0, f)
	}
}

func checkIdentitySeparation(s *Subject, res *resultBuilder) {
	for _, name := range []string{"users", "profiles", "credentials"} {
		res.requireTable(s, name)
	}
	for _, t := range s.Live.BaseTables() {
		for _, c := range t.Columns {
			object := t.Name + "." + c.Name
			switch class := c.Class(); {
			case class == "":
				res.expect(false, Finding{Object: object, Problem: "its comment has no data class",
					Evidence: []string{"comment: " + c.Comment}})
			case t.Name == "users" && (class == catalog.ClassPersonal || class == catalog.ClassSecret):
				res.expect(false, Finding{Object: object, Problem: "the identity table has a column of class " + class})
			default:
				res.expect(true, Finding{})
			}
		}
	}
	for i := range s.Live.Tables {
		res.requireNarrowGrants(s, &s.Live.Tables[i])
	}
	for _, f := range s.Live.Functions {
		for _, g := range f.Grants {
			if f.SecurityDefiner && g.Grantee == "PUBLIC" {
				res.expect(false, Finding{Object: "function " + f.Name,
					Problem: "every role can call it, and it runs with the privileges of its owner",
					Fix:     "REVOKE EXECUTE ON FUNCTION " + s.tableName(f.Name) + " FROM PUBLIC;"})
			}
		}
	}
	if s.Live.Engine == "sqlite" {
		res.NotChecked = "SQLite has no privileges: every process that can open the file can read everything"
	}
}

// requireNarrowGrants reports privileges that only the owner needs.
func (res *resultBuilder) requireNarrowGrants(s *Subject, t *catalog.Table) {
	for _, g := range t.Grants {
		protected := slices.Contains([]string{"users", "profiles", "audit_logs"}, t.Name) || t.PartitionOf != ""
		wide := slices.Contains([]string{"UPDATE", "TRUNCATE", "REFERENCES", "TRIGGER"}, g.Privilege) ||
			g.Privilege == "DELETE" && protected
		res.expect(g.Grantee != "PUBLIC" && !wide && !g.Grantable,
			Finding{Object: t.Name, Problem: g.Grantee + " has the privilege " + g.Privilege + " on the whole table",
				Evidence: []string{fmt.Sprintf("grantee %s, privilege %s, with grant option: %t", g.Grantee,
					g.Privilege,
					g.Grantable)}, Fix: s.revoke(t, g, "")})
	}
	for _, c := range t.Columns {
		for _, g := range c.Grants {
			res.expect(g.Grantee != "PUBLIC" && !g.Grantable,
				Finding{Object: t.Name + "." + c.Name, Problem: g.Grantee + " has the privilege " + g.Privilege +
					" on the column",
					Evidence: []string{fmt.Sprintf("grantee %s, privilege %s, with grant option: %t", g.Grantee,
						g.Privilege, g.Grantable)}, Fix: s.revoke(t, g, c.Name)})
		}
	}
}

// unencryptedPersonal are the personal columns without encryption, with the reason.
var unencryptedPersonal = map[string]string{ // #nosec G101 -- names of columns
	"profiles.country_code":      "the database finds the tax rate by it",
	"profiles.locale":            "selects the language of mail and pages",
	"profiles.time_zone":         "for display only",
	"contacts.value_index":       "a keyed blind index",
	"identifiers.value_index":    "a keyed blind index",
	"search_tokens.token":        "keyed hashes of prefixes, disabled by search.mode",
	"sign_in_throttles.key_hash": "a keyed hash",
}

const minCiphertext = 30 // minimum length of an encrypted value: format byte, nonce, tag and one byte

func checkPersonalDataEncrypted(s *Subject, res *resultBuilder) {
	for _, t := range s.Live.BaseTables() {
		for _, c := range t.Columns {
			object := t.Name + "." + c.Name
			if c.IsEncrypted() {
				res.expect(c.Class() == catalog.ClassPersonal,
					Finding{Object: object, Problem: "it is encrypted but its data class is not pii",
						Evidence: []string{"comment: " + c.Comment}})
				first := regexp.MustCompile(`(?i)get_byte\(` + c.Name + `, 0\) = (1|ANY \(ARRAY\[1, 2\]\))|substr\(` +
					c.Name + `, 1, 1\) (= x'01'|IN \(x'01', x'02'\))`)
				least := regexp.MustCompile(fmt.Sprintf(`(?i)length\(%s\) (BETWEEN|>=) %d\b`, c.Name, minCiphertext))
				res.expect(hasCheck(&t, c.Name, first) && hasCheck(&t, c.Name, least), Finding{Object: object,
					Problem: "it accepts clear text: no CHECK requires the first byte and the minimum length of a " +
						"ciphertext"})
			} else if c.Class() == catalog.ClassPersonal {
				res.expect(unencryptedPersonal[object] != "",
					Finding{Object: object, Problem: "it contains personal data without encryption"})
			}
		}
	}
}

func checkKeyRegister(s *Subject, res *resultBuilder) {
	for _, t := range s.Live.BaseTables() {
		for _, c := range t.Columns {
			if c.IsEncrypted() {
				bound, bounded := maxLength(&t, c.Name)
				res.expect((c.Type == "bytea" || c.Type == "BLOB") && bounded && bound > 2*minCiphertext,
					Finding{Object: t.Name + "." + c.Name,
						Problem:  "it is not a bounded binary column with room for ciphertext",
						Evidence: []string{c.Name + " " + c.Type}})
			}
		}
	}
	for _, name := range []string{"user_keys", "service_keys"} {
		res.requireForeignKey(s, name, "kek_id", "key_encryption_keys", "id")
		if t, c := res.requireColumn(s, name, "wrapped_key"); c != nil {
			res.expect(hasCheck(t, c.Name, regexp.MustCompile(`length\(wrapped_key\) = 61`)),
				Finding{Object: name + ".wrapped_key",
					Problem: "no CHECK requires the length of a wrapped key, so it accepts an unwrapped one",
					Fix:     s.alterTable(t, "ADD CHECK (octet_length(wrapped_key) = 61)")})
		}
	}
	res.NotChecked = "disk encryption is not visible to the database"
}

func checkAuditMasking(s *Subject, res *resultBuilder) {
	t := res.requireTable(s, "audit_logs")
	if t == nil {
		return
	}
	for _, c := range t.Columns {
		class := c.Class()
		bad := class == catalog.ClassSecret || class == catalog.ClassPersonal && !c.IsEncrypted() || class == ""
		res.expect(!bad, Finding{Object: "audit_logs." + c.Name, Problem: "the log would store it in clear text",
			Evidence: []string{"comment: " + strings.TrimSpace(c.Comment)}})
	}
	for _, name := range []string{"changes", "changed_rows"} {
		if _, c := res.requireColumn(s, "audit_logs", name); c != nil {
			_, bounded := maxLength(t, name)
			res.expect(bounded, Finding{Object: "audit_logs." + name, Problem: "no CHECK limits its size",
				Fix: s.alterTable(t, "ADD CHECK (octet_length("+name+"::text) <= 65536)")})
		}
	}
	res.NotChecked = "that only allow-listed values are logged is a rule of the service, verified by its own tests"
}
