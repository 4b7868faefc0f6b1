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
	{ID: "D01", Kind: Data, of: "tables", Title: "in the rows, nothing depends on a part of a key (2NF)",
		Guide: "Ensure non-key attributes are fully dependent on the primary key.",
		Why:   "A column that always has one value for each value of a part of the key says something about that part, and says it again and again. " + howScanned,
		run:   func(ctx context.Context, s *Subject) (Outcome, error) { return dependencies(ctx, s, true) }},
	{ID: "D02", Kind: Data, of: "tables", Title: "in the rows, nothing depends on what is no key (3NF)",
		Guide: "Ensure no transitive dependencies exist.",
		Why:   "A column that always has one value for each value of another belongs with that other, in a table of its own. " + howScanned,
		run:   func(ctx context.Context, s *Subject) (Outcome, error) { return dependencies(ctx, s, false) }},
}

const howScanned = "The first 5,000 rows of each table in key order are read and compared as digests. A dependency is suspected only where its values repeat often enough " +
	"that chance is out of question; a habit can look like one, so it is a warning. Sealed and computed columns are left out, and times, which rows that were made together share; exemptions are listed with their reason."

const (
	sampleRows = 5000
	fewestRows = 50
	byChance   = 1e-9 // a dependency that chance makes more often than this is none
)

// exempt are dependencies that are meant, and why: "table: a → b".
var exempt = map[string]string{
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

// shapeOfRow says how a row is to be read: rows that came the same way, as by an import, are of one shape.
const shapeOfRow = "schema_version"

func dependencies(ctx context.Context, s *Subject, ofAPart bool) (Outcome, error) {
	var j judgement
	seed := maphash.MakeSeed()
	for _, t := range s.Live.Base() {
		key := t.PrimaryKey()
		if key == nil || ofAPart && len(key) < 2 {
			continue
		}
		names := compared(&t)
		rows, err := s.sample(ctx, &t, names, seed)
		if err != nil {
			return Outcome{}, fmt.Errorf("read %s: %w", t.Name, err)
		}
		var found []Finding
		for a, from := range names {
			part := slices.Contains(key, from)
			if part != ofAPart || isKey(&t, from) || isMoment(&t, from) {
				continue
			}
			for b, to := range names {
				if a == b || slices.Contains(key, to) || namesTime(to) || to == shapeOfRow || exempt[t.Name+": "+from+" → "+to] != "" {
					continue
				}
				if d, suspect := depends(rows, a, b); suspect {
					found = append(found, Finding{Object: t.Name + "." + to, Warning: true, Problem: "it seems to depend on " + from + " alone",
						Evidence: []string{fmt.Sprintf("%s → %s: %d values that repeat, in %d of %d rows, each with one of %d values", from, to, d.groups, d.repeated, len(rows), d.values)}})
				}
			}
		}
		j.noted(found)
	}
	return j.end(), nil
}

// compared are the columns that a dependency may be between.
func compared(t *catalog.Table) (names []string) {
	for _, c := range t.Columns {
		if !c.IsSealed() && c.Generated == "" && !strings.HasPrefix(c.Type, "json") && c.Class() != catalog.ClassSecret {
			names = append(names, c.Name)
		}
	}
	return names
}

func isKey(t *catalog.Table, column string) bool {
	return slices.ContainsFunc(t.UniqueKeys(), func(k []string) bool { return slices.Equal(k, []string{column}) })
}

// isMoment reports whether a column is a time or a count of changes: what has one of these alike has nothing else in common.
func isMoment(t *catalog.Table, column string) bool {
	return namesTime(column) || timeType.MatchString(t.Column(column).Type) || strings.HasSuffix(column, "version") || wholeType.MatchString(t.Column(column).Type)
}

// sample reads the first rows in key order as digests; 0 is NULL.
func (s *Subject) sample(ctx context.Context, t *catalog.Table, names []string, seed maphash.Seed) ([][]uint64, error) {
	rows, err := s.rows(ctx, fmt.Sprintf(`SELECT %s FROM %s ORDER BY %s LIMIT %d`, list(names), s.table(t.Name), list(t.PrimaryKey()), sampleRows))
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

// depends reports whether each value of column a comes with one value of b, and not by chance: were b dealt out among the rows as often as
// it is there, groups as large as these would nearly never agree.
func depends(rows [][]uint64, a, b int) (dependency, bool) {
	of, size, often := map[uint64]uint64{}, map[uint64]int{}, map[uint64]int{}
	total := 0
	for _, row := range rows {
		if row[a] == 0 || row[b] == 0 {
			continue
		}
		if known, seen := of[row[a]]; seen && known != row[b] {
			return dependency{}, false
		}
		of[row[a]] = row[b]
		size[row[a]]++
		often[row[b]]++
		total++
	}
	if total < fewestRows || len(often) < 2 || len(of) < 3 {
		return dependency{}, false
	}
	d := dependency{values: len(often)}
	chance := 0.0 // its logarithm
	for value, n := range size {
		if n < 2 {
			continue
		}
		d.groups++
		d.repeated += n
		chance += float64(n-1) * math.Log(float64(often[of[value]])/float64(total))
	}
	return d, chance < math.Log(byChance)
}
