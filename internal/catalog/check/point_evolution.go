package check

import (
	"regexp"
	"slices"
	"strings"
)

var evolutionPoints = []Check{
	{ID: "G29", Kind: Point, unit: "tables", Title: "rows that change have a version that is never skipped",
		Guide: "Consider adding a version column to major tables.",
		Why: "Without one, whoever writes last wins, and nobody knows that somebody else wrote before. Judged by version (NOT NULL, above zero, kept in step by a trigger) " +
			"and by schema_version of what holds documents.",
		run: pointCheck(checkRowVersions)},
	{ID: "G30", Kind: Point, unit: "rules", Title: "the schema is made by migrations that are noted, and every rule holds for old rows, too",
		Guide: "Use migration scripts that create new tables and copy data, then switch references.",
		Why: "A schema that was changed by hand is nobody's. Judged by the table of migrations (number, phase, checksum, when), and by constraints and indexes that were begun and " +
			"not finished: NOT VALID must be followed by VALIDATE.",
		run: pointCheck(checkMigrationsRecorded), runGeneral: pointCheck(checkConstraintsValidated)},
	{ID: "G31", Kind: Point, unit: "rules", Title: "what is read and what is written at each request stand apart",
		Guide: "User authentication data (Credentials) is read-heavy. Profile data is read-heavy. Audit logs are write-heavy.",
		Why: "A counter in the row that everything reads makes every reader wait for a writer and every replica lag. Judged by what users and credentials must not have: a column " +
			"that moves at each sign-in. What happens under load is for a load test to show.",
		run: pointCheck(checkReadWriteSeparation)},
	{ID: "G33", Kind: Point, unit: "tables and columns", Title: "every table and column says what it means",
		Guide: "The resulting ERD serves as a contract between the data and the application.",
		Why:   "A contract that only its author can read binds nobody. Judged by the comments; that the live schema is the one of the migrations, fact by fact, is proved by the fingerprint: F01.",
		run:   pointCheck(checkComments), runGeneral: pointCheck(checkComments)},
}

// versionedTables are the tables whose rows people and administrators change.
var versionedTables = []string{"users", "profiles", "contacts", "credentials", "roles", "permissions", "countries", "attribute_definitions", "settings"}

func checkRowVersions(s *Subject, res *resultBuilder) {
	for _, name := range versionedTables {
		t, c := res.requireColumn(s, name, "version")
		if c == nil {
			continue
		}
		problem := ""
		switch {
		case !c.NotNull:
			problem = "a row may have none"
		case !hasCheck(t, "version", regexp.MustCompile(`\bversion > 0`)):
			problem = "no check keeps it above zero"
		case !s.hasTrigger(t, beforeUpdate, regexp.MustCompile(`NEW\.version <> OLD\.version \+ 1`)):
			problem = "no trigger that is switched on keeps it from being skipped or repeated"
		}
		res.expect(problem == "", Finding{Object: name + ".version", Problem: problem, Fix: s.enableTriggers(t)})
	}
	res.requireNotNull(s, "users", "schema_version")
	res.requireNotNull(s, "profiles", "schema_version")
	res.requireNotNull(s, "audit_logs", "schema_version")
}

func checkMigrationsRecorded(s *Subject, res *resultBuilder) {
	res.requireNotNull(s, "schema_migrations", "number", "phase", "name", "checksum", "applied_at")
	if t := res.requireTable(s, "schema_migrations"); t != nil {
		res.expect(slices.Equal(t.PrimaryKey(), []string{"number", "phase"}), Finding{Object: "schema_migrations", Problem: "a migration may be noted twice",
			Fix: s.alterTable(t, "ADD PRIMARY KEY (number, phase)")})
	}
	checkConstraintsValidated(s, res)
}

func checkConstraintsValidated(s *Subject, res *resultBuilder) {
	for _, t := range s.Live.Base() {
		for _, k := range t.Constraints {
			res.expect(k.Validated, Finding{Object: t.Name + "." + k.Name, Problem: "it holds for new rows only: it was never validated", Evidence: []string{string(k.Kind) + " " + k.Expression},
				Fix: s.alterTable(&t, "VALIDATE CONSTRAINT "+quoteName(k.Name))})
		}
	}
}

var frequentlyWritten = newPattern(`(?i)(^|_)(last_(seen|login|sign_?in|active|used)|login_count|sign_?in_count|failed_(attempts|logins)|failures|visits)`)

func checkReadWriteSeparation(s *Subject, res *resultBuilder) {
	for _, name := range []string{"users", "profiles", "credentials"} {
		t := res.requireTable(s, name)
		if t == nil {
			continue
		}
		for _, c := range t.Columns {
			res.expect(!frequentlyWritten.MatchString(c.Name), Finding{Object: name + "." + c.Name, Problem: "it moves at each sign-in or request, in a row that everything reads"})
		}
	}
	for _, name := range []string{"sessions", "audit_logs", "sign_in_throttles"} {
		if t := res.requireTable(s, name); t != nil {
			res.expect(true, Finding{})
		}
	}
	res.NotChecked = "how it behaves under load is for a load test to show"
}

func checkComments(s *Subject, res *resultBuilder) {
	for _, t := range s.Live.Base() {
		var uncommented []string
		for _, c := range t.Columns {
			if strings.TrimSpace(c.Meaning()) == "" {
				uncommented = append(uncommented, c.Name)
			}
		}
		res.Total += 1 + len(t.Columns)
		res.Passed += 1 + len(t.Columns) - len(uncommented)
		if t.Comment == "" {
			res.Passed--
			res.Findings = append(res.Findings, Finding{Object: t.Name, Problem: "no comment says what the table is for", Warning: s.Foreign})
		}
		if uncommented != nil {
			res.Findings = append(res.Findings, Finding{Object: t.Name, Problem: "no comment says what these columns mean", Evidence: []string{strings.Join(uncommented, ", ")}, Warning: s.Foreign})
		}
	}
	if !s.Foreign && s.Shadow == nil && s.NoShadowReason != "" {
		res.NotChecked = "that it is the schema of the migrations was not proved here: " + s.NoShadowReason
	}
}
