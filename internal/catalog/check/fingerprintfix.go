package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"cardinal/internal/catalog"
)

// fix is the text that makes an object what it should be, "" where no statement can.
func (d difference) fix(s *Subject) string {
	statements := d.sqlite(s)
	if s.Live.Engine == "postgres" {
		statements = d.postgres(s)
		if len(statements) > 0 {
			statements = append([]string{"SET search_path = " + quote(s.Live.Name)}, statements...)
		}
	}
	if len(statements) == 0 {
		return ""
	}
	return strings.Join(statements, ";\n") + ";"
}

// unfixable says what to do where no statement repairs.
func (d difference) unfixable(s *Subject) string {
	if s.Live.Engine == "sqlite" {
		return "SQLite cannot change a table in place: make one with the text that a new database has, copy the rows, and rename it"
	}
	return "no statement is known that repairs it: compare it with a new database"
}

// sqlite repairs what is an object of its own; columns and constraints are part of their table's text.
func (d difference) sqlite(s *Subject) []string {
	kind := map[string]string{"table": "TABLE", "index": "INDEX", "trigger": "TRIGGER"}[d.object.Kind]
	if kind == "" || d.object.Kind == "table" && !d.missing && !d.surplus {
		return nil
	}
	var statements []string
	if !d.missing {
		statements = append(statements, "DROP "+kind+" "+quote(d.object.Name))
	}
	if d.surplus {
		return statements
	}
	var text string
	switch t := s.Shadow.Table(cmp.Or(d.object.Table, d.object.Name)); d.object.Kind {
	case "table":
		text = t.Text
	case "index":
		text = part(t.Indexes, func(i catalog.Index) bool { return i.Name == d.object.Name }).Definition
	case "trigger":
		text = part(t.Triggers, func(g catalog.Trigger) bool { return g.Name == d.object.Name }).Definition
	}
	if text == "" {
		return nil // SQLite made it for a key
	}
	return append(statements, text)
}

// part returns the first that is, or the zero value.
func part[T any](of []T, is func(T) bool) (found T) {
	if i := slices.IndexFunc(of, is); i >= 0 {
		found = of[i]
	}
	return found
}

func (d difference) postgres(s *Subject) []string {
	want := s.Shadow.Table(d.object.Table)
	switch d.object.Kind {
	case "schema":
		return d.rights("SCHEMA "+quote(s.Live.Name), "")
	case "table":
		return d.table(s)
	case "column":
		return d.column(want)
	case "constraint":
		return d.constraint(want)
	case "index":
		return d.index(want)
	case "trigger":
		return d.trigger(want)
	case "function":
		return d.function(s)
	case "comment":
		on := strings.Replace(d.object.Name, " on table ", " ON ", 1)
		return []string{"COMMENT ON " + on + " IS NULL"}
	case "sequence", "type":
		if d.surplus {
			return []string{"DROP " + strings.ToUpper(d.object.Kind) + " " + quote(d.object.Name)}
		}
	}
	return nil
}

// rights repairs rights on something; column is where they are on a column.
func (d difference) rights(on, column string) []string {
	var statements []string
	for _, c := range d.changed {
		privilege, role, ok := strings.Cut(c.property, " for ")
		if !ok {
			continue
		}
		if role != "PUBLIC" {
			role = quote(role)
		}
		if column != "" {
			privilege += " (" + quote(column) + ")"
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

func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// comment is the statement that gives an object its comment.
func comment(on, text string) string {
	if text == "" {
		return "COMMENT ON " + on + " IS NULL"
	}
	return "COMMENT ON " + on + " IS " + literal(text)
}

func (d difference) table(s *Subject) []string {
	name, want := quote(d.object.Name), s.Shadow.Table(d.object.Name)
	switch {
	case d.surplus:
		kind := "TABLE"
		if t := s.Live.Table(d.object.Name); t != nil && t.Kind == catalog.View {
			kind = "VIEW"
		}
		return []string{"DROP " + kind + " " + name}
	case d.missing:
		if m := monthTable.FindStringSubmatch(d.object.Name); m != nil {
			return []string{fmt.Sprintf("SELECT audit_month_ensure('%s-%s-01')", m[1], m[2])}
		}
		return createTable(s, want)
	}
	attach := "ALTER TABLE " + quote(want.PartitionOf) + " ATTACH PARTITION " + name + " " + want.Bounds
	switch {
	case want.PartitionOf == "":
	case d.changes("partition of"):
		return []string{attach}
	case d.changes("bounds"):
		return []string{"ALTER TABLE " + quote(want.PartitionOf) + " DETACH PARTITION " + name, attach}
	}
	statements := d.rights("TABLE "+name, "")
	for _, c := range d.changed {
		switch c.property {
		case "comment":
			statements = append(statements, comment("TABLE "+name, c.want))
		case "owner":
			statements = append(statements, "ALTER TABLE "+name+" OWNER TO "+quote(s.Live.Owner()))
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

// createTable makes a table that is missing, with everything that belongs to it; its rows are lost.
func createTable(s *Subject, t *catalog.Table) []string {
	var columns []string
	for _, c := range t.Columns {
		columns = append(columns, "  "+declaration(c))
	}
	statements := []string{"CREATE TABLE " + quote(t.Name) + " (\n" + strings.Join(columns, ",\n") + ")"}
	if t.PartitionKey != "" {
		statements[0] += " PARTITION BY " + t.PartitionKey
	}
	add := func(d difference) { statements = append(statements, d.postgres(s)...) }
	for _, c := range t.Constraints {
		statements = append(statements, "ALTER TABLE "+quote(t.Name)+" ADD CONSTRAINT "+quote(c.Name)+" "+c.Definition)
	}
	for _, i := range t.Indexes {
		if i.Constraint == "" {
			add(difference{object: catalog.Object{Kind: "index", Table: t.Name, Name: i.Name}, missing: true})
		}
	}
	for _, g := range t.Triggers {
		add(difference{object: catalog.Object{Kind: "trigger", Table: t.Name, Name: g.Name}, missing: true})
	}
	statements = append(statements, comment("TABLE "+quote(t.Name), t.Comment))
	for _, c := range t.Columns {
		statements = append(statements, comment("COLUMN "+quote(t.Name)+"."+quote(c.Name), c.Comment))
	}
	return append(statements, grants("TABLE "+quote(t.Name), t)...)
}

// grants are the statements that give the rights on a table and its columns.
func grants(on string, t *catalog.Table) []string {
	give := func(g catalog.Grant, column string) []string {
		return difference{changed: []change{{catalog.GrantProperty(g), "", "granted"}}}.rights(on, column)
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

var optionName = lazily(`^([a-z_.]+)=`)

// resetOptions takes back what the migrations never set: storage parameters, row security, that a table is not logged.
func resetOptions(table string, c change) []string {
	var statements []string
	alter := func(what string) { statements = append(statements, "ALTER TABLE "+table+" "+what) }
	for _, option := range strings.Split(c.live, ", ") {
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
			statements = append(statements, "DROP POLICY "+quote(policy)+" ON "+table)
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

var createRule = lazily(`CREATE RULE (\S+) AS`)
