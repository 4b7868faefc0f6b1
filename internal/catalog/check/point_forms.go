package check

import (
	"slices"
	"strings"

	"cardinal/internal/catalog"
)

var formPoints = []Check{
	{ID: "G15", Kind: Point, unit: "tables", Title: "first normal form: one value per column",
		Guide: "Ensure every column contains atomic values. Avoid storing multiple email addresses in a single column.",
		Why: "A value in a list cannot be unique, cannot refer to another table, and cannot be found by an index. " +
			"Checked by type (arrays), by numbered columns, and by names that suggest a list; Cardinal's JSON " +
			"columns are listed.",
		run: pointCheck(checkAtomicValues), runGeneral: pointCheck(checkAtomicValues)},
	{ID: "G16", Kind: Point, unit: "tables", Title: "second normal form: columns depend on the whole key",
		Guide: "Ensure non-key attributes are fully dependent on the primary key. In a composite key scenario, " +
			"ensure no partial dependencies exist.",
		Why: "A value that depends on a part of the key is stored again in every row with that part, and the copies " +
			"can become different. Checked by columns with the name of a column in the table that a part of the key " +
			"refers to. Dependencies without such names are looked for in the rows: D01.",
		run: pointCheck(checkSecondNormalForm), runGeneral: pointCheck(checkSecondNormalForm)},
	{ID: "G17", Kind: Point, unit: "tables", Title: "third normal form: columns depend on the key only",
		Guide: "Ensure no transitive dependencies exist. If a user’s country determines their tax rate, store the " +
			"country separately from the user table, and link the user to the country.",
		Why: "A rate that is copied to every user must be changed in every user. Checked by columns with the name " +
			"of a column in a referenced table, and by columns that others determine. Dependencies without such " +
			"names are looked for in the rows: D02. In Cardinal's schema, the guide's example must exist: country " +
			"→ rate.",
		run: pointCheck(checkThirdNormalForm), runGeneral: pointCheck(checkThirdNormalFormGeneral)},
}

// jsonColumns are Cardinal's JSON columns: documents that are read and written as a whole.
var jsonColumns = []string{"profiles.preferences", "audit_logs.changes", "audit_logs.changed_rows", "settings.value"}

var (
	numberedName = newPattern(`^(.*[a-z])_?([1-9])$`)
	listName     = newPattern(`(?i)(^|_)(list|csv|(e?mails|phones|phone_numbers|tags|roles|permissions|addresses|ids|` +
		`categories))$`)
	arrayType = newPattern(`\[\]$|^ARRAY`)
)

func checkAtomicValues(s *Subject, res *resultBuilder) {
	for _, t := range s.Live.BaseTables() {
		findingsBefore := len(res.Findings)
		repeated := map[string][]string{}
		for _, c := range t.Columns {
			object := t.Name + "." + c.Name
			switch {
			case arrayType.MatchString(c.Type):
				res.Findings = append(res.Findings,
					Finding{Object: object, Problem: "it contains several values: use a separate table",
						Evidence: []string{c.Name + " " + c.Type}})
			case !s.External && strings.HasPrefix(c.Type, "json") && !slices.Contains(jsonColumns, object):
				res.Findings = append(res.Findings,
					Finding{Object: object, Problem: "it is a JSON document that is not on the list",
						Evidence: []string{c.Name + " " + c.Type}})
			case listName.MatchString(c.Name) && textType.MatchString(c.Type):
				res.Findings = append(res.Findings,
					Finding{Object: object, Problem: "its name suggests several values in one text",
						Evidence: []string{c.Name + " " + c.Type}, Warning: true})
			}
			if m := numberedName.FindStringSubmatch(c.Name); m != nil {
				repeated[m[1]] = append(repeated[m[1]], c.Name)
			}
		}
		for _, c := range t.Columns { // in the order of the table
			if m := numberedName.FindStringSubmatch(c.Name); m != nil && len(repeated[m[1]]) > 1 &&
				repeated[m[1]][0] == c.Name && !strings.HasSuffix(m[1], "line") {
				res.Findings = append(res.Findings,
					Finding{Object: t.Name + "." + c.Name,
						Problem:  "columns repeat: there is no column for a third value",
						Evidence: []string{strings.Join(repeated[m[1]], ", ")}})
			}
		}
		res.Total++
		if len(res.Findings) == findingsBefore {
			res.Passed++
		}
	}
}

// commonColumn matches names that any table can have independently of others.
var commonColumn = newPattern(`^(id|.*_id|.*_at|version|schema_version|description|.*_key|.*_hash|status|kind|type|` +
	`name|code|title|is_.*|value|created|updated)$`)

// repeatedColumns lists columns of a table that repeat a column of a table that it refers to by a matching key.
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
			if origin == nil || isForeign(t, c.Name) || slices.Contains(t.PrimaryKey(), c.Name) || c.Generated != "" ||
				c.Type != origin.Type ||
				name == "id" || name == c.Name && commonColumn.MatchString(name) {
				continue
			}
			found = append(found, Finding{Object: t.Name + "." + c.Name, Warning: s.External,
				Problem: "it repeats " + other.Name + "." + origin.Name + ", which " + strings.Join(k.Columns, ", ") +
					" refers to"})
		}
	}
	return found
}

func checkSecondNormalForm(s *Subject, res *resultBuilder) {
	for _, t := range s.Live.BaseTables() {
		key := t.PrimaryKey()
		if len(key) < 2 {
			continue
		}
		res.countTable(repeatedColumns(s, &t, func(k catalog.Constraint) bool {
			return !slices.ContainsFunc(k.Columns, func(c string) bool { return !slices.Contains(key, c) })
		}))
	}
}

// countTable counts a table and adds its findings.
func (res *resultBuilder) countTable(found []Finding) {
	res.Total++
	if found == nil {
		res.Passed++
	}
	res.Findings = append(res.Findings, found...)
}

// derivedColumns are columns that can be computed from other columns of the same table.
var derivedColumns = map[string][]string{"full_name": {"first_name", "last_name"}, "age": {"birth_date"},
	"total": {"quantity", "price"}, "tax_amount": {"tax_rate"}}

func checkThirdNormalFormGeneral(s *Subject, res *resultBuilder) {
	for _, t := range s.Live.BaseTables() {
		key := t.PrimaryKey()
		found := repeatedColumns(s, &t, func(k catalog.Constraint) bool {
			return len(key) < 2 || slices.ContainsFunc(k.Columns,
				func(c string) bool { return !slices.Contains(key, c) })
		})
		for _, c := range t.Columns {
			from := derivedColumns[c.Name]
			if from != nil && c.Generated == "" &&
				!slices.ContainsFunc(from, func(n string) bool { return t.Column(n) == nil }) {
				found = append(found, Finding{Object: t.Name + "." + c.Name,
					Problem: strings.Join(from, " and ") + " determine it, but the database does not compute it",
					Warning: true})
			}
		}
		res.countTable(found)
	}
}

func checkThirdNormalForm(s *Subject, res *resultBuilder) {
	checkThirdNormalFormGeneral(s, res)
	res.requireForeignKey(s, "profiles", "country_code", "countries", "code")
	res.requireColumn(s, "countries", "tax_rate_ppm")
	for _, t := range s.Live.BaseTables() {
		for _, c := range t.Columns {
			if t.Name != "countries" && strings.Contains(c.Name, "tax_rate") {
				res.expect(false, Finding{Object: t.Name + "." + c.Name,
					Problem: "it repeats the tax rate of the country"})
			}
		}
	}
}
