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
	{ID: "D01", Kind: Data, unit: "tables", Title: "no column depends on a part of the key, by the rows (2NF)",
		Guide: "Ensure non-key attributes are fully dependent on the primary key.",
		Why: "A column that has one value for each value of a part of the key describes that part, and repeats it " +
			"in every row. " + dependencyMethod,
		run: func(ctx context.Context, s *Subject) (Outcome, error) { return checkDependencies(ctx, s, true) }},
	{ID: "D02", Kind: Data, unit: "tables", Title: "no column depends on a non-key column, by the rows (3NF)",
		Guide: "Ensure no transitive dependencies exist.",
		Why: "A column that has one value for each value of another column belongs in a separate table, together " +
			"with that column. " + dependencyMethod,
		run: func(ctx context.Context, s *Subject) (Outcome, error) { return checkDependencies(ctx, s, false) }},
}

const dependencyMethod = "The first 5,000 rows of each table in key order are read and compared as digests. A " +
	"dependency is reported only if its values repeat so often that chance is excluded. It is a warning, because " +
	"usage patterns can look the same. Encrypted and computed columns are left out. So are times, which rows that " +
	"were created together share. Exemptions are listed with their reason."

const (
	sampleRows    = 5000
	minSampleRows = 50
	maxChance     = 1e-9 // largest probability of a random dependency that is still reported
)

// exemptDependencies are intended dependencies, "table: a → b", with the reason.
var exemptDependencies = map[string]string{
	"profiles: locale → time_zone":           "each is chosen by the user; users in one place choose the same",
	"profiles: locale → country_code":        "each is chosen by the user; users in one place choose the same",
	"profiles: time_zone → locale":           "each is chosen by the user; users in one place choose the same",
	"profiles: time_zone → country_code":     "each is chosen by the user; users in one place choose the same",
	"profiles: country_code → locale":        "each is chosen by the user; users in one place choose the same",
	"profiles: country_code → time_zone":     "each is chosen by the user; users in one place choose the same",
	"users: status → status_before_deletion": "the status to restore is independent information",
	"users: status_before_deletion → status": "the status to restore is independent information",
	"sessions: user_id → method":             "usage: a user signs in the same way each time",
	"sessions: user_id → assurance_level":    "usage: a user signs in the same way each time",
	"sessions: user_id → idle_seconds":       "the setting at the time, stored with the session",
	"sessions: method → assurance_level":     "the level reached; a second factor raises it",
	"sessions: assurance_level → method":     "the level reached; a second factor raises it",
	"user_roles: role_id → granted_by":       "usage: one administrator grants one role",
	"user_roles: user_id → granted_by":       "usage: one administrator manages one user",
	"contacts: user_id → kind":               "usage: a user has contacts of one kind",
	"audit_logs: subject_id → actor_id":      "usage: users mostly change their own data",
	"audit_logs: actor_id → subject_id":      "usage: users mostly change their own data",
	"audit_logs: session_id → actor_id": "an entry names the actor itself, because the session is removed " +
		"after its end",
	"audit_logs: api_key_id → actor_id": "an entry names the actor itself, because the key can be removed",
	"audit_logs: request_id → actor_id": "an entry is self-contained: nothing else about a request is stored",
	"audit_logs: request_id → action":   "an entry is self-contained: nothing else about a request is stored",
	"audit_logs: action → is_refused":   "usage: some actions are never refused",
	"api_key_roles: api_key_id → user_id": "both are in the key: the roles of an API key are stored with its " +
		"service",
	"idempotency_keys: caller_id → route":     "usage: a program calls one route",
	"refused_attempts: subject_id → attempts": "a count",
}

// rowFormatColumn says how to interpret a row. Rows from the same source, such as an import, share a value.
const rowFormatColumn = "schema_version"

func checkDependencies(ctx context.Context, s *Subject, onPartOfKey bool) (Outcome, error) {
	var res resultBuilder
	seed := maphash.MakeSeed()
	for _, t := range s.Live.BaseTables() {
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
				if a == b || slices.Contains(key, to) || isTimeName(to) || to == rowFormatColumn ||
					exemptDependencies[t.Name+": "+from+" → "+to] != "" {
					continue
				}
				if d, suspect := dependsOn(rows, a, b); suspect {
					found = append(found, Finding{Object: t.Name + "." + to, Warning: true,
						Problem: "it seems to depend on " + from + " alone",
						Evidence: []string{fmt.Sprintf("%s → %s: %d repeated values in %d of %d rows, each with one "+
							"of %d values", from, to, d.groups, d.repeated, len(rows), d.values)}})
				}
			}
		}
		res.countTable(found)
	}
	return res.result(), nil
}

// comparableColumns returns the columns between which dependencies are looked for.
func comparableColumns(t *catalog.Table) (names []string) {
	for _, c := range t.Columns {
		if !c.IsEncrypted() && c.Generated == "" && !strings.HasPrefix(c.Type, "json") &&
			c.Class() != catalog.ClassSecret {
			names = append(names, c.Name)
		}
	}
	return names
}

func isUniqueColumn(t *catalog.Table, column string) bool {
	return slices.ContainsFunc(t.UniqueKeys(), func(k []string) bool { return slices.Equal(k, []string{column}) })
}

// isTimeOrCounter reports whether a column is a time or a counter: rows with an equal value there have nothing else in
// common.
func isTimeOrCounter(t *catalog.Table, column string) bool {
	return isTimeName(column) || timeType.MatchString(t.Column(column).Type) || strings.HasSuffix(column, "version") ||
		integerType.MatchString(t.Column(column).Type)
}

// sampleDigests reads the first rows in key order as digests; 0 stands for NULL.
func (s *Subject) sampleDigests(ctx context.Context, t *catalog.Table, names []string,
	seed maphash.Seed) ([][]uint64, error) {
	rows, err := s.query(ctx, fmt.Sprintf(`SELECT %s FROM %s ORDER BY %s LIMIT %d`, quoteNames(names),
		s.tableName(t.Name), quoteNames(t.PrimaryKey()), sampleRows))
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

// dependency is the evidence for a suspected dependency.
type dependency struct {
	groups   int // values of the one column that occur more than once
	repeated int // rows with these values
	values   int // distinct values of the other column
}

// dependsOn reports whether each value of column a occurs with only one value of b, and not by chance. The null
// hypothesis is that b is distributed at random among the rows with its observed frequencies. Then all rows of a group
// with one value of a agree in b with probability p(b)^(n-1); the product over all groups must be below maxChance.
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
	chance := 0.0 // logarithm of the probability
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
