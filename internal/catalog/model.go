package catalog

import (
	"regexp"
	"slices"
	"strings"
)

// Schema is one schema of a live database as its own catalog tells it: everything that is declared, nothing that is stored.
type Schema struct {
	Engine    string // "sqlite" or "postgres"
	Version   string // of the server, as "15.18"
	Name      string // of the PostgreSQL schema; "main" on SQLite
	Tables    []Table
	Functions []Function        // PostgreSQL's
	Others    []Other           // PostgreSQL's: what else lies in the schema
	Grants    []Grant           // on the schema itself
	Settings  map[string]string // of the database: encoding, timezone, collation; SQLite: encoding, journal_mode, …
}

// Table is a table, a view or one partition of a table.
type Table struct {
	Name        string
	Kind        TableKind
	Comment     string
	Owner       string // role; "" on SQLite
	Columns     []Column
	Constraints []Constraint
	Indexes     []Index
	Triggers    []Trigger
	Grants      []Grant

	PartitionOf  string // the partitioned table that this is a part of
	Bounds       string // of a partition, as "FOR VALUES FROM (…) TO (…)"
	PartitionKey string // of a partitioned table, as "RANGE (id)"

	Options string // what else was declared: storage parameters, row security, "STRICT, WITHOUT ROWID"
	Text    string // SQLite's stored CREATE statement
	Rows    int64  // estimate of the statistics, -1 when there is none; no fact of the schema
}

// TableKind tells what a Table is.
type TableKind string

// The kinds of table.
const (
	Ordinary    TableKind = "table"
	Partitioned TableKind = "partitioned table"
	Partition   TableKind = "partition"
	View        TableKind = "view"
	Virtual     TableKind = "virtual table" // SQLite's, and PostgreSQL's foreign tables
)

// Column is a column of a table. Names of types are the engine's own, as declared: "uuid", "character varying(64)", "BLOB".
type Column struct {
	Name      string
	Type      string
	NotNull   bool
	Default   string // expression; "" is none
	Generated string // expression that the database computes it by; "" is none
	Identity  bool   // numbered by the database
	Collation string // where it is not the type's own
	Storage   string // where it is not the type's own: "EXTERNAL", "COMPRESSION lz4"
	Comment   string
	Grants    []Grant
}

// Constraint is a rule of a table that has a name.
type Constraint struct {
	Name       string // "" where SQLite's text gives none
	Kind       ConstraintKind
	Columns    []string // in the order of the key; those that a check mentions
	Expression string   // of a check or an exclusion

	References        string   // the other table of a foreign key; "schema.table" where it lies outside
	ReferencedColumns []string // in the order of Columns
	OnUpdate          string   // NO ACTION, RESTRICT, CASCADE, SET NULL or SET DEFAULT
	OnDelete          string

	Deferrable bool
	Deferred   bool // by default
	Validated  bool // holds for every row, not only for new ones

	Definition string // as PostgreSQL writes it; "" on SQLite
	Inherited  bool   // a partition's, from what it is a part of
	Unenforced bool   // the triggers that keep it are disabled
}

// ConstraintKind tells what a Constraint demands.
type ConstraintKind string

// The kinds of constraint. That a column is NOT NULL is told by the column.
const (
	PrimaryKey ConstraintKind = "primary key"
	Unique     ConstraintKind = "unique"
	ForeignKey ConstraintKind = "foreign key"
	Check      ConstraintKind = "check"
	Exclusion  ConstraintKind = "exclusion"
)

// Index is an index, also one that a key made.
type Index struct {
	Name       string
	Columns    []string // in order; "" is an expression
	Include    []string // carried, not sorted by
	Unique     bool
	Predicate  string // of a partial index, without the parentheses around it
	Method     string // btree, …
	Valid      bool   // false while it is being built, and when building it failed
	Constraint string // that it belongs to; "" for one made by itself. On SQLite it is the constraint's kind where it has no name
	Definition string // as the engine writes it; "" for one that SQLite made for a key
	PartOf     string // the index of the partitioned table that this is a part of
	Scans      int64  // since the statistics were reset, -1 when unknown; no fact of the schema
}

// Trigger is a trigger that was declared, not one that a foreign key made.
type Trigger struct {
	Name       string
	Function   string // PostgreSQL's
	Arguments  []string
	Enabled    bool
	Inherited  bool   // a partition's, from what it is a part of
	Definition string // as the engine writes it
}

