package catalog

import (
	"slices"
	"strings"
)

// SQLite stores the text of CREATE statements. Its pragmas report neither the names of constraints nor check
// expressions.
// This file is a recursive-descent parser for CREATE TABLE, with all forms of quotes and comments.

// definition is a column or constraint of the table: the tokens between two commas.
type definition struct {
	tokens  []token
	comment string
}

// tableText is a parsed CREATE TABLE statement.
type tableText struct {
	source      string
	comment     string
	definitions []definition
	options     string // after the closing parenthesis
}

// parseTableText splits a CREATE TABLE statement into its definitions. A comment belongs to the definition before it on
// the same line. ALTER TABLE inserts a column after the last one, in front of the comment of that one.
func parseTableText(source string) tableText {
	t := tableText{source: source}
	depth, lastLine := 0, 0 // lastLine: line on which the previous definition ended
	var current definition
	var options []string
	for _, k := range tokenize(source) {
		switch {
		case k.kind == comment:
			switch {
			case depth == 0:
			case len(current.tokens) == 0 && len(t.definitions) == 0:
				t.comment = joinText(t.comment, k.text)
			case len(current.tokens) == 0 && k.line == lastLine:
				last := t.commented()
				last.comment = joinText(last.comment, k.text)
			case len(current.tokens) > 0:
				current.comment = joinText(current.comment, k.text)
			}
			continue
		case k.is("("):
			if depth++; depth == 1 {
				continue
			}
		case k.is(")"):
			if depth--; depth == 0 {
				t.definitions = append(t.definitions, current)
				continue
			}
		case k.is(",") && depth == 1:
			t.definitions, current, lastLine = append(t.definitions, current), definition{}, k.line
			continue
		}
		if depth > 0 {
			current.tokens = append(current.tokens, k)
		} else if len(t.definitions) > 0 {
			options = append(options, k.text)
		}
	}
	t.options = strings.ReplaceAll(strings.ToUpper(strings.Join(options, " ")), " ,", ",")
	return t
}

// commented returns the definition that a comment after the last definition belongs to: the last one without a comment
// of its own, because ALTER TABLE can have inserted columns with comments between a column and its comment.
func (t *tableText) commented() *definition {
	for i := len(t.definitions) - 1; i >= 0; i-- {
		if t.definitions[i].comment == "" {
			return &t.definitions[i]
		}
	}
	return &t.definitions[len(t.definitions)-1]
}

func joinText(a, b string) string { return strings.TrimSpace(a + " " + b) }

// clauseParser reads the tokens of a definition.
type clauseParser struct {
	source string
	rest   []token
}

