package check

import (
	"regexp"
	"strings"

	"cardinal/internal/catalog"
)

var timePoints = []Check{
	{ID: "G04", Kind: Point, unit: "rules", Title: "rows that change record the times of creation and last update",
		Guide: "Timestamps for creation and last update.",
		Why: "The time of a change is needed to investigate it. Checked for every table with versioned rows: both " +
			"columns are NOT NULL, updated_at is not before created_at, and a trigger prevents changes of " +
			"created_at.",
		run: pointCheck(checkRowTimes)},
	{ID: "G27", Kind: Point, unit: "columns", Title: "times are stored in UTC",
		Guide: "Store all timestamps in UTC. Convert to local time only at the presentation layer.",
		Why: "A time without a time zone is ambiguous in other zones, and one hour per year occurs twice. Checked " +
			"by type: PostgreSQL stores timestamptz as UTC; SQLite has no type for times, so a CHECK must restrict " +
			"a column to one form, in Cardinal microseconds since 1970.",
		run: pointCheck(checkTimesUTC), runGeneral: pointCheck(checkTimeZonesGeneral)},
}

var (
	timeType = newPattern(`(?i)^(timestamp|datetime|date$|time)`)
	timeName = newPattern(`(?i)(_at|_until|_time|_date|_timestamp)$|^(last_reset|minute|timestamp|created|updated|` +
		`modified)$`)
	localTime = newPattern(`(?i)^(timestamp(\(\d\))?( without time zone)?|datetime2?|time(\(\d\))?( without time ` +
		`zone)?)$`)
)

func isTimeName(name string) bool { return timeName.MatchString(name) }

func checkRowTimes(s *Subject, res *resultBuilder) {
	for _, name := range versionedTables {
		t := res.requireTable(s, name)
		if t == nil {
			continue
		}
		res.requireNotNull(s, name, "created_at", "updated_at")
		res.expect(hasCheck(t, "updated_at", regexp.MustCompile(`updated_at >= created_at`)),
			Finding{Object: name + ".updated_at",
				Problem: "it can be before created_at", Fix: s.alterTable(t, "ADD CHECK (updated_at >= created_at)")})
		res.expect(s.hasTrigger(t, beforeUpdate, regexp.MustCompile(`NEW\.created_at <> OLD\.created_at`)),
			Finding{Object: name + ".created_at",
				Problem: "no enabled trigger prevents changes", Fix: s.enableTriggers(t)})
	}
}

var sqliteMicroseconds = newPattern(`(?i)BETWEEN 0 AND 253402300799999999`)

func checkTimesUTC(s *Subject, res *resultBuilder) {
	for _, t := range s.Live.BaseTables() {
		for _, c := range t.Columns {
			switch {
			case !isTimeName(c.Name) && !timeType.MatchString(c.Type):
			case s.Live.Engine == "postgres":
				res.requireTimeZone(s, &t, c)
			// written by migrations only, and before there are constraints
			case c.Generated == "" && t.Name != "schema_migrations":
				res.expect(c.Type == "INTEGER" && hasCheck(&t, c.Name, sqliteMicroseconds),
					Finding{Object: t.Name + "." + c.Name,
						Problem:  "no CHECK restricts it to microseconds since 1970 (UTC)",
						Evidence: []string{c.Name + " " + c.Type}})
			}
		}
	}
	res.requireUTCDatabase(s)
}

func (res *resultBuilder) requireTimeZone(s *Subject, t *catalog.Table, c catalog.Column) {
	res.expect(strings.Contains(c.Type, "with time zone") || c.Type == "date",
		Finding{Object: t.Name + "." + c.Name, Problem: "it stores a time without a time zone",
			Evidence: []string{c.Name + " " + c.Type},
			Fix: s.alterTable(t, "ALTER COLUMN "+quoteName(c.Name)+" TYPE timestamptz USING "+quoteName(c.Name)+
				"::timestamp AT TIME ZONE 'UTC'")})
}

func (res *resultBuilder) requireUTCDatabase(s *Subject) {
	if s.Live.Engine != "postgres" {
		return
	}
	zone := s.Live.Settings["timezone"]
	res.expect(zone == "UTC" || zone == "Etc/UTC" || zone == "GMT",
		Finding{Object: "the database", Warning: true, Evidence: []string{"TimeZone " + zone},
			Problem: "its time zone is not UTC, so queries show local times and date functions use local days and " +
				"months",
			Fix: "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone = ''UTC''', current_database()); " +
				"END $$;"})
}

// checkTimeZonesGeneral checks an external database. SQLite's own functions return UTC, so any CHECK of the text form
// is accepted.
func checkTimeZonesGeneral(s *Subject, res *resultBuilder) {
	for _, t := range s.Live.BaseTables() {
		for _, c := range t.Columns {
			object := t.Name + "." + c.Name
			switch {
			case s.Live.Engine == "postgres" && localTime.MatchString(c.Type):
				res.requireTimeZone(s, &t, c)
			case s.Live.Engine == "postgres" && timeType.MatchString(c.Type):
				res.expect(true, Finding{})
			case s.Live.Engine == "postgres" && isTimeName(c.Name) && textType.MatchString(c.Type):
				res.expect(false, Finding{Object: object,
					Problem:  "it stores a time as text, in any form and time zone",
					Evidence: []string{c.Name + " " + c.Type},
					Fix: s.alterTable(&t, "ALTER COLUMN "+quoteName(c.Name)+" TYPE timestamptz USING "+
						quoteName(c.Name)+"::timestamptz")})
			case s.Live.Engine == "sqlite" &&
				(timeType.MatchString(c.Type) || isTimeName(c.Name) && (textType.MatchString(c.Type) || c.Type == "")):
				res.expect(c.Generated != "" || hasCheck(&t, c.Name, regexp.MustCompile(`.`)),
					Finding{Object: object, Warning: true,
						Problem:  "no CHECK restricts it to one form and to UTC, and SQLite has no type for times",
						Evidence: []string{c.Name + " " + c.Type}})
			}
		}
	}
}
