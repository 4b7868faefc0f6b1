package catalog

import (
	"slices"
	"strings"
)

// SQLite keeps the text of a CREATE statement and tells through pragmas neither the names of constraints nor what a check says.
// What follows reads that text: as far as CREATE TABLE goes, with whatever quotes and comments people use.

// definition is a column or a constraint of the table, from one comma to the next.
type definition struct {
	tokens  []token
	comment string
}

// tableText is a CREATE TABLE statement taken apart.
type tableText struct {
	source      string
	comment     string
	definitions []definition
	options     string // behind the closing parenthesis
}

// readTableText takes a CREATE TABLE statement apart. A comment belongs to the definition that stands before it on its line.
func readTableText(source string) tableText {
	t := tableText{source: source}
	depth, line := 0, 0 // line: where the definition before the last comma ended
	var now definition
	var options []string
	for _, k := range tokens(source) {
		switch {
		case k.kind == comment:
			switch {
			case depth == 0:
			case len(now.tokens) == 0 && len(t.definitions) == 0:
				t.comment = joined(t.comment, k.text)
			case len(now.tokens) == 0 && k.line == line:
				last := &t.definitions[len(t.definitions)-1]
				last.comment = joined(last.comment, k.text)
			case len(now.tokens) > 0:
				now.comment = joined(now.comment, k.text)
			}
			continue
		case k.is("("):
			if depth++; depth == 1 {
				continue
			}
		case k.is(")"):
			if depth--; depth == 0 {
				t.definitions = append(t.definitions, now)
				continue
			}
		case k.is(",") && depth == 1:
			t.definitions, now, line = append(t.definitions, now), definition{}, k.line
			continue
		}
		if depth > 0 {
			now.tokens = append(now.tokens, k)
		} else if len(t.definitions) > 0 {
			options = append(options, k.text)
		}
	}
	t.options = strings.ReplaceAll(strings.ToUpper(strings.Join(options, " ")), " ,", ",")
	return t
}

func joined(a, b string) string { return strings.TrimSpace(a + " " + b) }

// clause walks the tokens of a definition.
type clause struct {
	source string
	rest   []token
}

// take drops the next tokens if they are these keywords.
func (c *clause) take(keywords ...string) bool {
	if len(c.rest) < len(keywords) {
		return false
	}
	for i, k := range keywords {
		if !c.rest[i].is(k) {
			return false
		}
	}
	c.rest = c.rest[len(keywords):]
	return true
}

// next drops a token and returns its text.
func (c *clause) next() string {
	if len(c.rest) == 0 {
		return ""
	}
	text := c.rest[0].text
	c.rest = c.rest[1:]
	return text
}

// inner drops what stands in parentheses and returns its tokens.
func (c *clause) inner() []token {
	if !c.take("(") {
		return nil
	}
	depth := 1
	for i, k := range c.rest {
		if k.is("(") {
			depth++
		} else if k.is(")") {
			if depth--; depth == 0 {
				found := c.rest[:i]
				c.rest = c.rest[i+1:]
				return found
			}
		}
	}
	found := c.rest
	c.rest = nil
	return found
}

// text is tokens as they stand in the source, with the space between them folded and comments left out.
func (c *clause) text(of []token) string {
	var b strings.Builder
	for i, k := range of {
		if i > 0 && k.at > of[i-1].end {
			b.WriteByte(' ')
		}
		b.WriteString(c.source[k.at:k.end])
	}
	return b.String()
}

// names are the names in a list in parentheses: the first of each item, so without COLLATE and DESC.
func (c *clause) names() []string {
	var found []string
	first := true
	for _, k := range c.inner() {
		if k.is(",") {
			first = true
		} else if first && k.isName() {
			found, first = append(found, k.text), false
		}
	}
	return found
}

// constraintWords begin a constraint of a column, and so end its type.
var constraintWords = []string{"CONSTRAINT", "PRIMARY", "NOT", "NULL", "UNIQUE", "CHECK", "DEFAULT", "COLLATE", "REFERENCES", "GENERATED", "AS"}

// isTableConstraint reports whether a definition is a constraint and no column.
func (d definition) isTableConstraint() bool {
	return len(d.tokens) > 0 && slices.ContainsFunc([]string{"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"}, d.tokens[0].is)
}