// accept consumes the next tokens if they are these keywords, and reports whether it did.
func (c *clauseParser) accept(keywords ...string) bool {
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

// next consumes a token and returns its text.
func (c *clauseParser) next() string {
	if len(c.rest) == 0 {
		return ""
	}
	text := c.rest[0].text
	c.rest = c.rest[1:]
	return text
}

// parenthesized consumes an expression in parentheses and returns the tokens inside.
func (c *clauseParser) parenthesized() []token {
	if !c.accept("(") {
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

// text returns the source text of tokens, with white space collapsed and without comments.
func (c *clauseParser) text(tokens []token) string {
	var b strings.Builder
	for i, k := range tokens {
		if i > 0 && k.start > tokens[i-1].end {
			b.WriteByte(' ')
		}
		b.WriteString(c.source[k.start:k.end])
	}
	return b.String()
}

// nameList returns the names of a list in parentheses: the first name of each item, without COLLATE and DESC.
func (c *clauseParser) nameList() []string {
	var found []string
	first := true
	for _, k := range c.parenthesized() {
		if k.is(",") {
			first = true
		} else if first && k.isName() {
			found, first = append(found, k.text), false
		}
	}
	return found
}

// constraintKeywords start a column constraint and so end the type before it.
var constraintKeywords = []string{"CONSTRAINT", "PRIMARY", "NOT", "NULL", "UNIQUE", "CHECK", "DEFAULT", "COLLATE",
	"REFERENCES", "GENERATED", "AS"}

// isTableConstraint reports whether a definition is a constraint and not a column.
func (d definition) isTableConstraint() bool {
	return len(d.tokens) > 0 && slices.ContainsFunc([]string{"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"},
		d.tokens[0].is)
}

// parseColumn reads the definition of a column and the constraints inside it.
func (d definition) parseColumn(source string) (Column, []Constraint) {
	c := &clauseParser{source, d.tokens}
	column := Column{Comment: d.comment, Name: c.next()}
	typeLength := 0
	for typeLength < len(c.rest) && !slices.ContainsFunc(constraintKeywords, c.rest[typeLength].is) {
		typeLength++
	}
	column.Type = c.text(c.rest[:typeLength])
	c.rest = c.rest[typeLength:]
	return column, c.parseConstraints(&column)
}

// parseConstraints reads the rest of a definition: of a column, or of a table constraint if column is nil.
func (c *clauseParser) parseConstraints(column *Column) []Constraint {
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
		case c.accept("CONSTRAINT"):
			name = c.next()
		case c.accept("NOT", "NULL"):
			if column != nil {
				column.NotNull = true
			}
			name = ""
		case c.accept("PRIMARY", "KEY"):
			k := Constraint{Kind: PrimaryKey}
			if column == nil {
				k.Columns = c.nameList()
			}
			add(k)
		case c.accept("UNIQUE"):
			k := Constraint{Kind: Unique}
			if column == nil {
				k.Columns = c.nameList()
			}
			add(k)
		case c.accept("CHECK"):
			add(Constraint{Kind: Check, Expression: c.text(c.parenthesized())})
		case c.accept("FOREIGN", "KEY"):
			columns := c.nameList()
			if c.accept("REFERENCES") {
				k := c.parseReferences()
				k.Columns = columns
				add(k)
			}
		case c.accept("REFERENCES"):
			add(c.parseReferences())
		case column != nil && c.accept("AUTOINCREMENT"):
			column.Identity = true
		case column != nil && c.accept("DEFAULT"):
			column.Default = c.defaultValue()
		case column != nil && c.accept("COLLATE"):
			column.Collation = c.next()
		case column != nil && (c.accept("GENERATED", "ALWAYS", "AS") || c.accept("AS")):
			column.Generated = c.text(c.parenthesized())
		default:
			c.next()
		}
	}
	return found
}

// defaultValue reads a default: a literal, a signed number, or an expression in parentheses.
func (c *clauseParser) defaultValue() string {
	if len(c.rest) == 0 {
		return ""
	}
	if c.rest[0].is("(") {
		return c.text(c.parenthesized())
	}
	n := 1
	if c.rest[0].is("-") || c.rest[0].is("+") {
		n = min(2, len(c.rest))
	}
	text := c.text(c.rest[:n])
	c.rest = c.rest[n:]
	return text
}

// parseReferences reads what follows REFERENCES.
func (c *clauseParser) parseReferences() Constraint {
	k := Constraint{Kind: ForeignKey, References: c.next(), OnUpdate: "NO ACTION", OnDelete: "NO ACTION"}
	if len(c.rest) > 0 && c.rest[0].is("(") {
		k.ReferencedColumns = c.nameList()
	}
	action := func() string {
		for _, a := range []string{"SET NULL", "SET DEFAULT", "NO ACTION", "CASCADE", "RESTRICT"} {
			if c.accept(strings.Fields(a)...) {
				return a
			}
		}
		return "NO ACTION"
	}
	for {
		switch {
		case c.accept("ON", "DELETE"):
			k.OnDelete = action()
		case c.accept("ON", "UPDATE"):
			k.OnUpdate = action()
		case c.accept("MATCH"):
			c.next()
		case c.accept("NOT", "DEFERRABLE"):
		case c.accept("DEFERRABLE"):
			k.Deferrable = true
		case c.accept("INITIALLY", "DEFERRED"):
			k.Deferred = true
		case c.accept("INITIALLY", "IMMEDIATE"):
		default:
			return k
		}
	}
}

// indexPredicate returns the WHERE condition of a partial index's CREATE statement.
func indexPredicate(source string) string {
	depth := 0
	all := tokenize(source)
	for i, k := range all {
		switch {
		case k.is("("):
			depth++
		case k.is(")"):
			depth--
		case depth == 0 && k.is("WHERE"):
			c := clauseParser{source: source}
			return c.text(slices.DeleteFunc(slices.Clone(all[i+1:]), func(t token) bool { return t.kind == comment }))
		}
	}
	return ""
}

// columnsIn returns the columns whose names occur in an expression.
func columnsIn(expression string, columns []Column) []string {
	var found []string
	for _, k := range tokenize(expression) {
		if k.isName() && !slices.Contains(found, k.text) &&
			slices.ContainsFunc(columns, func(c Column) bool { return strings.EqualFold(c.Name, k.text) }) {
			found = append(found, k.text)
		}
	}
	return found
}
