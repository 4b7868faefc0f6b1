package check

import (
	"regexp"
	"slices"
	"strings"

	"cardinal/internal/catalog"
)

var statusPoints = []Check{
	{ID: "G02", Kind: Point, unit: "columns", Title: "what is one of a few words is a lookup or held by a check",
		Guide: "Do not hardcode role names or status values in the application code. Define them as enumerations or lookup tables in the database.",
		Why: "A status that is any text is sooner or later spelled two ways, and one of them is let in. Judged for every column that is named as a " +
			"status, kind or type; of Cardinal's users also that a trigger looks each move up in the table of allowed ones.",
		run: pointCheck(checkStatusLookups), runGeneral: pointCheck(checkChoicesGeneral)},
	{ID: "G03", Kind: Point, unit: "rules", Title: "a user has exactly one status, and a status one row",
		Guide: "Primary Key, Unique Status.",
		Why: "The guide's table asks for a unique status; a unique users.status would allow as many users as there are statuses, so it is read as one " +
			"status a user and unique codes.",
		run: pointCheck(checkOneStatus)},
	{ID: "G19", Kind: Point, unit: "rules", Title: "users are soft-deleted, and erasure is final",
		Guide: "Your schema should support soft deletes or data anonymization. Instead of removing a row, mark it as deleted and replace PII fields with a generic placeholder.",
		Why: "A row that is gone takes the audit log's meaning with it; a row that stays must not keep what was asked to be forgotten. Judged by the " +
			"columns, the checks that order them, the triggers that refuse to remove users and profiles and to bring back the erased, and the placeholder in each " +
			"sealed column's check. What is left of the erased is counted in the rows: D04.",
		run: pointCheck(checkSoftDelete), runGeneral: pointCheck(checkSoftDeleteGeneral)},
}

var choiceName = newPattern(`(?i)(^|_)(status|state|kind|type|category|method|phase|level|severity|gender)$`)

func checkChoicesGeneral(s *Subject, res *resultBuilder) {
	for _, t := range s.Live.Base() {
		for _, c := range t.Columns {
			if !choiceName.MatchString(c.Name) || !textType.MatchString(c.Type) {
				continue
			}
			constrained := isForeign(&t, c.Name) || hasCheck(&t, c.Name, regexp.MustCompile(`.`)) || slices.Contains(t.PrimaryKey(), c.Name)
			res.expect(constrained, Finding{Object: t.Name + "." + c.Name, Warning: s.Foreign, Problem: "any text may stand here: no lookup table, enumeration or check holds it"})
		}
	}
}

func checkStatusLookups(s *Subject, res *resultBuilder) {
	checkChoicesGeneral(s, res)
	for column, lookup := range map[string]string{"users.kind": "user_kinds", "users.status": "user_statuses", "contacts.kind": "contact_kinds", "sessions.method": "session_methods"} {
		table, name, _ := strings.Cut(column, ".")
		res.requireForeignKey(s, table, name, lookup, "code")
		res.requireUnique(s, lookup, "code")
	}
	res.requireForeignKey(s, "user_status_transitions", "from_status", "user_statuses", "code")
	res.requireForeignKey(s, "user_status_transitions", "to_status", "user_statuses", "code")
	if t := res.requireTable(s, "users"); t != nil {
		res.expect(s.hasTrigger(t, beforeUpdate, regexp.MustCompile(`user_status_transitions`)), Finding{Object: "users.status",
			Problem: "no trigger that is switched on looks a move up in user_status_transitions", Fix: s.enableTriggers(t)})
	}
}

var (
	beforeUpdate   = newPattern(`BEFORE [A-Z ]*UPDATE`)
	beforeDelete   = newPattern(`BEFORE [A-Z ]*DELETE`)
	beforeTruncate = newPattern(`BEFORE [A-Z ]*TRUNCATE`)
)

