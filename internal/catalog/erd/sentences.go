package erd

import "strings"

// Owner returns the relation as a sentence about one row of the referenced table: "One user may have many sessions."
func (r Relation) Owner() string {
	has := "may have many " + plural(r.From)
	switch {
	case r.Inverse != "":
		has = "has exactly one " + singular(r.From)
	case r.IsUnique:
		has = "may have one " + singular(r.From)
	}
	return "One " + singular(r.To) + " " + has + r.by() + "."
}

// Member returns the relation as a sentence about each referencing row: "Each session belongs to exactly one user."
func (r Relation) Member() string {
	if r.IsOptional {
		return "Each " + singular(r.From) + " may belong to one " + singular(r.To) + r.by() + "."
	}
	return "Each " + singular(r.From) + " belongs to exactly one " + singular(r.To) + r.by() + "."
}

// Short returns the cardinality for the diagram, from the side of the referencing table.
func (r Relation) Short() string {
	from, to := "many", "one"
	if r.IsUnique {
		from = "one"
	}
	if r.IsOptional {
		to = "one or none"
	}
	return from + " to " + to
}

func (r Relation) by() string {
	if !r.IsRepeated && r.From != r.To {
		return ""
	}
	return ", by " + strings.Join(r.Columns, " and ")
}

// relationSentences returns the sentences about a table's relations: references, referencing tables, and the junction.
func (d *Diagram) relationSentences(t *Table) []string {
	var sentences []string
	for _, r := range d.Relations {
		if r.From == t.Name {
			sentences = append(sentences, r.Member())
		}
	}
	for _, r := range d.Relations {
		if r.To == t.Name || r.From == t.Name && r.Inverse != "" {
			sentences = append(sentences, r.Owner())
		}
	}
	if a, b, ok := d.junction(t); ok {
		sentences = append(sentences, "One "+singular(a.To)+" may have many "+plural(b.To)+", and one "+singular(b.To)+
			" may have many "+plural(a.To)+": this is the junction table.")
	}
	return sentences
}

// singular returns the singular of a table's name: user for users.
func singular(table string) string {
	name := withSpaces(table)
	for _, e := range [][2]string{
		{"ies", "y"}, {"sses", "ss"}, {"uses", "us"}, {"xes", "x"}, {"ches", "ch"}, {"shes", "sh"},
		{"ss", "ss"}, {"us", "us"}, {"is", "is"}, {"s", ""},
	} {
		if stem, ok := strings.CutSuffix(name, e[0]); ok {
			return stem + e[1]
		}
	}
	return name
}

// plural returns the plural of a table's name. If the name is a singular, it appends "rows".
func plural(table string) string {
	if name := withSpaces(table); singular(table) != name {
		return name
	}
	return withSpaces(table) + " rows"
}

func withSpaces(table string) string {
	return strings.ReplaceAll(table[strings.LastIndexByte(table, '.')+1:], "_", " ")
}
