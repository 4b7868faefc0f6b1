package check

import (
	"cmp"
	"slices"
	"strings"

	"cardinal/internal/catalog"
)

// columnDeclaration returns a column definition for CREATE TABLE and ADD COLUMN.
func columnDeclaration(c catalog.Column) string {
	text := quoteName(c.Name) + " " + c.Type
	if c.Collation != "" {
		text += " COLLATE " + quoteName(c.Collation)
	}
	if c.Generated != "" {
		text += " GENERATED ALWAYS AS (" + c.Generated + ") STORED"
	}
	if c.Default != "" {
		text += " DEFAULT " + c.Default
	}
	if c.NotNull {
		text += " NOT NULL"
	}
	return text
}

func (d difference) columnFix(want *catalog.Table) []string {
	table := "ALTER TABLE " + quoteName(d.object.Table)
	name := quoteName(d.object.Name)
	if d.extra {
		return []string{table + " DROP COLUMN " + name}
	}
	c := want.Column(d.object.Name)
	if d.missing {
		return append([]string{table + " ADD COLUMN " + columnDeclaration(*c),
			commentStatement("COLUMN "+quoteName(want.Name)+"."+name, c.Comment)},
			grantsOnTable("TABLE "+quoteName(want.Name), &catalog.Table{Columns: []catalog.Column{*c}})...)
	}
	statements := d.grantStatements("TABLE "+quoteName(want.Name), c.Name)
	typeChanged := false
	for _, x := range d.changed {
		switch x.property {
		case "type", "collation":
			if !typeChanged {
				typeChanged = true
				collation := ""
				if c.Collation != "" {
					collation = " COLLATE " + quoteName(c.Collation)
				}
				statements = append(statements, table+" ALTER COLUMN "+name+" TYPE "+c.Type+collation+" USING "+name+
					"::"+c.Type)
			}
		case "not null":
			statements = append(statements, table+" ALTER COLUMN "+name+
				map[bool]string{true: " SET", false: " DROP"}[c.NotNull]+" NOT NULL")
		case "default":
			if c.Default == "" {
				statements = append(statements, table+" ALTER COLUMN "+name+" DROP DEFAULT")
			} else {
				statements = append(statements, table+" ALTER COLUMN "+name+" SET DEFAULT "+c.Default)
			}
		case "generated as":
			if c.Generated == "" {
				statements = append(statements, table+" ALTER COLUMN "+name+" DROP EXPRESSION")
			} else {
				statements = append(statements, table+" DROP COLUMN "+name, table+" ADD COLUMN "+columnDeclaration(*c))
			}
		case "comment":
			statements = append(statements, commentStatement("COLUMN "+quoteName(want.Name)+"."+name, c.Comment))
		}
	}
	return statements
}

// constraintFix avoids long locks where it can: check and foreign key constraints are added NOT VALID first, and keys
// use an index that is built concurrently.
func (d difference) constraintFix(want *catalog.Table) []string {
	table, name := "ALTER TABLE "+quoteName(d.object.Table), quoteName(d.object.Name)
	var statements []string
	if !d.missing {
		statements = append(statements, table+" DROP CONSTRAINT "+name)
	}
	if d.extra {
		return statements
	}
	c := findFirst(want.Constraints, func(c catalog.Constraint) bool { return c.Name == d.object.Name })
	if len(d.changed) > 0 {
		only := func(properties ...string) bool {
			return !slices.ContainsFunc(d.changed,
				func(x change) bool { return !slices.Contains(properties, x.property) })
		}
		switch {
		case only("enforced"):
			return []string{table + " ENABLE TRIGGER ALL", "ALTER TABLE " + quoteName(cmp.Or(c.References, want.Name)) +
				" ENABLE TRIGGER ALL"}
		case only("validated", "definition") && d.changes("validated"):
			return []string{table + " VALIDATE CONSTRAINT " + name}
		case only("inherited"):
			return nil
		}
	}
	add := table + " ADD CONSTRAINT " + name + " "
	switch {
	case want.Kind == catalog.Partitioned || c.Kind == catalog.Exclusion:
		return append(statements, add+c.Definition)
	case c.Kind == catalog.PrimaryKey || c.Kind == catalog.Unique:
		return append(statements, "CREATE UNIQUE INDEX CONCURRENTLY "+name+" ON "+quoteName(want.Name)+" ("+
			quoteNames(c.Columns)+")",
			add+strings.ToUpper(string(c.Kind))+" USING INDEX "+name)
	}
	return append(statements, add+c.Definition+" NOT VALID", table+" VALIDATE CONSTRAINT "+name)
}

func (d difference) indexFix(want *catalog.Table) []string {
	concurrently := " CONCURRENTLY"
	if want != nil && want.Kind == catalog.Partitioned {
		concurrently = ""
	}
	var statements []string
	if !d.missing {
		statements = append(statements, "DROP INDEX"+concurrently+" "+quoteName(d.object.Name))
	}
	if d.extra {
		return statements
	}
	i := findFirst(want.Indexes, func(i catalog.Index) bool { return i.Name == d.object.Name })
	if i.Constraint != "" || i.PartOf != "" {
		return nil // it belongs to a key or to the index of the partitioned table
	}
	definition := strings.Replace(i.Definition, " INDEX ", " INDEX"+concurrently+" ", 1)
	return append(statements, strings.Replace(definition, " ON ONLY ", " ON ", 1))
}

func (d difference) triggerFix(want *catalog.Table) []string {
	table, name := quoteName(d.object.Table), quoteName(d.object.Name)
	if len(d.changed) > 0 && !slices.ContainsFunc(d.changed,
		func(c change) bool { return c.property != "enabled" && c.property != "definition" }) &&
		slices.ContainsFunc(d.changed,
			func(c change) bool { return strings.TrimSuffix(c.live, " (DISABLED)") == c.want }) {
		return []string{"ALTER TABLE " + table + " ENABLE TRIGGER " + name}
	}
	var statements []string
	if !d.missing {
		statements = append(statements, "DROP TRIGGER "+name+" ON "+table)
	}
	if d.extra {
		return statements
	}
	return append(statements, findFirst(want.Triggers,
		func(g catalog.Trigger) bool { return g.Name == d.object.Name }).Definition)
}

func (d difference) functionFix(s *Subject) []string {
	if d.extra {
		return []string{"DROP FUNCTION " + d.object.Name}
	}
	f := findFirst(s.Shadow.Functions,
		func(f catalog.Function) bool { return f.Name+"("+f.Arguments+")" == d.object.Name })
	if s.Shadow.Owner() == f.Owner && len(d.changed) == 1 && d.changed[0].property == "owner" {
		return []string{"ALTER FUNCTION " + d.object.Name + " OWNER TO " + quoteName(s.Live.Owner())}
	}
	statements := d.grantStatements("FUNCTION "+d.object.Name, "")
	if d.aspect == aspectComments {
		return append(statements, commentStatement("FUNCTION "+d.object.Name, f.Comment))
	}
	if d.aspect == aspectRights {
		return statements
	}
	statements = append(statements, strings.ReplaceAll(strings.TrimSpace(f.Definition), "$schema",
		quoteName(s.Live.Name)))
	if d.missing {
		statements = append(statements, "REVOKE ALL ON FUNCTION "+d.object.Name+" FROM PUBLIC",
			commentStatement("FUNCTION "+d.object.Name, f.Comment))
		for _, g := range f.Grants {
			statements = append(statements,
				difference{changed: []change{{catalog.GrantProperty(g), "", "granted"}}}.grantStatements("FUNCTION "+
					d.object.Name, "")...)
		}
	}
	return statements
}
