package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Object identifies an object of a schema.
type Object struct {
	// "table", "column", "constraint", "index", "trigger", "function", "schema" or the kind of an OtherObject
	Kind  string
	Table string // the table that it belongs to, "" for none
	Name  string
}

// String returns the object in readable form: "column users.status", "function guard_user()".
func (o Object) String() string {
	if o.Table == "" {
		return strings.TrimSpace(o.Kind + " " + o.Name)
	}
	return o.Kind + " " + o.Table + "." + o.Name
}

// Fact is one property of one object. Two schemas are equal when their facts are equal.
type Fact struct {
	Object   Object
	Property string // "type", "default", "comment", "SELECT granted to reporting"
	Value    string
}

// Properties that describe the whole table again. They differ when a part of the table differs, and can also differ
// when no part does.
const (
	ColumnOrder = "order of columns"
	StoredText  = "stored text"
)

// Facts lists everything that the schema declares, sorted. It omits what is not part of the contract: rows and
// statistics, server settings, tablespaces, and the name of the owner (that all objects have the same owner is a fact).
func (s *Schema) Facts() []Fact {
	l := factList{owner: s.Owner()}
	schema := Object{Kind: "schema"}
	l.add(schema, "engine", s.Engine) // so that the schema has a fact even without grants
	l.addGrants(schema, s.Grants)
	for i := range s.Tables {
		l.addTable(&s.Tables[i])
	}
	for _, f := range s.Functions {
		l.addFunction(f)
	}
	for _, o := range s.OtherObjects {
		l.add(Object{Kind: o.Kind, Name: o.Name}, "definition", o.Definition)
	}
	slices.SortFunc(l.facts, Fact.Compare)
	return l.facts
}

// Fingerprint returns the SHA-256 of all facts in hexadecimal.
func (s *Schema) Fingerprint() string {
	h := sha256.New()
	for _, f := range s.Facts() {
		fmt.Fprintf(h, "%q %q %q %q %q\n", f.Object.Kind, f.Object.Table, f.Object.Name, f.Property, f.Value)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Compare orders facts by object (table, kind, name) and then by property.
func (f Fact) Compare(g Fact) int {
	if n := f.Object.compare(g.Object); n != 0 {
		return n
	}
	return strings.Compare(f.Property, g.Property)
}

func (o Object) compare(p Object) int {
	if n := strings.Compare(o.Table, p.Table); n != 0 {
		return n
	}
	if n := strings.Compare(o.Kind, p.Kind); n != 0 {
		return n
	}
	return strings.Compare(o.Name, p.Name)
}

// Owner returns the role that owns the most tables.
func (s *Schema) Owner() string {
	tableCount, owner := map[string]int{}, ""
	for _, t := range s.Tables {
		if tableCount[t.Owner]++; tableCount[t.Owner] > tableCount[owner] {
			owner = t.Owner
		}
	}
	return owner
}

type factList struct {
	owner string
	facts []Fact
}

// add appends the facts of an object, given as alternating properties and values.
func (l *factList) add(o Object, pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		l.facts = append(l.facts, Fact{o, pairs[i], pairs[i+1]}) // #nosec G602 -- callers give pairs
	}
}

func (l *factList) addGrants(o Object, addGrants []Grant) {
	for _, g := range addGrants {
		if g.Grantee == l.owner {
			continue // the owner of the schema, on an object with another owner
		}
		value := "granted"
		if g.Grantable {
			value = "with grant option"
		}
		l.add(o, GrantProperty(g), value)
	}
}

// GrantProperty returns the property name of the fact that a privilege is granted.
func GrantProperty(g Grant) string { return g.Privilege + " for " + g.Grantee }

func (l *factList) addOwner(o Object, role string) {
	if role == l.owner {
		role = "that of the other tables"
	}
	l.add(o, "owner", role)
}

func (l *factList) addTable(t *Table) {
	o := Object{Kind: "table", Name: t.Name}
	var order []string
	for _, c := range t.Columns {
		order = append(order, c.Name)
	}
	l.add(o, "kind", string(t.Kind), "comment", t.Comment, "options", t.Options, "partition of", t.PartitionOf,
		"bounds", t.Bounds,
		"partition key", t.PartitionKey, ColumnOrder, strings.Join(order, ", "), StoredText, t.Text)
	l.addOwner(o, t.Owner)
	l.addGrants(o, t.Grants)
	for _, c := range t.Columns {
		o := Object{"column", t.Name, c.Name}
		l.add(o, "type", c.Type, "not null", fmt.Sprint(c.NotNull), "default", c.Default, "generated as", c.Generated,
			"identity", fmt.Sprint(c.Identity),
			"collation", c.Collation, "storage", c.Storage, "comment", c.Comment)
		l.addGrants(o, c.Grants)
	}
	for _, c := range t.Constraints {
		l.addConstraint(t, c)
	}
	for _, i := range t.Indexes {
		l.add(Object{"index", t.Name, i.Name}, "columns", strings.Join(i.Columns, ", "), "include",
			strings.Join(i.Include, ", "), "unique", fmt.Sprint(i.Unique),
			"predicate", i.Predicate, "method", i.Method, "valid", fmt.Sprint(i.Valid), "constraint", i.Constraint,
			"definition", i.Definition, "part of", i.PartOf)
	}
	for _, g := range t.Triggers {
		l.add(Object{"trigger", t.Name, g.Name}, "definition", g.Definition, "function", g.Function, "arguments",
			strings.Join(g.Arguments, ", "),
			"enabled", fmt.Sprint(g.Enabled), "inherited", fmt.Sprint(g.Inherited))
	}
}

func (l *factList) addConstraint(t *Table, c Constraint) {
	name := c.Name
	if name == "" { // SQLite allows constraints without a name: identify it by its content
		name = strings.TrimSpace(string(c.Kind) + " " + strings.Join(c.Columns, ", ") + " " + c.Expression)
	}
	l.add(Object{"constraint", t.Name, name}, "kind", string(c.Kind), "columns", strings.Join(c.Columns, ", "),
		"expression", c.Expression,
		"references", strings.TrimSpace(c.References+" "+strings.Join(c.ReferencedColumns, ", ")), "on update",
		c.OnUpdate, "on delete", c.OnDelete,
		"deferrable", fmt.Sprint(c.Deferrable), "deferred", fmt.Sprint(c.Deferred), "validated",
		fmt.Sprint(c.Validated), "definition", c.Definition,
		"inherited", fmt.Sprint(c.Inherited), "enforced", fmt.Sprint(!c.Unenforced))
}

func (l *factList) addFunction(f Function) {
	o := Object{Kind: "function", Name: f.Name + "(" + f.Arguments + ")"}
	l.add(o, "result", f.Result, "language", f.Language, "volatility", f.Volatility, "strict", fmt.Sprint(f.Strict),
		"security definer", fmt.Sprint(f.SecurityDefiner), "configuration", strings.Join(f.Configuration, ", "), "body",
		f.Body, "options", f.Options, "comment", f.Comment)
	l.addOwner(o, f.Owner)
	l.addGrants(o, f.Grants)
}
