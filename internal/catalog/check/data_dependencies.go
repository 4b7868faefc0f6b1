package check

import (
	"context"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"strings"

	"cardinal/internal/catalog"
)

var dependencyScans = []Check{
	{ID: "D01", Kind: Data, unit: "tables", Title: "in the rows, nothing depends on a part of a key (2NF)",
		Guide: "Ensure non-key attributes are fully dependent on the primary key.",
		Why:   "A column that always has one value for each value of a part of the key says something about that part, and says it again and again. " + dependencyMethod,
		run:   func(ctx context.Context, s *Subject) (Outcome, error) { return checkDependencies(ctx, s, true) }},
	{ID: "D02", Kind: Data, unit: "tables", Title: "in the rows, nothing depends on what is no key (3NF)",
		Guide: "Ensure no transitive dependencies exist.",
		Why:   "A column that always has one value for each value of another belongs with that other, in a table of its own. " + dependencyMethod,
		run:   func(ctx context.Context, s *Subject) (Outcome, error) { return checkDependencies(ctx, s, false) }},
}

const dependencyMethod = "The first 5,000 rows of each table in key order are read and compared as digests. A dependency is suspected only where its values repeat often enough " +
	"that chance is out of question; a habit can look like one, so it is a warning. Sealed and computed columns are left out, and times, which rows that were made together share; exemptions are listed with their reason."

const (
	sampleRows    = 5000
	minSampleRows = 50
	maxChance     = 1e-9 // a dependency that chance makes more often than this is none
)

// exemptDependencies are dependencies that are meant, and why: "table: a → b".
var exemptDependencies = map[string]string{
	"profiles: locale → time_zone":            "each is a person's own choice; people of one place choose alike",
	"profiles: locale → country_code":         "each is a person's own choice; people of one place choose alike",
	"profiles: time_zone → locale":            "each is a person's own choice; people of one place choose alike",
	"profiles: time_zone → country_code":      "each is a person's own choice; people of one place choose alike",
	"profiles: country_code → locale":         "each is a person's own choice; people of one place choose alike",
	"profiles: country_code → time_zone":      "each is a person's own choice; people of one place choose alike",
	"users: status → status_before_deletion":  "what a restore returns to is a fact of its own",
	"users: status_before_deletion → status":  "what a restore returns to is a fact of its own",
	"sessions: user_id → method":              "a habit: the same person signs in the same way",
	"sessions: user_id → assurance_level":     "a habit: the same person signs in the same way",
	"sessions: user_id → idle_seconds":        "the setting at the time, kept with the session",
	"sessions: method → assurance_level":      "what was reached; a second step raises it",
	"sessions: assurance_level → method":      "what was reached; a second step raises it",
	"user_roles: role_id → granted_by":        "a habit: one administrator grants one role",
	"user_roles: user_id → granted_by":        "a habit: one administrator looks after one person",
	"contacts: user_id → kind":                "a habit: a person has contacts of one kind",
	"audit_logs: subject_id → actor_id":       "a habit: people mostly change themselves",
	"audit_logs: actor_id → subject_id":       "a habit: people mostly change themselves",
	"audit_logs: session_id → actor_id":       "an entry says who acted without the session, which is removed when it ended",
	"audit_logs: api_key_id → actor_id":       "an entry says who acted without the key, which may be removed",
	"audit_logs: request_id → actor_id":       "an entry stands alone: nothing else is kept of a request",
	"audit_logs: request_id → action":         "an entry stands alone: nothing else is kept of a request",
	"audit_logs: action → is_refused":         "a habit: some actions are never refused",
	"api_key_roles: api_key_id → user_id":     "both are the key: a key's roles stand with its service",
	"idempotency_keys: caller_id → route":     "a habit: a program calls one route",
	"refused_attempts: subject_id → attempts": "a count",
}

// rowFormatColumn says how a row is to be read: rows that came the same way, as by an import, are of one shape.
const rowFormatColumn = "schema_version"

