package check

import (
	"slices"
	"strings"

	"cardinal/internal/catalog"
)

// tableName returns the name of a table for use in a statement.
func (s *Subject) tableName(name string) string {
	if s.Live.Engine == "postgres" {
		return quoteName(s.Live.Name) + "." + quoteName(name)
	}
	return quoteName(name)
}

// alterTable returns an ALTER TABLE statement. SQLite has none for constraints; there a migration creates the table
// again.
func (s *Subject) alterTable(t *catalog.Table, how string) string {
	if s.Live.Engine == "sqlite" {
		return ""
	}
	return "ALTER TABLE " + s.tableName(t.Name) + " " + how + ";"
}

// createIndex returns a CREATE INDEX statement. PostgreSQL cannot create an index CONCURRENTLY on a partitioned table.
func (s *Subject) createIndex(t *catalog.Table, columns []string, where string) string {
	concurrently := ""
	if s.Live.Engine == "postgres" && t.Kind == catalog.Ordinary {
		concurrently = "CONCURRENTLY "
	}
	name := t.Name + "_" + strings.TrimSuffix(strings.Join(columns, "_"), "_id") + "_ix"
	for slices.ContainsFunc(t.Indexes, func(i catalog.Index) bool { return i.Name == name }) {
		name += "2"
	}
	return "CREATE INDEX " + concurrently + quoteName(name) + " ON " + s.tableName(t.Name) + " (" +
		quoteNames(columns) + ")" + where + ";"
}

// notNullPredicate keeps an index small if its only column can be NULL.
func (s *Subject) notNullPredicate(t *catalog.Table, columns []string) string {
	if c := t.Column(columns[0]); len(columns) == 1 && c != nil && !c.NotNull {
		return " WHERE " + quoteName(c.Name) + " IS NOT NULL"
	}
	return ""
}

// dropIndex returns a DROP INDEX statement; "" for the index of a constraint.
func (s *Subject) dropIndex(i catalog.Index) string {
	if i.Constraint != "" {
		return ""
	}
	return "DROP INDEX " + s.tableName(i.Name) + ";"
}

// enableTriggers returns the statement that enables the disabled triggers of a table; "" if none is disabled.
func (s *Subject) enableTriggers(t *catalog.Table) string {
	var off []string
	for _, trigger := range t.Triggers {
		if !trigger.Enabled {
			off = append(off, "ENABLE TRIGGER "+quoteName(trigger.Name))
		}
	}
	if off == nil {
		return ""
	}
	return s.alterTable(t, strings.Join(off, ", "))
}

// revoke returns a REVOKE statement, on one column unless column is "".
func (s *Subject) revoke(t *catalog.Table, g catalog.Grant, column string) string {
	from, of := quoteName(g.Grantee), g.Privilege
	if g.Grantee == "PUBLIC" {
		from = "PUBLIC"
	}
	if column != "" {
		of += " (" + quoteName(column) + ")"
	}
	return "REVOKE " + of + " ON " + s.tableName(t.Name) + " FROM " + from + ";"
}

var plainName = newPattern(`^[a-z_][a-z0-9_]*$`)

// reserved are the reserved words that are plausible names of tables and columns: a statement must quote them.
var reserved = strings.Fields("all and any array as asc both case check collate column constraint create " +
	"current_user default desc distinct do else end false fetch for foreign from grant group having in initially " +
	"into leading limit not null offset on only or order primary references select session_user some table then to " +
	"trailing true union unique user using values when where window with index transaction set")

// quoteName returns a name for use in a statement, in quotes if necessary.
func quoteName(name string) string {
	if plainName.MatchString(name) && !slices.Contains(reserved, name) {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// quoteNames returns a list of names for use in a statement.
func quoteNames(columns []string) string {
	quoted := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = quoteName(c)
	}
	return strings.Join(quoted, ", ")
}

// quoteLiteral returns a string literal.
func quoteLiteral(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
