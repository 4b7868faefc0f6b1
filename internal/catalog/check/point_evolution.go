package check

import (
	"regexp"
	"slices"
	"strings"
)

var evolutionPoints = []Check{
	{ID: "G29", Kind: Point, unit: "tables", Title: "rows that change have a version that increases by one",
		Guide: "Consider adding a version column to major tables.",
		Why: "Without a version, the last writer overwrites a concurrent change without notice. Checked by version " +
			"(NOT NULL, above zero, incremented by one with every change as a trigger enforces) and by " +
			"schema_version of the tables that store documents.",
		run: pointCheck(checkRowVersions)},
	{ID: "G30", Kind: Point, unit: "rules", Title: "migrations are recorded, and every constraint is validated for " +
		"old rows",
		Guide: "Use migration scripts that create new tables and copy data, then switch references.",
		Why: "The origin of manual changes to a schema is unknown. Checked by the table of migrations (number, " +
			"phase, checksum, time), and by constraints and indexes that were started and not finished: NOT VALID " +
			"must be followed by VALIDATE.",
		run: pointCheck(checkMigrationsRecorded), runGeneral: pointCheck(checkConstraintsValidated)},
	{ID: "G31", Kind: Point, unit: "rules", Title: "data that is read and data that is written at each request are " +
		"in separate tables",
		Guide: "User authentication data (Credentials) is read-heavy. Profile data is read-heavy. Audit logs are " +
			"write-heavy.",
		Why: "A counter in a row that every request reads makes readers wait for writers and replicas lag. Checked " +
			"by what users and credentials must not have: a column that changes at each sign-in. The behavior under " +
			"load needs a load test.",
		run: pointCheck(checkReadWriteSeparation)},
	{ID: "G33", Kind: Point, unit: "tables and columns", Title: "every table and column has a comment",
		Guide: "The resulting ERD serves as a contract between the data and the application.",
		Why: "A contract must be readable for more people than its author. Checked by the comments. That the live " +
			"schema matches the migrations, fact by fact, is checked by the fingerprint: F01.",
		run: pointCheck(checkComments), runGeneral: pointCheck(checkComments)},
}

// versionedTables are the tables with rows that users and administrators change.
var versionedTables = []string{"users", "profiles", "contacts", "credentials", "roles", "permissions", "countries",
	"attribute_definitions", "settings"}

func checkRowVersions(s *Subject, res *resultBuilder) {
	for _, name := range versionedTables {
		t, c := res.requireColumn(s, name, "version")
		if c == nil {
			continue
		}
		problem := ""
		switch {
		case !c.NotNull:
			problem = "it accepts NULL"
		case !hasCheck(t, "version", regexp.MustCompile(`\bversion > 0`)):
			problem = "no CHECK requires it to be above zero"
		case !s.hasTrigger(t, beforeUpdate, regexp.MustCompile(`NEW\.version <> OLD\.version \+ 1`)):
			problem = "no enabled trigger requires it to increase by one"
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
		res.expect(slices.Equal(t.PrimaryKey(), []string{"number", "phase"}),
			Finding{Object: "schema_migrations", Problem: "a migration can be recorded twice",
				Fix: s.alterTable(t, "ADD PRIMARY KEY (number, phase)")})
	}
	checkConstraintsValidated(s, res)
}

func checkConstraintsValidated(s *Subject, res *resultBuilder) {
	for _, t := range s.Live.BaseTables() {
		for _, k := range t.Constraints {
			res.expect(k.Validated, Finding{Object: t.Name + "." + k.Name,
				Problem:  "it applies to new rows only: it was never validated",
				Evidence: []string{string(k.Kind) + " " + k.Expression},
				Fix:      s.alterTable(&t, "VALIDATE CONSTRAINT "+quoteName(k.Name))})
		}
	}
}

var frequentlyWritten = newPattern(`(?i)(^|_)(last_(seen|login|sign_?in|active|used)|login_count|sign_?in_count|` +
	`failed_(attempts|logins)|failures|visits)`)

func checkReadWriteSeparation(s *Subject, res *resultBuilder) {
	for _, name := range []string{"users", "profiles", "credentials"} {
		t := res.requireTable(s, name)
		if t == nil {
			continue
		}
		for _, c := range t.Columns {
			res.expect(!frequentlyWritten.MatchString(c.Name),
				Finding{Object: name + "." + c.Name,
					Problem: "it changes at each sign-in or request, in a row that every request reads"})
		}
	}
	for _, name := range []string{"sessions", "audit_logs", "sign_in_throttles"} {
		if t := res.requireTable(s, name); t != nil {
			res.expect(true, Finding{})
		}
	}
	res.NotChecked = "the behavior under load needs a load test"
}

func checkComments(s *Subject, res *resultBuilder) {
	for _, t := range s.Live.BaseTables() {
		var uncommented []string
		for _, c := range t.Columns {
			if strings.TrimSpace(c.Description()) == "" {
				uncommented = append(uncommented, c.Name)
			}
		}
		res.Total += 1 + len(t.Columns)
		res.Passed += 1 + len(t.Columns) - len(uncommented)
		if t.Comment == "" {
			res.Passed--
			res.Findings = append(res.Findings,
				Finding{Object: t.Name, Problem: "the table has no comment", Warning: s.External})
		}
		if uncommented != nil {
			res.Findings = append(res.Findings,
				Finding{Object: t.Name, Problem: "columns have no comment",
					Evidence: []string{strings.Join(uncommented, ", ")}, Warning: s.External})
		}
	}
	if !s.External && s.Shadow == nil && s.NoShadowReason != "" {
		res.NotChecked = "whether the schema matches the migrations: " + s.NoShadowReason
	}
}
