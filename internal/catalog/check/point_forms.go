package check

import (
	"slices"
	"strings"

	"cardinal/internal/catalog"
)

var formPoints = []Check{
	{ID: "G15", Kind: Point, of: "tables", Title: "first normal form: one value a column",
		Guide: "Ensure every column contains atomic values. Avoid storing multiple email addresses in a single column.",
		Why: "What stands in a list cannot be unique, refer to another table, or be found by an index. Judged by type (arrays), by numbered columns, and by names that " +
			"say a list; Cardinal's JSON columns are listed.",
		run: judged(valuesAreAtomic), general: judged(valuesAreAtomic)},
	{ID: "G16", Kind: Point, of: "tables", Title: "second normal form: facts of the whole key",
		Guide: "Ensure non-key attributes are fully dependent on the primary key. In a composite key scenario, ensure no partial dependencies exist.",
		Why: "A fact of a part of the key is written once for each of the other part, and the copies part ways. Judged by columns that repeat, by name, what the table " +
			"has that a part of the key refers to; dependencies that no name gives away are looked for in the rows: D01.",
		run: judged(factsOfTheWholeKey), general: judged(factsOfTheWholeKey)},
	{ID: "G17", Kind: Point, of: "tables", Title: "third normal form: nothing depends on what is no key",
		Guide: "Ensure no transitive dependencies exist. If a user’s country determines their tax rate, store the country separately from the user table, and link the user to the country.",
		Why: "A rate that is copied into every user changes in every user. Judged by columns that repeat, by name, what a referenced table has, and by columns that others " +
			"compute; what no name gives away is looked for in the rows: D02. Of Cardinal's own, the guide's example must be there: country → rate.",
		run: judged(factsOfTheKeyAlone), general: judged(nothingRepeated)},
}

// documents are Cardinal's JSON columns: what is read and written whole.
var documents = []string{"profiles.preferences", "audit_logs.changes", "audit_logs.changed_rows", "settings.value"}

var (
	numbered = lazily(`^(.*[a-z])_?([1-9])$`)
	listed   = lazily(`(?i)(^|_)(list|csv|(e?mails|phones|phone_numbers|tags|roles|permissions|addresses|ids|categories))$`)
	isArray  = lazily(`\[\]$|^ARRAY`)
)

func valuesAreAtomic(s *Subject, j *judgement) {
	for _, t := range s.Live.Base() {
		before := len(j.Findings)
		repeated := map[string][]string{}
		for _, c := range t.Columns {
			object := t.Name + "." + c.Name
			switch {
			case isArray.MatchString(c.Type):
				j.Findings = append(j.Findings, Finding{Object: object, Problem: "it holds several values: give them a table of their own", Evidence: []string{c.Name + " " + c.Type}})
			case !s.Foreign && strings.HasPrefix(c.Type, "json") && !slices.Contains(documents, object):
				j.Findings = append(j.Findings, Finding{Object: object, Problem: "it is a document that is not listed as one", Evidence: []string{c.Name + " " + c.Type}})
			case listed.MatchString(c.Name) && textType.MatchString(c.Type):
				j.Findings = append(j.Findings, Finding{Object: object, Problem: "its name says that several values stand in one text", Evidence: []string{c.Name + " " + c.Type}, Warning: true})
			}
			if m := numbered.FindStringSubmatch(c.Name); m != nil {
				repeated[m[1]] = append(repeated[m[1]], c.Name)
			}
		}
		for _, c := range t.Columns { // in the table's order
			if m := numbered.FindStringSubmatch(c.Name); m != nil && len(repeated[m[1]]) > 1 && repeated[m[1]][0] == c.Name && !strings.HasSuffix(m[1], "line") {
				j.Findings = append(j.Findings, Finding{Object: t.Name + "." + c.Name, Problem: "columns repeat: a third value has no place", Evidence: []string{strings.Join(repeated[m[1]], ", ")}})
			}
		}
		j.Total++
		if len(j.Findings) == before {
			j.Held++
		}
	}
}

// copied are the names that every table may have for itself.
var copied = lazily(`^(id|.*_id|.*_at|version|schema_version|description|.*_key|.*_hash|status|kind|type|name|code|title|is_.*|value|created|updated)$`)

// repeats lists columns of a table that say again what a table that it refers to has; by is true for the keys that count.
func repeats(s *Subject, t *catalog.Table, by func(key catalog.Constraint) bool) (found []Finding) {
	for _, k := range t.ForeignKeys() {
		other := s.Live.Table(k.References)
		if other == nil || other.Name == t.Name || !by(k) {
			continue
		}
		prefix := strings.TrimSuffix(strings.TrimSuffix(k.Columns[len(k.Columns)-1], "_id"), "_code") + "_"
		for _, c := range t.Columns {
			name := strings.TrimPrefix(c.Name, prefix)
			origin := other.Column(name)
			if origin == nil || isForeign(t, c.Name) || slices.Contains(t.PrimaryKey(), c.Name) || c.Generated != "" || c.Type != origin.Type ||
				name == "id" || name == c.Name && copied.MatchString(name) {
				continue
			}
			found = append(found, Finding{Object: t.Name + "." + c.Name, Warning: s.Foreign,
				Problem: "it repeats " + other.Name + "." + origin.Name + ", which " + strings.Join(k.Columns, ", ") + " leads to"})
		}
	}
	return found
}

func factsOfTheWholeKey(s *Subject, j *judgement) {
	for _, t := range s.Live.Base() {
		key := t.PrimaryKey()
		if len(key) < 2 {
			continue
		}
		j.noted(repeats(s, &t, func(k catalog.Constraint) bool {
			return !slices.ContainsFunc(k.Columns, func(c string) bool { return !slices.Contains(key, c) })
		}))
	}
}

// noted counts a table, and what was found in it.
func (j *judgement) noted(found []Finding) {
	j.Total++
	if found == nil {
		j.Held++
	}
	j.Findings = append(j.Findings, found...)
}

// derived are columns that two others of the same table give away.
var derived = map[string][]string{"full_name": {"first_name", "last_name"}, "age": {"birth_date"}, "total": {"quantity", "price"}, "tax_amount": {"tax_rate"}}

func nothingRepeated(s *Subject, j *judgement) {
	for _, t := range s.Live.Base() {
		key := t.PrimaryKey()
		found := repeats(s, &t, func(k catalog.Constraint) bool {
			return len(key) < 2 || slices.ContainsFunc(k.Columns, func(c string) bool { return !slices.Contains(key, c) })
		})
		for _, c := range t.Columns {
			from := derived[c.Name]
			if from != nil && c.Generated == "" && !slices.ContainsFunc(from, func(n string) bool { return t.Column(n) == nil }) {
				found = append(found, Finding{Object: t.Name + "." + c.Name, Problem: strings.Join(from, " and ") + " give it away, and the database does not compute it", Warning: true})
			}
		}
		j.noted(found)
	}
}

func factsOfTheKeyAlone(s *Subject, j *judgement) {
	nothingRepeated(s, j)
	j.reference(s, "profiles", "country_code", "countries", "code")
	j.column(s, "countries", "tax_rate_ppm")
	for _, t := range s.Live.Base() {
		for _, c := range t.Columns {
			if t.Name != "countries" && strings.Contains(c.Name, "tax_rate") {
				j.expect(false, Finding{Object: t.Name + "." + c.Name, Problem: "a tax rate stands here beside that of the country"})
			}
		}
	}
}
