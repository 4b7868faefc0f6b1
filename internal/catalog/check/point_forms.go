package check

import (
	"slices"
	"strings"

	"cardinal/internal/catalog"
)

var formPoints = []Check{
	{ID: "G15", Kind: Point, unit: "tables", Title: "first normal form: one value a column",
		Guide: "Ensure every column contains atomic values. Avoid storing multiple email addresses in a single column.",
		Why: "What stands in a list cannot be unique, refer to another table, or be found by an index. Judged by type (arrays), by numbered columns, and by names that " +
			"say a list; Cardinal's JSON columns are listed.",
		run: pointCheck(checkAtomicValues), runGeneral: pointCheck(checkAtomicValues)},
	{ID: "G16", Kind: Point, unit: "tables", Title: "second normal form: facts of the whole key",
		Guide: "Ensure non-key attributes are fully dependent on the primary key. In a composite key scenario, ensure no partial dependencies exist.",
		Why: "A fact of a part of the key is written once for each of the other part, and the copies part ways. Judged by columns that repeat, by name, what the table " +
			"has that a part of the key refers to; dependencies that no name gives away are looked for in the rows: D01.",
		run: pointCheck(checkSecondNormalForm), runGeneral: pointCheck(checkSecondNormalForm)},
	{ID: "G17", Kind: Point, unit: "tables", Title: "third normal form: nothing depends on what is no key",
		Guide: "Ensure no transitive dependencies exist. If a user’s country determines their tax rate, store the country separately from the user table, and link the user to the country.",
		Why: "A rate that is copied into every user changes in every user. Judged by columns that repeat, by name, what a referenced table has, and by columns that others " +
			"compute; what no name gives away is looked for in the rows: D02. Of Cardinal's own, the guide's example must be there: country → rate.",
		run: pointCheck(checkThirdNormalForm), runGeneral: pointCheck(checkThirdNormalFormGeneral)},
}

// jsonColumns are Cardinal's JSON columns: what is read and written whole.
var jsonColumns = []string{"profiles.preferences", "audit_logs.changes", "audit_logs.changed_rows", "settings.value"}

var (
	numberedName = newPattern(`^(.*[a-z])_?([1-9])$`)
	listName     = newPattern(`(?i)(^|_)(list|csv|(e?mails|phones|phone_numbers|tags|roles|permissions|addresses|ids|categories))$`)
	arrayType    = newPattern(`\[\]$|^ARRAY`)
)

func checkAtomicValues(s *Subject, res *resultBuilder) {
	for _, t := range s.Live.Base() {
		findingsBefore := len(res.Findings)
		repeated := map[string][]string{}
		for _, c := range t.Columns {
			object := t.Name + "." + c.Name
			switch {
			case arrayType.MatchString(c.Type):
				res.Findings = append(res.Findings, Finding{Object: object, Problem: "it holds several values: give them a table of their own", Evidence: []string{c.Name + " " + c.Type}})
			case !s.Foreign && strings.HasPrefix(c.Type, "json") && !slices.Contains(jsonColumns, object):
				res.Findings = append(res.Findings, Finding{Object: object, Problem: "it is a document that is not listed as one", Evidence: []string{c.Name + " " + c.Type}})
			case listName.MatchString(c.Name) && textType.MatchString(c.Type):
				res.Findings = append(res.Findings, Finding{Object: object, Problem: "its name says that several values stand in one text", Evidence: []string{c.Name + " " + c.Type}, Warning: true})
			}
			if m := numberedName.FindStringSubmatch(c.Name); m != nil {
				repeated[m[1]] = append(repeated[m[1]], c.Name)
			}
		}
		for _, c := range t.Columns { // in the table's order
			if m := numberedName.FindStringSubmatch(c.Name); m != nil && len(repeated[m[1]]) > 1 && repeated[m[1]][0] == c.Name && !strings.HasSuffix(m[1], "line") {
				res.Findings = append(res.Findings, Finding{Object: t.Name + "." + c.Name, Problem: "columns repeat: a third value has no place", Evidence: []string{strings.Join(repeated[m[1]], ", ")}})
			}
		}
		res.Total++
		if len(res.Findings) == findingsBefore {
			res.Passed++
		}
	}
}