func checkDependencies(ctx context.Context, s *Subject, onPartOfKey bool) (Outcome, error) {
	var res resultBuilder
	seed := maphash.MakeSeed()
	for _, t := range s.Live.Base() {
		key := t.PrimaryKey()
		if key == nil || onPartOfKey && len(key) < 2 {
			continue
		}
		names := comparableColumns(&t)
		rows, err := s.sampleDigests(ctx, &t, names, seed)
		if err != nil {
			return Outcome{}, fmt.Errorf("read %s: %w", t.Name, err)
		}
		var found []Finding
		for a, from := range names {
			isPart := slices.Contains(key, from)
			if isPart != onPartOfKey || isUniqueColumn(&t, from) || isTimeOrCounter(&t, from) {
				continue
			}
			for b, to := range names {
				if a == b || slices.Contains(key, to) || isTimeName(to) || to == rowFormatColumn || exemptDependencies[t.Name+": "+from+" → "+to] != "" {
					continue
				}
				if d, suspect := dependsOn(rows, a, b); suspect {
					found = append(found, Finding{Object: t.Name + "." + to, Warning: true, Problem: "it seems to depend on " + from + " alone",
						Evidence: []string{fmt.Sprintf("%s → %s: %d values that repeat, in %d of %d rows, each with one of %d values", from, to, d.groups, d.repeated, len(rows), d.values)}})
				}
			}
		}
		res.countTable(found)
	}
	return res.result(), nil
}

// comparableColumns are the columns that a dependency may be between.
func comparableColumns(t *catalog.Table) (names []string) {
	for _, c := range t.Columns {
		if !c.IsSealed() && c.Generated == "" && !strings.HasPrefix(c.Type, "json") && c.Class() != catalog.ClassSecret {
			names = append(names, c.Name)
		}
	}
	return names
}

func isUniqueColumn(t *catalog.Table, column string) bool {
	return slices.ContainsFunc(t.UniqueKeys(), func(k []string) bool { return slices.Equal(k, []string{column}) })
}

// isTimeOrCounter reports whether a column is a time or a count of changes: what has one of these alike has nothing else in common.
func isTimeOrCounter(t *catalog.Table, column string) bool {
	return isTimeName(column) || timeType.MatchString(t.Column(column).Type) || strings.HasSuffix(column, "version") || integerType.MatchString(t.Column(column).Type)
}

// sampleDigests reads the first rows in key order as digests; 0 is NULL.
func (s *Subject) sampleDigests(ctx context.Context, t *catalog.Table, names []string, seed maphash.Seed) ([][]uint64, error) {
	rows, err := s.query(ctx, fmt.Sprintf(`SELECT %s FROM %s ORDER BY %s LIMIT %d`, quoteNames(names), s.tableName(t.Name), quoteNames(t.PrimaryKey()), sampleRows))
	if err != nil {
		return nil, err
	}
	digests := make([][]uint64, len(rows))
	for i, row := range rows {
		digests[i] = make([]uint64, len(row))
		for k, v := range row {
			if v != "" {
				digests[i][k] = maphash.String(seed, v) | 1
			}
		}
	}
	return digests, nil
}

// dependency is what a suspicion rests on.
type dependency struct {
	groups   int // values of the one column that are there more than once
	repeated int // rows that have them
	values   int // of the other column
}

// dependsOn reports whether each value of column a comes with one value of b, and not by chance: were b dealt out among the rows as often as
// it is there, groups as large as these would nearly never agree.
func dependsOn(rows [][]uint64, a, b int) (dependency, bool) {
	valueOf, groupSize, frequency := map[uint64]uint64{}, map[uint64]int{}, map[uint64]int{}
	total := 0
	for _, row := range rows {
		if row[a] == 0 || row[b] == 0 {
			continue
		}
		if known, seen := valueOf[row[a]]; seen && known != row[b] {
			return dependency{}, false
		}
		valueOf[row[a]] = row[b]
		groupSize[row[a]]++
		frequency[row[b]]++
		total++
	}
	if total < minSampleRows || len(frequency) < 2 || len(valueOf) < 3 {
		return dependency{}, false
	}
	d := dependency{values: len(frequency)}
	chance := 0.0 // its logarithm
	for value, n := range groupSize {
		if n < 2 {
			continue
		}
		d.groups++
		d.repeated += n
		chance += float64(n-1) * math.Log(float64(frequency[valueOf[value]])/float64(total))
	}
	return d, chance < math.Log(maxChance)
}
