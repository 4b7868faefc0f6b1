package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"cardinal/internal/catalog"
)

// fix returns the statements that make an object what it should be, "" if no statement can.
func (d difference) fix(s *Subject) string {
	statements := d.sqliteFix(s)
	if s.Live.Engine == "postgres" {
		statements = d.postgresFix(s)
		if len(statements) > 0 {
			statements = append([]string{"SET search_path = " + quoteName(s.Live.Name)}, statements...)
		}
	}
	if len(statements) == 0 {
		return ""
	}
	return strings.Join(statements, ";\n") + ";"
}

// manualFix says what to do if no statement repairs the difference.
func (d difference) manualFix(s *Subject) string {
	if s.Live.Engine == "sqlite" {
		return "SQLite cannot change a table in place: create a table as in a new database, copy the rows, and " +
			"rename it"
	}
	return "no statement can repair it: compare it with a new database"
}

// sqliteFix repairs tables, indexes and triggers. Columns and constraints are part of the text of their table.
func (d difference) sqliteFix(s *Subject) []string {
	kind := map[string]string{"table": "TABLE", "index": "INDEX", "trigger": "TRIGGER"}[d.object.Kind]
	if kind == "" || d.object.Kind == "table" && !d.missing && !d.extra {
		return nil
	}
	var statements []string
	if !d.missing {
		statements = append(statements, "DROP "+kind+" "+quoteName(d.object.Name))
	}
	if d.extra {
		return statements
	}
	var text string
	switch t := s.Shadow.Table(cmp.Or(d.object.Table, d.object.Name)); d.object.Kind {
	case "table":
		text = t.Text
	case "index":
		text = findFirst(t.Indexes, func(i catalog.Index) bool { return i.Name == d.object.Name }).Definition
	case "trigger":
		text = findFirst(t.Triggers, func(g catalog.Trigger) bool { return g.Name == d.object.Name }).Definition
	}
	if text == "" {
		return nil // SQLite created it for a key
	}
	return append(statements, text)
}

// findFirst returns the first element that matches, or the zero value.
func findFirst[T any](list []T, match func(T) bool) (found T) {
	if i := slices.IndexFunc(list, match); i >= 0 {
		found = list[i]
	}
	return found
}

func (d difference) postgresFix(s *Subject) []string {
	want := s.Shadow.Table(d.object.Table)
	switch d.object.Kind {
	case "schema":
		return d.grantStatements("SCHEMA "+quoteName(s.Live.Name), "")
	case "table":
		return d.tableFix(s)
	case "column":
		return d.columnFix(want)
	case "constraint":
		return d.constraintFix(want)
	case "index":
		return d.indexFix(want)
	case "trigger":
		return d.triggerFix(want)
	case "function":
		return d.functionFix(s)
	case "comment":
		on := strings.Replace(d.object.Name, " on table ", " ON ", 1)
		return []string{"COMMENT ON " + on + " IS NULL"}
	case "sequence", "type":
		if d.extra {
			return []string{"DROP " + strings.ToUpper(d.object.Kind) + " " + quoteName(d.object.Name)}
		}
	}
	return nil
}

// grantStatements repairs the privileges on an object; column is "" unless they are on a column.
func (d difference) grantStatements(on, column string) []string {
	var statements []string
	for _, c := range d.changed {
		privilege, role, ok := strings.Cut(c.property, " for ")
		if !ok {
			continue
		}
		if role != "PUBLIC" {
			role = quoteName(role)
		}
		if column != "" {
			privilege += " (" + quoteName(column) + ")"
		}
		switch {
		case c.want == "":
			statements = append(statements, "REVOKE "+privilege+" ON "+on+" FROM "+role)
		case c.live == "with grant option":
			statements = append(statements, "REVOKE GRANT OPTION FOR "+privilege+" ON "+on+" FROM "+role)
		default:
			statements = append(statements, "GRANT "+privilege+" ON "+on+" TO "+role)
		}
	}
	return statements
}

// commentStatement returns the statement that sets the comment of an object.
func commentStatement(on, text string) string {
	if text == "" {
		return "COMMENT ON " + on + " IS NULL"
	}
	return "COMMENT ON " + on + " IS " + quoteLiteral(text)
}