// enableTriggers switches those of a table's triggers on that somebody switched off; "" when none is.
func (s *Subject) enableTriggers(t *catalog.Table) string {
	var off []string
	for _, trigger := range t.Triggers {
		if !trigger.Enabled {
			off = append(off, "ENABLE TRIGGER "+quoteName(trigger.Name))
		}
	}
	if off == nil {
		return ""
	}
	return s.alterTable(t, strings.Join(off, ", "))
}

func checkOneStatus(s *Subject, res *resultBuilder) {
	t := res.requireTable(s, "users")
	if t == nil {
		return
	}
	res.requireNotNull(s, "users", "status")
	res.requireNotNull(s, "user_statuses", "code")
	res.requireUnique(s, "user_statuses", "code")
	res.expect(!slices.ContainsFunc(t.UniqueKeys(), func(k []string) bool { return slices.Equal(k, []string{"status"}) }),
		Finding{Object: "users.status", Problem: "it is unique, so no two users can be active"})
}

func checkSoftDelete(s *Subject, res *resultBuilder) {
	t := res.requireTable(s, "users")
	if t == nil {
		return
	}
	for _, name := range []string{"deleted_at", "erased_at"} {
		if _, c := res.requireColumn(s, "users", name); c != nil {
			res.expect(!c.NotNull, Finding{Object: "users." + name, Problem: "every user would have to be gone", Fix: s.alterTable(t, "ALTER COLUMN "+name+" DROP NOT NULL")})
		}
	}
	res.expect(hasCheck(t, "erased_at", regexp.MustCompile(`(?i)deleted_at IS NOT NULL`)), Finding{Object: "users.erased_at",
		Problem: "no check says that only the deleted are erased", Fix: s.alterTable(t, "ADD CONSTRAINT users_erased_ck CHECK (erased_at IS NULL OR deleted_at IS NOT NULL)")})
	res.expect(s.hasTrigger(t, beforeUpdate, regexp.MustCompile(`OLD\.erased_at IS NOT NULL`)), Finding{Object: "users.erased_at",
		Problem: "no trigger that is switched on keeps an erased user as it is", Fix: s.enableTriggers(t)})
	for _, name := range []string{"users", "profiles"} {
		if t := res.requireTable(s, name); t != nil {
			res.expect(s.hasTrigger(t, beforeDelete, regexp.MustCompile(name+`_no_delete`)), Finding{Object: name,
				Problem: "rows can be removed: no trigger that is switched on refuses it", Fix: s.enableTriggers(t)})
		}
	}
	for _, t := range s.Live.Base() {
		if t.Name == "audit_logs" || t.Name == "idempotency_keys" {
			continue // what they hold is never replaced: the one is immutable, the other forgotten in a day
		}
		for _, c := range t.Columns {
			if c.IsSealed() {
				res.expect(hasCheck(&t, c.Name, regexp.MustCompile(`(?i)= ('\\x00'|x'00')`)), Finding{Object: t.Name + "." + c.Name,
					Problem: "its check does not let the placeholder of the erased in"})
			}
		}
	}
}

var deletionName = newPattern(`(?i)^((is_)?(deleted|removed|archived|disabled|active|erased)(_(at|on))?|(deletion|removal)_(date|time)|status|state)$`)

func checkSoftDeleteGeneral(s *Subject, res *resultBuilder) {
	for _, t := range s.Live.Base() {
		if personTable.MatchString(t.Name) && !isJunction(&t) {
			res.expect(slices.ContainsFunc(t.Columns, func(c catalog.Column) bool { return deletionName.MatchString(c.Name) }), Finding{Object: t.Name, Warning: true,
				Problem: "nothing marks a row as deleted, so it can only be removed, and with it what others refer to"})
		}
	}
}

// isJunction reports whether a table's primary key is made of foreign keys to several tables.
func isJunction(t *catalog.Table) bool {
	key := t.PrimaryKey()
	return len(key) > 1 && !slices.ContainsFunc(key, func(c string) bool { return !isForeign(t, c) })
}