// commonColumn are the names that every table may have for itself.
var commonColumn = newPattern(`^(id|.*_id|.*_at|version|schema_version|description|.*_key|.*_hash|status|kind|type|name|code|title|is_.*|value|created|updated)$`)

// repeatedColumns lists columns of a table that say again what a table that it refers to has; by is true for the keys that count.
func repeatedColumns(s *Subject, t *catalog.Table, matchKey func(key catalog.Constraint) bool) (found []Finding) {
	for _, k := range t.ForeignKeys() {
		other := s.Live.Table(k.References)
		if other == nil || other.Name == t.Name || !matchKey(k) {
			continue
		}
		prefix := strings.TrimSuffix(strings.TrimSuffix(k.Columns[len(k.Columns)-1], "_id"), "_code") + "_"
		for _, c := range t.Columns {
			name := strings.TrimPrefix(c.Name, prefix)
			origin := other.Column(name)
			if origin == nil || isForeign(t, c.Name) || slices.Contains(t.PrimaryKey(), c.Name) || c.Generated != "" || c.Type != origin.Type ||
				name == "id" || name == c.Name && commonColumn.MatchString(name) {
				continue
			}
			found = append(found, Finding{Object: t.Name + "." + c.Name, Warning: s.Foreign,
				Problem: "it repeats " + other.Name + "." + origin.Name + ", which " + strings.Join(k.Columns, ", ") + " leads to"})
		}
	}
	return found
}

func checkSecondNormalForm(s *Subject, res *resultBuilder) {
	for _, t := range s.Live.Base() {
		key := t.PrimaryKey()
		if len(key) < 2 {
			continue
		}
		res.countTable(repeatedColumns(s, &t, func(k catalog.Constraint) bool {
			return !slices.ContainsFunc(k.Columns, func(c string) bool { return !slices.Contains(key, c) })
		}))
	}
}

// countTable counts a table, and what was found in it.
func (res *resultBuilder) countTable(found []Finding) {
	res.Total++
	if found == nil {
		res.Passed++
	}
	res.Findings = append(res.Findings, found...)
}

// derivedColumns are columns that two others of the same table give away.
var derivedColumns = map[string][]string{"full_name": {"first_name", "last_name"}, "age": {"birth_date"}, "total": {"quantity", "price"}, "tax_amount": {"tax_rate"}}

func checkThirdNormalFormGeneral(s *Subject, res *resultBuilder) {
	for _, t := range s.Live.Base() {
		key := t.PrimaryKey()
		found := repeatedColumns(s, &t, func(k catalog.Constraint) bool {
			return len(key) < 2 || slices.ContainsFunc(k.Columns, func(c string) bool { return !slices.Contains(key, c) })
		})
		for _, c := range t.Columns {
			from := derivedColumns[c.Name]
			if from != nil && c.Generated == "" && !slices.ContainsFunc(from, func(n string) bool { return t.Column(n) == nil }) {
				found = append(found, Finding{Object: t.Name + "." + c.Name, Problem: strings.Join(from, " and ") + " give it away, and the database does not compute it", Warning: true})
			}
		}
		res.countTable(found)
	}
}

func checkThirdNormalForm(s *Subject, res *resultBuilder) {
	checkThirdNormalFormGeneral(s, res)
	res.requireForeignKey(s, "profiles", "country_code", "countries", "code")
	res.requireColumn(s, "countries", "tax_rate_ppm")
	for _, t := range s.Live.Base() {
		for _, c := range t.Columns {
			if t.Name != "countries" && strings.Contains(c.Name, "tax_rate") {
				res.expect(false, Finding{Object: t.Name + "." + c.Name, Problem: "a tax rate stands here beside that of the country"})
			}
		}
	}
}