func (d difference) tableFix(s *Subject) []string {
	name, want := quoteName(d.object.Name), s.Shadow.Table(d.object.Name)
	switch {
	case d.extra:
		kind := "TABLE"
		if t := s.Live.Table(d.object.Name); t != nil && t.Kind == catalog.View {
			kind = "VIEW"
		}
		return []string{"DROP " + kind + " " + name}
	case d.missing:
		if m := monthTable.FindStringSubmatch(d.object.Name); m != nil {
			return []string{fmt.Sprintf("SELECT audit_month_ensure('%s-%s-01')", m[1], m[2])}
		}
		return createTableStatements(s, want)
	}
	attach := "ALTER TABLE " + quoteName(want.PartitionOf) + " ATTACH PARTITION " + name + " " + want.Bounds
	switch {
	case want.PartitionOf == "":
	case d.changes("partition of"):
		return []string{attach}
	case d.changes("bounds"):
		return []string{"ALTER TABLE " + quoteName(want.PartitionOf) + " DETACH PARTITION " + name, attach}
	}
	statements := d.grantStatements("TABLE "+name, "")
	for _, c := range d.changed {
		switch c.property {
		case "comment":
			statements = append(statements, commentStatement("TABLE "+name, c.want))
		case "owner":
			statements = append(statements, "ALTER TABLE "+name+" OWNER TO "+quoteName(s.Live.Owner()))
		case "options":
			statements = append(statements, resetOptions(name, c)...)
		}
	}
	return statements
}

// changes reports whether a property differs.
func (d difference) changes(property string) bool {
	return slices.ContainsFunc(d.changed, func(c change) bool { return c.property == property })
}

// createTableStatements creates a missing table with everything that belongs to it. Its rows are lost.
func createTableStatements(s *Subject, t *catalog.Table) []string {
	var columns []string
	for _, c := range t.Columns {
		columns = append(columns, "  "+columnDeclaration(c))
	}
	statements := []string{"CREATE TABLE " + quoteName(t.Name) + " (\n" + strings.Join(columns, ",\n") + ")"}
	if t.PartitionKey != "" {
		statements[0] += " PARTITION BY " + t.PartitionKey
	}
	add := func(d difference) { statements = append(statements, d.postgresFix(s)...) }
	for _, c := range t.Constraints {
		statements = append(statements, "ALTER TABLE "+quoteName(t.Name)+" ADD CONSTRAINT "+quoteName(c.Name)+" "+
			c.Definition)
	}
	for _, i := range t.Indexes {
		if i.Constraint == "" {
			add(difference{object: catalog.Object{Kind: "index", Table: t.Name, Name: i.Name}, missing: true})
		}
	}
	for _, g := range t.Triggers {
		add(difference{object: catalog.Object{Kind: "trigger", Table: t.Name, Name: g.Name}, missing: true})
	}
	statements = append(statements, commentStatement("TABLE "+quoteName(t.Name), t.Comment))
	for _, c := range t.Columns {
		statements = append(statements, commentStatement("COLUMN "+quoteName(t.Name)+"."+quoteName(c.Name), c.Comment))
	}
	return append(statements, grantsOnTable("TABLE "+quoteName(t.Name), t)...)
}

// grantsOnTable returns the statements that grant the privileges on a table and its columns.
func grantsOnTable(on string, t *catalog.Table) []string {
	give := func(g catalog.Grant, column string) []string {
		return difference{changed: []change{{catalog.GrantProperty(g), "", "granted"}}}.grantStatements(on, column)
	}
	var statements []string
	for _, g := range t.Grants {
		statements = append(statements, give(g, "")...)
	}
	for _, c := range t.Columns {
		for _, g := range c.Grants {
			statements = append(statements, give(g, c.Name)...)
		}
	}
	return statements
}

var optionName = newPattern(`^([a-z_.]+)=`)

// resetOptions removes options that the migrations do not set: storage parameters, row security, UNLOGGED. It enables
// row security where they enable it.
func resetOptions(table string, c change) []string {
	var statements []string
	alter := func(what string) { statements = append(statements, "ALTER TABLE "+table+" "+what) }
	wanted := strings.Split(c.want, ", ")
	if slices.Contains(wanted, "ROW SECURITY") && !slices.Contains(strings.Split(c.live, ", "), "ROW SECURITY") {
		alter("ENABLE ROW LEVEL SECURITY")
	}
	for _, option := range strings.Split(c.live, ", ") {
		if slices.Contains(wanted, option) {
			continue
		}
		name, rest, _ := strings.Cut(option, " ")
		switch {
		case option == "ROW SECURITY":
			alter("DISABLE ROW LEVEL SECURITY")
		case option == "FORCE ROW SECURITY":
			alter("NO FORCE ROW LEVEL SECURITY")
		case option == "UNLOGGED":
			alter("SET LOGGED")
		case name == "POLICY":
			policy, _, _ := strings.Cut(rest, " ")
			statements = append(statements, "DROP POLICY "+quoteName(policy)+" ON "+table)
		case name == "RULE":
			if m := createRule.FindStringSubmatch(option); m != nil {
				statements = append(statements, "DROP RULE "+m[1]+" ON "+table)
			}
		case optionName.MatchString(option):
			alter("RESET (" + optionName.FindStringSubmatch(option)[1] + ")")
		}
	}
	return statements
}

var createRule = newPattern(`CREATE RULE (\S+) AS`)