// Function is a function or procedure of a PostgreSQL schema.
type Function struct {
	Name            string
	Arguments       string // types, as "id uuid, moment timestamptz"
	Result          string
	Language        string
	Volatility      string // immutable, stable or volatile
	Strict          bool
	SecurityDefiner bool
	Owner           string
	Configuration   []string // settings that it runs with, the schema's own name written as $schema
	Body            string
	Options         string // what else was declared: "PARALLEL SAFE, LEAKPROOF"
	Definition      string // the whole CREATE statement, the schema's own name written as $schema
	Comment         string
	Grants          []Grant
}

// Other is something in a PostgreSQL schema that is neither table nor function: a sequence, a type, a comment on a constraint, a
// default privilege.
type Other struct {
	Kind       string
	Name       string
	Definition string
}

// Grant is a right that somebody other than the owner has.
type Grant struct {
	Grantee   string // role, or "PUBLIC"
	Privilege string // SELECT, INSERT, …
	Grantable bool
}

// Table returns a table by name, nil when there is none.
func (s *Schema) Table(name string) *Table {
	i := slices.IndexFunc(s.Tables, func(t Table) bool { return t.Name == name })
	if i < 0 {
		return nil
	}
	return &s.Tables[i]
}

// Base returns the tables that hold data of their own name: no views, and no partitions beside what they are part of.
func (s *Schema) Base() []Table {
	var base []Table
	for _, t := range s.Tables {
		if t.Kind == Ordinary || t.Kind == Partitioned {
			base = append(base, t)
		}
	}
	return base
}

// Column returns a column by name, nil when there is none.
func (t *Table) Column(name string) *Column {
	i := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &t.Columns[i]
}

// PrimaryKey returns the columns of the primary key in order, nil when there is none.
func (t *Table) PrimaryKey() []string {
	for _, c := range t.Constraints {
		if c.Kind == PrimaryKey {
			return c.Columns
		}
	}
	return nil
}

// ForeignKeys returns the table's foreign keys.
func (t *Table) ForeignKeys() []Constraint {
	var keys []Constraint
	for _, c := range t.Constraints {
		if c.Kind == ForeignKey {
			keys = append(keys, c)
		}
	}
	return keys
}

// UniqueKeys returns the sets of columns of which no two rows have the same, the primary key first: keys, and unique indexes
// over plain columns that leave no row out but those with a NULL.
func (t *Table) UniqueKeys() [][]string {
	var keys [][]string
	if primary := t.PrimaryKey(); primary != nil {
		keys = append(keys, primary)
	}
	for _, i := range t.Indexes {
		if i.Unique && i.Valid && !slices.Contains(i.Columns, "") && i.excludesOnlyNulls(i.Columns) &&
			!slices.ContainsFunc(keys, func(k []string) bool { return slices.Equal(k, i.Columns) }) {
			keys = append(keys, i.Columns)
		}
	}
	return keys
}

// Serves reports whether the index finds the rows of a foreign key: it is led by the key's columns, in any order, and leaves no row
// out but those in which one of them is NULL.
func (i Index) Serves(key []string) bool {
	if !i.Valid || len(i.Columns) < len(key) {
		return false
	}
	for _, column := range i.Columns[:len(key)] {
		if !slices.Contains(key, column) {
			return false
		}
	}
	return i.excludesOnlyNulls(key)
}

var notNullTerm = regexp.MustCompile(`(?i)^\(*"?(\w+)"? IS NOT NULL\)*$`)

// excludesOnlyNulls reports whether the rows that a partial index leaves out all have a NULL in one of the columns.
func (i Index) excludesOnlyNulls(columns []string) bool {
	if i.Predicate == "" {
		return true
	}
	for _, term := range regexp.MustCompile(`(?i) AND `).Split(i.Predicate, -1) {
		m := notNullTerm.FindStringSubmatch(strings.TrimSpace(term))
		if m == nil || !slices.Contains(columns, m[1]) {
			return false
		}
	}
	return true
}

// The classes of data, from the word in brackets that the comment of each of Cardinal's columns begins with.
const (
	ClassID       = "id"       // names a row, says nothing about a person
	ClassPublic   = "public"   // may be shown to whoever may use the service
	ClassInternal = "internal" // for those who run it
	ClassPersonal = "pii"      // about a person
	ClassSecret   = "secret"   // lets somebody in
)

var classPrefix = regexp.MustCompile(`^\[(id|public|internal|pii|secret)\] `)

// Class returns the data class that the column's comment begins with, "" when it names none.
func (c Column) Class() string {
	if m := classPrefix.FindStringSubmatch(c.Comment); m != nil {
		return m[1]
	}
	return ""
}

// Meaning returns the comment without its data class.
func (c Column) Meaning() string { return classPrefix.ReplaceAllString(c.Comment, "") }

// IsSealed reports whether the column holds ciphertext, which its name says.
func (c Column) IsSealed() bool { return strings.HasSuffix(c.Name, "_sealed") }
