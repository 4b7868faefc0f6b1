package erd

import (
	"cmp"
	"slices"
	"strings"

	"cardinal/internal/catalog"
)

// tableSummary returns a table's comment and partition key.
func tableSummary(t *Table) string {
	if t.PartitionKey == "" {
		return t.Comment
	}
	return strings.TrimSpace(t.Comment + " Partitioned by " + t.PartitionKey + ".")
}

// columnSummary returns a column's data class and meaning.
func columnSummary(t *Table, i int) string {
	c := t.Columns[i]
	class := className(c)
	if class == "" || c.Description() == "" {
		return class + c.Description()
	}
	return class + ": " + c.Description()
}

// presence returns whether a column is part of the primary key, mandatory or optional.
func presence(t *Table, c catalog.Column) string {
	switch {
	case slices.Contains(t.PrimaryKey(), c.Name):
		return "primary key"
	case c.NotNull:
		return "mandatory"
	}
	return "optional"
}

// secondaryIndexes returns the indexes and unique constraints without that of the primary key.
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

// indexText returns an index's columns and predicate.
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

// className returns the name of a column's data class for readers, "" if its comment has none.
func className(c catalog.Column) string {
	class := map[string]string{
		catalog.ClassID:       "identifier",
		catalog.ClassPublic:   "public",
		catalog.ClassInternal: "internal",
		catalog.ClassPersonal: "personal",
		catalog.ClassSecret:   "secret",
	}[c.Class()]
	if c.IsEncrypted() && class != "" {
		return class + ", encrypted"
	}
	return class
}

// typeAbbreviations shortens type names that are too long for a diagram.
var typeAbbreviations = strings.NewReplacer(
	"timestamp with time zone", "timestamptz",
	"timestamp without time zone", "timestamp",
	"time with time zone", "timetz",
	"time without time zone", "time",
	"character varying", "varchar",
	"double precision", "double",
)
