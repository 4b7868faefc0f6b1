package erd

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"cardinal/internal/catalog"
)

// writeDBML writes tables, indexes, notes and references in DBML (https://dbml.dbdiagram.io).
func (d *Diagram) writeDBML(w io.Writer) error {
	var b bytes.Buffer
	for i := range d.Tables {
		t := &d.Tables[i]
		fmt.Fprintf(&b, "Table %s {\n", dbmlName(t.Name))
		for j, c := range t.Columns {
			settings := dbmlSettings(t, c)
			settings = append(settings, "note: "+dbmlText(columnSummary(t, j)))
			fmt.Fprintf(&b, "  %s %s [%s]\n", dbmlName(c.Name), dbmlName(c.Type), strings.Join(settings, ", "))
		}
		writeDBMLIndexes(&b, t)
		if note := tableSummary(t); note != "" {
			fmt.Fprintf(&b, "\n  Note: %s\n", dbmlText(note))
		}
		b.WriteString("}\n\n")
	}
	for _, r := range d.Relations {
		if !r.IsOutside {
			fmt.Fprintf(&b, "Ref %s: %s %s %s\n", dbmlName(cmp.Or(r.Name, r.From+"_"+strings.Join(r.Columns, "_"))),
				dbmlEnd(r.From, r.Columns), dbmlSign(r), dbmlEnd(r.To, r.Referenced))
		}
	}
	for _, area := range d.areas() {
		fmt.Fprintf(&b, "\nTableGroup %s {\n", dbmlName(area))
		for _, t := range d.Tables {
			if t.Area == area {
				fmt.Fprintf(&b, "  %s\n", dbmlName(t.Name))
			}
		}
		b.WriteString("}\n")
	}
	_, err := b.WriteTo(w)
	return err
}

func dbmlSettings(t *Table, c catalog.Column) []string {
	var settings []string
	if slices.Equal(t.PrimaryKey(), []string{c.Name}) {
		settings = append(settings, "pk")
	}
	if c.NotNull {
		settings = append(settings, "not null")
	}
	if c.Identity {
		settings = append(settings, "increment")
	}
	if c.Default != "" {
		settings = append(settings, "default: `"+strings.ReplaceAll(c.Default, "`", "'")+"`")
	}
	return settings
}

func writeDBMLIndexes(b *bytes.Buffer, t *Table) {
	var lines []string
	if key := t.PrimaryKey(); len(key) > 1 {
		lines = append(lines, dbmlColumns(key)+" [pk]")
	}
	for _, i := range t.secondaryIndexes() {
		settings := []string{"name: " + dbmlText(i.Name)}
		if i.Unique && i.Predicate == "" { // DBML cannot say that an index is unique only for the rows of its predicate
			settings = append(settings, "unique")
		}
		if i.Predicate != "" {
			settings = append(settings, "note: "+dbmlText(indexKind(i)+" where "+i.Predicate))
		}
		columns := slices.Clone(i.Columns)
		lines = append(lines, dbmlColumns(columns)+" ["+strings.Join(settings, ", ")+"]")
	}
	if lines != nil {
		fmt.Fprintf(b, "\n  indexes {\n    %s\n  }\n", strings.Join(lines, "\n    "))
	}
}

// dbmlColumns lists the columns of a key. The text of an expression is not in the model, so it is written as
// `expression`.
func dbmlColumns(columns []string) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = "`expression`"
		if c != "" {
			names[i] = dbmlName(c)
		}
	}
	return "(" + strings.Join(names, ", ") + ")"
}

func dbmlEnd(table string, columns []string) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = dbmlName(c)
	}
	if len(names) == 1 {
		return dbmlName(table) + "." + names[0]
	}
	return dbmlName(table) + ".(" + strings.Join(names, ", ") + ")"
}

func dbmlSign(r Relation) string {
	if r.IsUnique {
		return "-"
	}
	return ">"
}

func dbmlName(name string) string {
	return `"` + strings.NewReplacer(`"`, "'", "\n", " ").Replace(name) + `"`
}

func dbmlText(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", " ").Replace(text) + "'"
}
