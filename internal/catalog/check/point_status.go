package check

import (
	"regexp"
	"slices"
	"strings"

	"cardinal/internal/catalog"
)

var statusPoints = []Check{
	{ID: "G02", Kind: Point, unit: "columns", Title: "values from a fixed list have a lookup table or a CHECK",
		Guide: "Do not hardcode role names or status values in the application code. Define them as enumerations or " +
			"lookup tables in the database.",
		Why: "A status that accepts any text will have two spellings of one value. Checked for every column named " +
			"like a status, kind or type; for Cardinal's users also that a trigger looks up each transition in the " +
			"table of allowed ones.",
		run: pointCheck(checkStatusLookups), runGeneral: pointCheck(checkChoicesGeneral)},
	{ID: "G03", Kind: Point, unit: "rules", Title: "a user has exactly one status, and status codes are unique",
		Guide: "Primary Key, Unique Status.",
		Why: "The guide's table requires a unique status. A unique users.status would allow only one user per " +
			"status, so the requirement is read as one status per user and unique codes.",
		run: pointCheck(checkOneStatus)},
	{ID: "G19", Kind: Point, unit: "rules", Title: "users are soft-deleted, and erasure is final",
		Guide: "Your schema should support soft deletes or data anonymization. Instead of removing a row, mark it " +
			"as deleted and replace PII fields with a generic placeholder.",
		Why: "Removing a row makes entries of the audit log meaningless; a row that remains must not contain data " +
			"after its erasure. Checked by the columns, the CHECKs on their order, the triggers that " +
			"refuse to remove users and profiles and to restore erased users, and the placeholder in the CHECK of " +
			"each encrypted column. Remaining data of erased users is looked for in the rows: D04.",
		run: pointCheck(checkSoftDelete), runGeneral: pointCheck(checkSoftDeleteGeneral)},
}

var choiceName = newPattern(`(?i)(^|_)(status|state|kind|type|category|method|phase|level|severity|gender)$`)

func checkChoicesGeneral(s *Subject, res *resultBuilder) {
	for _, t := range s.Live.BaseTables() {
		for _, c := range t.Columns {
			if !choiceName.MatchString(c.Name) || !textType.MatchString(c.Type) {
				continue
			}
			constrained := isForeign(&t, c.Name) || hasCheck(&t, c.Name, regexp.MustCompile(`.`)) ||
				slices.Contains(t.PrimaryKey(), c.Name)
			res.expect(constrained, Finding{Object: t.Name + "." + c.Name, Warning: s.External,
				Problem: "it accepts any text: there is no lookup table, enumeration or CHECK"})
		}
	}
}

func checkStatusLookups(s *Subject, res *resultBuilder) {
	checkChoicesGeneral(s, res)
	for column, lookup := range map[string]string{"users.kind": "user_kinds", "users.status": "user_statuses",
		"contacts.kind": "contact_kinds", "sessions.method": "session_methods"} {
		table, name, _ := strings.Cut(column, ".")
		res.requireForeignKey(s, table, name, lookup, "code")
		res.requireUnique(s, lookup, "code")
	}
	res.requireForeignKey(s, "user_status_transitions", "from_status", "user_statuses", "code")
	res.requireForeignKey(s, "user_status_transitions", "to_status", "user_statuses", "code")
	if t := res.requireTable(s, "users"); t != nil {
		res.expect(s.hasTrigger(t, beforeUpdate, regexp.MustCompile(`user_status_transitions`)),
			Finding{Object: "users.status",
				Problem: "no enabled trigger looks up transitions in user_status_transitions",
				Fix:     s.enableTriggers(t)})
	}
}

var (
	beforeUpdate   = newPattern(`BEFORE [A-Z ]*UPDATE`)
	beforeDelete   = newPattern(`BEFORE [A-Z ]*DELETE`)
	beforeTruncate = newPattern(`BEFORE [A-Z ]*TRUNCATE`)
)

func checkOneStatus(s *Subject, res *resultBuilder) {
	t := res.requireTable(s, "users")
	if t == nil {
		return
	}
	res.requireNotNull(s, "users", "status")
	res.requireNotNull(s, "user_statuses", "code")
	res.requireUnique(s, "user_statuses", "code")
	res.expect(!slices.ContainsFunc(t.UniqueKeys(),
		func(k []string) bool { return slices.Equal(k, []string{"status"}) }),
		Finding{Object: "users.status", Problem: "it is unique, so no two users can be active"})
}

func checkSoftDelete(s *Subject, res *resultBuilder) {
	t := res.requireTable(s, "users")
	if t == nil {
		return
	}
	for _, name := range []string{"deleted_at", "erased_at"} {
		if _, c := res.requireColumn(s, "users", name); c != nil {
			res.expect(!c.NotNull, Finding{Object: "users." + name,
				Problem: "it is NOT NULL, so every user would have to be deleted",
				Fix:     s.alterTable(t, "ALTER COLUMN "+name+" DROP NOT NULL")})
		}
	}
	res.expect(hasCheck(t, "erased_at", regexp.MustCompile(`(?i)deleted_at IS NOT NULL`)),
		Finding{Object: "users.erased_at",
			Problem: "no CHECK requires that only deleted users are erased",
			Fix: s.alterTable(t, "ADD CONSTRAINT users_erased_ck CHECK (erased_at IS NULL OR deleted_at IS NOT "+
				"NULL)")})
	res.expect(s.hasTrigger(t, beforeUpdate, regexp.MustCompile(`OLD\.erased_at IS NOT NULL`)),
		Finding{Object: "users.erased_at",
			Problem: "no enabled trigger prevents changes of an erased user", Fix: s.enableTriggers(t)})
	for _, name := range []string{"users", "profiles"} {
		if t := res.requireTable(s, name); t != nil {
			res.expect(s.hasTrigger(t, beforeDelete, regexp.MustCompile(name+`_no_delete`)), Finding{Object: name,
				Problem: "rows can be removed: no enabled trigger refuses it", Fix: s.enableTriggers(t)})
		}
	}
	for _, t := range s.Live.BaseTables() {
		if t.Name == "audit_logs" || t.Name == "idempotency_keys" {
			continue // their content is never replaced: the log is immutable, and the replies are deleted after a day
		}
		for _, c := range t.Columns {
			if c.IsEncrypted() {
				res.expect(hasCheck(&t, c.Name, regexp.MustCompile(`(?i)= ('\\x00'|x'00')`)),
					Finding{Object: t.Name + "." + c.Name,
						Problem: "its CHECK does not accept the placeholder of erased users"})
			}
		}
	}
}

var deletionName = newPattern(`(?i)^((is_)?(deleted|removed|archived|disabled|active|erased)(_(at|on))?|(deletion|` +
	`removal)_(date|time)|status|state)$`)

func checkSoftDeleteGeneral(s *Subject, res *resultBuilder) {
	for _, t := range s.Live.BaseTables() {
		if personTable.MatchString(t.Name) && !isJunction(&t) {
			res.expect(slices.ContainsFunc(t.Columns,
				func(c catalog.Column) bool { return deletionName.MatchString(c.Name) }),
				Finding{Object: t.Name, Warning: true,
					Problem: "no column marks a row as deleted, so rows must be removed together with everything " +
						"that refers to them"})
		}
	}
}

// isJunction reports whether the primary key of a table consists of several foreign keys.
func isJunction(t *catalog.Table) bool {
	key := t.PrimaryKey()
	return len(key) > 1 && !slices.ContainsFunc(key, func(c string) bool { return !isForeign(t, c) })
}
