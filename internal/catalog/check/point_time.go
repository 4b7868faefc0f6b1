package check

import (
	"regexp"
	"strings"

	"cardinal/internal/catalog"
)

var timePoints = []Check{
	{ID: "G04", Kind: Point, of: "rules", Title: "rows that change say when they were made and last changed",
		Guide: "Timestamps for creation and last update.",
		Why: "Who asks what happened needs to know when. Judged for every table whose rows have a version: both are NOT NULL, updated_at is not before created_at, and " +
			"a trigger keeps created_at as it is.",
		run: judged(rowsHaveTimes)},
	{ID: "G27", Kind: Point, of: "columns", Title: "times are stored in UTC",
		Guide: "Store all timestamps in UTC. Convert to local time only at the presentation layer.",
		Why: "A time without its zone is wrong for everyone elsewhere, and one hour a year is there twice. Judged by type: PostgreSQL's timestamptz is UTC by " +
			"itself; SQLite has no type for times, so a check must hold a column to one form, here microseconds since 1970.",
		run: judged(timesAreUTC), general: judged(timesHaveZones)},
}

var (
	timeType  = lazily(`(?i)^(timestamp|datetime|date$|time)`)
	timeName  = lazily(`(?i)(_at|_until|_time|_date|_timestamp)$|^(last_reset|minute|timestamp|created|updated|modified)$`)
	localTime = lazily(`(?i)^(timestamp(\(\d\))?( without time zone)?|datetime2?|time(\(\d\))?( without time zone)?)$`)
)

func namesTime(name string) bool { return timeName.MatchString(name) }

func rowsHaveTimes(s *Subject, j *judgement) {
	for _, name := range versioned {
		t := j.table(s, name)
		if t == nil {
			continue
		}
		j.notNull(s, name, "created_at", "updated_at")
		j.expect(checked(t, "updated_at", regexp.MustCompile(`updated_at >= created_at`)), Finding{Object: name + ".updated_at",
			Problem: "it may lie before created_at", Fix: s.alter(t, "ADD CHECK (updated_at >= created_at)")})
		j.expect(s.guarded(t, beforeUpdate, regexp.MustCompile(`NEW\.created_at <> OLD\.created_at`)), Finding{Object: name + ".created_at",
			Problem: "no trigger that is switched on keeps it from changing", Fix: s.enable(t)})
	}
}

var sqliteTime = lazily(`(?i)BETWEEN 0 AND 253402300799999999`)

func timesAreUTC(s *Subject, j *judgement) {
	for _, t := range s.Live.Base() {
		for _, c := range t.Columns {
			switch {
			case !namesTime(c.Name) && !timeType.MatchString(c.Type):
			case s.Live.Engine == "postgres":
				j.zoned(s, &t, c)
			case c.Generated == "" && t.Name != "schema_migrations": // which is written before there is a rule, and by nobody else
				j.expect(c.Type == "INTEGER" && checked(&t, c.Name, sqliteTime), Finding{Object: t.Name + "." + c.Name,
					Problem: "no check holds it to microseconds since 1970, which are UTC", Evidence: []string{c.Name + " " + c.Type}})
			}
		}
	}
	j.databaseZone(s)
}

func (j *judgement) zoned(s *Subject, t *catalog.Table, c catalog.Column) {
	j.expect(strings.Contains(c.Type, "with time zone") || c.Type == "date", Finding{Object: t.Name + "." + c.Name, Problem: "it holds a time without its zone",
		Evidence: []string{c.Name + " " + c.Type},
		Fix:      s.alter(t, "ALTER COLUMN "+quote(c.Name)+" TYPE timestamptz USING "+quote(c.Name)+"::timestamp AT TIME ZONE 'UTC'")})
}

func (j *judgement) databaseZone(s *Subject) {
	if s.Live.Engine != "postgres" {
		return
	}
	zone := s.Live.Settings["timezone"]
	j.expect(zone == "UTC" || zone == "Etc/UTC" || zone == "GMT", Finding{Object: "the database", Warning: true, Evidence: []string{"TimeZone " + zone},
		Problem: "its time zone is not UTC, so that people who look into it read local times and functions of days and months follow them",
		Fix:     "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone = ''UTC''', current_database()); END $$;"})
}

// timesHaveZones judges a foreign database. SQLite's own functions speak of UTC, so a text that only they fill is one form.
func timesHaveZones(s *Subject, j *judgement) {
	for _, t := range s.Live.Base() {
		for _, c := range t.Columns {
			object := t.Name + "." + c.Name
			switch {
			case s.Live.Engine == "postgres" && localTime.MatchString(c.Type):
				j.zoned(s, &t, c)
			case s.Live.Engine == "postgres" && timeType.MatchString(c.Type):
				j.expect(true, Finding{})
			case s.Live.Engine == "postgres" && namesTime(c.Name) && textType.MatchString(c.Type):
				j.expect(false, Finding{Object: object, Problem: "a time is kept as text, in any form and zone", Evidence: []string{c.Name + " " + c.Type},
					Fix: s.alter(&t, "ALTER COLUMN "+quote(c.Name)+" TYPE timestamptz USING "+quote(c.Name)+"::timestamptz")})
			case s.Live.Engine == "sqlite" && (timeType.MatchString(c.Type) || namesTime(c.Name) && (textType.MatchString(c.Type) || c.Type == "")):
				j.expect(c.Generated != "" || checked(&t, c.Name, regexp.MustCompile(`.`)), Finding{Object: object, Warning: true,
					Problem: "no check holds the time to one form and to UTC, and SQLite has no type that would", Evidence: []string{c.Name + " " + c.Type}})
			}
		}
	}
}
