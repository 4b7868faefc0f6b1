package catalog

import (
	"regexp"
	"slices"
	"strings"
)

// Schema is one schema of a live database as the system catalog describes it: everything that is declared, no rows.
type Schema struct {
	Engine       string // "sqlite" or "postgres"
	Version      string // of the server, for example "15.18"
	Name         string // the PostgreSQL schema; "main" on SQLite
	Tables       []Table
	Functions    []Function    // PostgreSQL only
	OtherObjects []OtherObject // other objects of a PostgreSQL schema
	Grants       []Grant       // on the schema itself
	// of the database: encoding, timezone, collation; SQLite: encoding, journal_mode, ...
	Settings map[string]string
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

	PartitionOf  string // the partitioned table of this partition
	Bounds       string // of a partition, for example "FOR VALUES FROM (...) TO (...)"
	PartitionKey string // of a partitioned table, for example "RANGE (id)"

	Options string // other declarations: storage parameters, row security, "STRICT, WITHOUT ROWID"
	Text    string // the CREATE statement that SQLite stores
	Rows    int64  // estimate from the statistics, -1 without one; not a fact of the schema
}

// TableKind is the kind of a Table.
type TableKind string

// The kinds of table.
const (
	Ordinary    TableKind = "table"
	Partitioned TableKind = "partitioned table"
	Partition   TableKind = "partition"
	View        TableKind = "view"
	Virtual     TableKind = "virtual table" // virtual tables of SQLite, foreign tables of PostgreSQL
)

// Column is a column of a table. Type names are the engine's own, as declared: "uuid", "character varying(64)", "BLOB".
type Column struct {
	Name      string
	Type      string
	NotNull   bool
	Default   string // expression; "" for none
	Generated string // expression that the database computes it from; "" for none
	Identity  bool   // the database assigns numbers
	Collation string // if it differs from the type's default
	Storage   string // if it differs from the type's default: "EXTERNAL", "COMPRESSION lz4"
	Comment   string
	Grants    []Grant
}

// Constraint is a constraint of a table.
type Constraint struct {
	Name       string // "" if the SQLite statement gives none
	Kind       ConstraintKind
	Columns    []string // in key order; for a check, the columns in its expression
	Expression string   // of a check or exclusion constraint

	References        string   // the referenced table of a foreign key; "schema.table" outside this schema
	ReferencedColumns []string // in the order of Columns
	OnUpdate          string   // NO ACTION, RESTRICT, CASCADE, SET NULL or SET DEFAULT
	OnDelete          string

	Deferrable bool
	Deferred   bool // initially deferred
	Validated  bool // checked for all rows, not only for new ones

	Definition string // as PostgreSQL prints it; "" on SQLite
	Inherited  bool   // of a partition, from its partitioned table
	Unenforced bool   // the triggers that enforce it are disabled
}

// ConstraintKind is the kind of a Constraint.
type ConstraintKind string

// The kinds of constraint. NOT NULL is a property of the column instead.
const (
	PrimaryKey ConstraintKind = "primary key"
	Unique     ConstraintKind = "unique"
	ForeignKey ConstraintKind = "foreign key"
	Check      ConstraintKind = "check"
	Exclusion  ConstraintKind = "exclusion"
)

// Index is an index, including the index of a key.
type Index struct {
	Name      string
	Columns   []string // in order; "" stands for an expression
	Include   []string // INCLUDE columns, not part of the sort key
	Unique    bool
	Predicate string // of a partial index, without the outer parentheses
	Method    string // btree, ...
	Valid     bool   // false while the index is being built, and after a failed build
	// the constraint that it belongs to, "" for none; on SQLite the constraint's kind if that has no name
	Constraint string
	Definition string // as the engine prints it; "" for an index that SQLite created for a key
	PartOf     string // the index of the partitioned table, for the index of a partition
	Scans      int64  // since the last statistics reset, -1 if unknown; not a fact of the schema
}

// Trigger is a declared trigger, not one that a foreign key created.
type Trigger struct {
	Name       string
	Function   string // PostgreSQL only
	Arguments  []string
	Enabled    bool
	Inherited  bool   // of a partition, from its partitioned table
	Definition string // as the engine prints it
}

// Function is a function or procedure of a PostgreSQL schema.
type Function struct {
	Name            string
	Arguments       string // with types, for example "id uuid, moment timestamptz"
	Result          string
	Language        string
	Volatility      string // immutable, stable or volatile
	Strict          bool
	SecurityDefiner bool
	Owner           string
	Configuration   []string // SET clauses, with the schema's own name written as $schema
	Body            string
	Bound           bool   // the names in its body were looked up when it was created (RETURN, BEGIN ATOMIC)
	Options         string // other declarations: "PARALLEL SAFE, LEAKPROOF"
	Definition      string // the whole CREATE statement, the schema's own name written as $schema
	Comment         string
	Grants          []Grant
}

// OtherObject is an object of a PostgreSQL schema that is neither a table nor a function: a sequence, a type, a comment
// on a constraint, a default privilege.
type OtherObject struct {
	Kind       string
	Name       string
	Definition string
}

// Grant is a privilege of a role other than the owner.
type Grant struct {
	Grantee   string // role, or "PUBLIC"
	Privilege string // SELECT, INSERT, ...
	Grantable bool
}

// Table returns a table by name, nil if there is none.
func (s *Schema) Table(name string) *Table {
	i := slices.IndexFunc(s.Tables, func(t Table) bool { return t.Name == name })
	if i < 0 {
		return nil
	}
	return &s.Tables[i]
}

// BaseTables returns the tables that store data under their own name: no views and no partitions (the partitioned table
// stands for its partitions).
func (s *Schema) BaseTables() []Table {
	var base []Table
	for _, t := range s.Tables {
		if t.Kind == Ordinary || t.Kind == Partitioned {
			base = append(base, t)
		}
	}
	return base
}

// Column returns a column by name, nil if there is none.
func (t *Table) Column(name string) *Column {
	i := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &t.Columns[i]
}

// PrimaryKey returns the columns of the primary key in order, nil if there is none.
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

// UniqueKeys returns the sets of columns whose values are unique in the table, the primary key first: keys, and unique
// indexes over plain columns that leave out no rows except those with a NULL.
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

// LeadsWith reports whether the index can find the rows of a foreign key: its leading columns are the key's columns, in
// any order, and it leaves out no rows except those in which a key column is NULL.
func (i Index) LeadsWith(key []string) bool {
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

// excludesOnlyNulls reports whether every row that a partial index leaves out has a NULL in one of the columns.
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

// Data classes. The comment of each of Cardinal's columns begins with its class in brackets.
const (
	ClassID       = "id"       // identifies a row, says nothing about a person
	ClassPublic   = "public"   // may be shown to every user of the service
	ClassInternal = "internal" // for operators
	ClassPersonal = "pii"      // about a person
	ClassSecret   = "secret"   // grants access
)

var classPrefix = regexp.MustCompile(`^\[(id|public|internal|pii|secret)\] `)

// Class returns the data class at the start of the column's comment, "" if there is none.
func (c Column) Class() string {
	if m := classPrefix.FindStringSubmatch(c.Comment); m != nil {
		return m[1]
	}
	return ""
}

// Description returns the comment without its data class.
func (c Column) Description() string { return classPrefix.ReplaceAllString(c.Comment, "") }

// IsEncrypted reports whether the column stores encrypted values, which the suffix of its name says.
func (c Column) IsEncrypted() bool { return strings.HasSuffix(c.Name, "_sealed") }