// column reads the definition of a column, and the constraints that stand in it.
func (d definition) column(source string) (Column, []Constraint) {
	c := &clause{source, d.tokens}
	column := Column{Comment: d.comment, Name: c.next()}
	typed := 0
	for typed < len(c.rest) && !slices.ContainsFunc(constraintWords, c.rest[typed].is) {
		typed++
	}
	column.Type = c.text(c.rest[:typed])
	c.rest = c.rest[typed:]
	return column, c.constraints(&column)
}

// constraints reads what is left of a definition: of a column, or of a constraint of the table when column is nil.
func (c *clause) constraints(column *Column) []Constraint {
	var found []Constraint
	name := ""
	add := func(k Constraint) {
		k.Name, k.Validated, name = name, true, ""
		if column != nil {
			k.Columns = []string{column.Name}
		}
		found = append(found, k)
	}
	for len(c.rest) > 0 {
		switch {
		case c.take("CONSTRAINT"):
			name = c.next()
		case c.take("NOT", "NULL"):
			if column != nil {
				column.NotNull = true
			}
			name = ""
		case c.take("PRIMARY", "KEY"):
			k := Constraint{Kind: PrimaryKey}
			if column == nil {
				k.Columns = c.names()
			}
			add(k)
		case c.take("UNIQUE"):
			k := Constraint{Kind: Unique}
			if column == nil {
				k.Columns = c.names()
			}
			add(k)
		case c.take("CHECK"):
			add(Constraint{Kind: Check, Expression: c.text(c.inner())})
		case c.take("FOREIGN", "KEY"):
			columns := c.names()
			if c.take("REFERENCES") {
				k := c.references()
				k.Columns = columns
				add(k)
			}
		case c.take("REFERENCES"):
			add(c.references())
		case column != nil && c.take("AUTOINCREMENT"):
			column.Identity = true
		case column != nil && c.take("DEFAULT"):
			column.Default = c.value()
		case column != nil && c.take("COLLATE"):
			column.Collation = c.next()
		case column != nil && (c.take("GENERATED", "ALWAYS", "AS") || c.take("AS")):
			column.Generated = c.text(c.inner())
		default:
			c.next()
		}
	}
	return found
}

// value reads a default: a literal, a signed number, or an expression in parentheses.
func (c *clause) value() string {
	if len(c.rest) == 0 {
		return ""
	}
	if c.rest[0].is("(") {
		return c.text(c.inner())
	}
	n := 1
	if c.rest[0].is("-") || c.rest[0].is("+") {
		n = min(2, len(c.rest))
	}
	text := c.text(c.rest[:n])
	c.rest = c.rest[n:]
	return text
}

// references reads what follows REFERENCES.
func (c *clause) references() Constraint {
	k := Constraint{Kind: ForeignKey, References: c.next(), OnUpdate: "NO ACTION", OnDelete: "NO ACTION"}
	if len(c.rest) > 0 && c.rest[0].is("(") {
		k.ReferencedColumns = c.names()
	}
	action := func() string {
		for _, a := range []string{"SET NULL", "SET DEFAULT", "NO ACTION", "CASCADE", "RESTRICT"} {
			if c.take(strings.Fields(a)...) {
				return a
			}
		}
		return "NO ACTION"
	}
	for {
		switch {
		case c.take("ON", "DELETE"):
			k.OnDelete = action()
		case c.take("ON", "UPDATE"):
			k.OnUpdate = action()
		case c.take("MATCH"):
			c.next()
		case c.take("NOT", "DEFERRABLE"):
		case c.take("DEFERRABLE"):
			k.Deferrable = true
		case c.take("INITIALLY", "DEFERRED"):
			k.Deferred = true
		case c.take("INITIALLY", "IMMEDIATE"):
		default:
			return k
		}
	}
}

// predicateOf is the condition of a partial index's text.
func predicateOf(source string) string {
	depth := 0
	all := tokens(source)
	for i, k := range all {
		switch {
		case k.is("("):
			depth++
		case k.is(")"):
			depth--
		case depth == 0 && k.is("WHERE"):
			c := clause{source: source}
			return c.text(slices.DeleteFunc(slices.Clone(all[i+1:]), func(t token) bool { return t.kind == comment }))
		}
	}
	return ""
}

// mentioned are the columns whose names stand in an expression.
func mentioned(expression string, columns []Column) []string {
	var found []string
	for _, k := range tokens(expression) {
		if k.isName() && !slices.Contains(found, k.text) && slices.ContainsFunc(columns, func(c Column) bool { return strings.EqualFold(c.Name, k.text) }) {
			found = append(found, k.text)
		}
	}
	return found
}
