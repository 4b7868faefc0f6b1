package erd

import (
	"cmp"
	"slices"
	"strings"

	"cardinal/internal/catalog"
)

// tableSummary are a table's comment and how it is divided.
func tableSummary(t *Table) string {
	if t.PartitionKey == "" {
		return t.Comment
	}
	return strings.TrimSpace(t.Comment + " Partitioned by " + t.PartitionKey + ".")
}

// columnSummary are a column's data class and meaning.
func columnSummary(t *Table, i int) string {
	c := t.Columns[i]
	class := className(c)
	if class == "" || c.Meaning() == "" {
		return class + c.Meaning()
	}
	return class + ": " + c.Meaning()
}

// presence says whether every row must have a value.
func presence(t *Table, c catalog.Column) string {
	switch {
	case slices.Contains(t.PrimaryKey(), c.Name):
		return "primary key"
	case c.NotNull:
		return "mandatory"
	}
	return "optional"
}

// secondaryIndexes are the indexes that a reader of the diagram looks for: unique rules and indexes, but for the primary key's.
func (t *Table) secondaryIndexes() []catalog.Index {
	return slices.DeleteFunc(slices.Clone(t.Indexes), func(i catalog.Index) bool {
		return i.Unique && i.Predicate == "" && slices.Equal(i.Columns, t.PrimaryKey())
	})
}

func indexKind(i catalog.Index) string {
	if i.Unique {
		return "unique"
	}
	return "index"
}

// indexText is an index's columns and condition.
func indexText(i catalog.Index) string {
	columns := make([]string, len(i.Columns))
	for n, c := range i.Columns {
		columns[n] = cmp.Or(c, "(expression)")
	}
	text := strings.Join(columns, ", ")
	if i.Predicate != "" {
		text += " where " + i.Predicate
	}
	return text
}

// className is a column's data class in words, "" when its comment names none.
func className(c catalog.Column) string {
	class := map[string]string{
		catalog.ClassID:       "identifier",
		catalog.ClassPublic:   "public",
		catalog.ClassInternal: "internal",
		catalog.ClassPersonal: "personal",
		catalog.ClassSecret:   "secret",
	}[c.Class()]
	if c.IsSealed() && class != "" {
		return class + ", sealed"
	}
	return class
}

// typeAbbreviations shortens the names of types that are too long for a diagram.
var typeAbbreviations = strings.NewReplacer("timestamp with time zone", "timestamptz", "timestamp without time zone", "timestamp",
	"time with time zone", "timetz", "time without time zone", "time", "character varying", "varchar", "double precision", "double")
