package check

import (
	"regexp"
	"slices"
	"strings"

	"cardinal/internal/catalog"
)

var identityPoints = []Check{
	{ID: "G01", Kind: Point, unit: "tables", Title: "every primary key is a UUIDv7, or a listed exception",
		Guide: "A universally unique identifier rather than an auto-incrementing integer.",
		Why: "Sequential numbers disclose how many rows there are and let attackers guess other ids; two nodes " +
			"cannot assign them independently. Checked by the type of each column of each primary key and, for ids " +
			"that do not come from another table, by the CHECK for version 7. Integers are accepted in an external " +
			"database: the guide's checklist allows them.",
		run: pointCheck(checkPrimaryKeys), runGeneral: pointCheck(checkPrimaryKeysGeneral)},
	{ID: "G12", Kind: Point, unit: "tables", Title: "many-to-many relations have their own tables, with both sides " +
		"as the key",
		Guide: "To implement a Many-to-Many relationship, you must introduce a junction table.",
		Why: "Without a composite key the same pair can exist twice, and a revoked grant remains in the duplicate. " +
			"Checked by the primary key and both foreign keys. In an external database, each table that looks like " +
			"a junction table must have a unique key over both sides.",
		run: pointCheck(checkJunctions), runGeneral: pointCheck(checkJunctionsGeneral)},
	{ID: "G26", Kind: Point, unit: "rules", Title: "email addresses and user names are unique",
		Guide: "Is there a unique constraint on email addresses or usernames?",
		Why: "If two accounts have the same address, account recovery can give access to the wrong one. In " +
			"Cardinal, the identifier is the primary key of the table identifiers, which has user names, verified " +
			"addresses, and addresses that an administrator or an import gave. Only an address that its user typed " +
			"and no user has verified is outside of it: many users can type it, and it signs no user in. In an " +
			"external database, each column that looks like a login name must be unique.",
		run: pointCheck(checkIdentifiersUnique), runGeneral: pointCheck(checkLoginNamesGeneral)},
}

// nonUUIDKeys are the columns of Cardinal's primary keys that are not a UUID, with the reason.
var nonUUIDKeys = map[string]string{ // #nosec G101 -- names of columns
	"identifiers.value_index":    "the blind index of the identifier is the key",
	"search_tokens.token":        "the search token is the key",
	"password_schemes.name":      "one row per scheme of passwords",
	"sign_in_throttles.key_hash": "the keyed hash of the throttled subject is the key",
	"refused_attempts.action":    "counted per minute",
	"refused_attempts.minute":    "counted per minute",
	"import_chunks.part":         "the parts of a file are ordered",
	"import_chunks.number":       "the parts of a file are ordered",
	"schema_migrations.number":   "migrations are ordered",
	"schema_migrations.phase":    "migrations are ordered",
	"schema_backfills.number":    "migrations are ordered",
	"schema_lock.id":             "it has only one row",
}

var (
	isVersion7  = newPattern(`& 240\) = 112|(?i)BETWEEN x'70' AND x'7F'`)
	uuidLength  = newPattern(`(?i)\blength\(.*\) = (16|36)\b`)
	uuidType    = newPattern(`(?i)^(uuid|guid|uniqueidentifier|(var)?char(acter)?( varying)?\(36\)|binary\(16\))$`)
	integerType = newPattern(`(?i)^(tiny|small|medium|big)?int(eger|2|4|8)?$|^(big|small)?serial$|^numeric\(\d+,0\)$`)
	textType    = newPattern(`(?i)^("?char"?|character|n?var|text|clob|string|citext|n?char|bpchar|name$)`)
)

func isUUID(t *catalog.Table, c *catalog.Column) bool {
	return uuidType.MatchString(c.Type) || hasCheck(t, c.Name, uuidLength)
}

func isForeign(t *catalog.Table, column string) bool {
	return slices.ContainsFunc(t.ForeignKeys(),
		func(k catalog.Constraint) bool { return slices.Contains(k.Columns, column) })
}

func checkPrimaryKeys(s *Subject, res *resultBuilder) {
	for _, t := range s.Live.BaseTables() {
		problem, object := "", t.Name
		for _, name := range t.PrimaryKey() {
			c := t.Column(name)
			switch {
			case nonUUIDKeys[t.Name+"."+name] != "":
			case !isUUID(&t, c):
				problem, object = "the column of the primary key is a "+c.Type+", not a UUID", t.Name+"."+name
			case name == "id" && !isForeign(&t, name) && !hasCheck(&t, name, isVersion7):
				problem, object = "no CHECK requires UUID version 7, which is ordered by time", t.Name+"."+name
			}
		}
		if t.PrimaryKey() == nil {
			problem = "the table has no primary key"
		}
		res.expect(problem == "", Finding{Object: object, Problem: problem,
			Evidence: []string{"primary key (" + strings.Join(t.PrimaryKey(), ", ") + ")"}})
	}
}

func checkPrimaryKeysGeneral(s *Subject, res *resultBuilder) {
	for _, t := range s.Live.BaseTables() {
		key := t.PrimaryKey()
		if key == nil {
			f := Finding{Object: t.Name, Problem: "the table has no primary key: rows cannot be identified, and " +
				"replicas cannot distinguish equal rows"}
			if pair := junctionColumns(&t); pair != nil {
				f.Fix = s.alterTable(&t, "ADD PRIMARY KEY ("+quoteNames(pair)+")")
			} else if t.Column("id") == nil {
				f.Fix = s.alterTable(&t, "ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY")
			}
			res.expect(false, f)
			continue
		}
		var natural []string
		for _, name := range key {
			c := t.Column(name)
			if !isUUID(&t, c) && !integerType.MatchString(c.Type) && !isForeign(&t, name) {
				natural = append(natural, name+" "+c.Type)
			}
		}
		res.expect(natural == nil, Finding{Object: t.Name, Warning: true, Evidence: natural,
			Problem: "the primary key is neither a UUID nor an integer: if its value changes, every table that " +
				"refers to it must change"})
	}
}

func checkJunctions(s *Subject, res *resultBuilder) {
	for _, want := range []struct{ table, a, to, b, other string }{
		{"user_roles", "user_id", "users", "role_id", "roles"},
		{"role_permissions", "role_id", "roles", "permission_id", "permissions"},
	} {
		t := res.requireTable(s, want.table)
		if t == nil {
			continue
		}
		res.expect(slices.Equal(t.PrimaryKey(), []string{want.a, want.b}),
			Finding{Object: want.table, Problem: "its primary key is not the pair of columns",
				Evidence: []string{"primary key (" + strings.Join(t.PrimaryKey(), ", ") + ")"},
				Fix:      s.alterTable(t, "ADD PRIMARY KEY ("+quoteNames([]string{want.a, want.b})+")")})
		res.requireForeignKey(s, want.table, want.a, want.to, "id")
		res.requireForeignKey(s, want.table, want.b, want.other, "id")
	}
}

// junctionColumns returns the two columns of a table that looks like a junction table: foreign keys to two tables, and
// otherwise only an id and times.
func junctionColumns(t *catalog.Table) []string {
	keys := t.ForeignKeys()
	if len(keys) != 2 || keys[0].References == keys[1].References || len(keys[0].Columns) != 1 ||
		len(keys[1].Columns) != 1 {
		return nil
	}
	for _, c := range t.Columns {
		if !isForeign(t, c.Name) && c.Name != "id" && !isTimeName(c.Name) && !timeType.MatchString(c.Type) {
			return nil
		}
	}
	return []string{keys[0].Columns[0], keys[1].Columns[0]}
}

func checkJunctionsGeneral(s *Subject, res *resultBuilder) {
	for _, t := range s.Live.BaseTables() {
		pair := junctionColumns(&t)
		if pair == nil {
			continue
		}
		res.expect(slices.ContainsFunc(t.UniqueKeys(), func(k []string) bool {
			return len(k) <= 2 && !slices.ContainsFunc(k, func(c string) bool { return !slices.Contains(pair, c) })
		}), Finding{Object: t.Name, Problem: "the same pair can exist twice",
			Evidence: []string{"(" + strings.Join(pair, ", ") + ") is not a key"},
			Fix: "CREATE UNIQUE INDEX " + quoteName(t.Name+"_pair_uq") + " ON " + s.tableName(t.Name) + " (" +
				quoteNames(pair) + ");"})
	}
}

func checkIdentifiersUnique(s *Subject, res *resultBuilder) {
	t := res.requireTable(s, "identifiers")
	if t == nil {
		return
	}
	res.expect(slices.Equal(t.PrimaryKey(), []string{"value_index"}),
		Finding{Object: "identifiers", Problem: "value_index is not the primary key, so two users can have the same " +
			"identifier",
			Fix: s.alterTable(t, "ADD PRIMARY KEY (value_index)")})
	res.expect(hasCheck(t, "value_index", regexp.MustCompile(`length\(value_index\) = 32`)),
		Finding{Object: "identifiers.value_index",
			Problem: "no CHECK requires the 32 bytes of a blind index, so it accepts an address in clear text",
			Fix:     s.alterTable(t, "ADD CHECK (octet_length(value_index) = 32)")})
	res.requireUnique(s, "identifiers", "user_id", "contact_id")
	res.expect(slices.ContainsFunc(t.Indexes, func(i catalog.Index) bool {
		return i.Unique && i.Valid && slices.Equal(i.Columns, []string{"user_id"}) &&
			strings.Contains(i.Predicate, "contact_id IS NULL")
	}), Finding{Object: "identifiers", Problem: "a user can have several user names",
		Fix: "CREATE UNIQUE INDEX identifiers_one_username_uq ON " + s.tableName("identifiers") +
			" (user_id) WHERE contact_id IS NULL;"})
	if contacts := s.Live.Table("contacts"); contacts != nil && contacts.Column("value_index") != nil {
		res.expect(hasCheck(contacts, "value_index", isUnverifiedTyped), Finding{Object: "contacts.value_index",
			Problem: "no CHECK restricts it to unverified values that users typed, so a verified address need not be " +
				"unique",
			Fix: s.alterTable(contacts, "ADD CHECK (value_index IS NULL OR (octet_length(value_index) = 32 AND "+
				"verified_at IS NULL AND given_by = 'user'))")})
		res.requireUnique(s, "contacts", "value_index", "user_id")
	}
	for _, other := range s.Live.BaseTables() {
		for _, c := range other.Columns {
			if loginName.MatchString(c.Name) {
				res.expect(false, Finding{Object: other.Name + "." + c.Name,
					Problem: "it is a login name outside the table identifiers"})
			}
		}
	}
}

// isUnverifiedTyped matches the CHECK that only an unverified value that its user typed is not unique.
var isUnverifiedTyped = newPattern(`(?i)value_index IS NULL\)? OR .*verified_at IS NULL.*given_by = 'user'`)

var (
	loginName   = newPattern(`(?i)^(e_?mail(_?address)?|user_?name|login(_?name)?|handle|nick_?name)$`)
	personTable = newPattern(`(?i)^(.*_)?(users?|accounts?|members?|customers?|people|persons?|logins?|subscribers?|` +
		`identit(y|ies)|employees?)$`)
)

func checkLoginNamesGeneral(s *Subject, res *resultBuilder) {
	for _, t := range s.Live.BaseTables() {
		if !personTable.MatchString(t.Name) {
			continue
		}
		for _, c := range t.Columns {
			if !loginName.MatchString(c.Name) {
				continue
			}
			unique := slices.ContainsFunc(t.Indexes,
				func(i catalog.Index) bool { return i.Unique && i.Valid && isUniqueFor(i, c.Name) })
			res.expect(unique, Finding{Object: t.Name + "." + c.Name, Problem: "two rows can have the same login name",
				Fix: "CREATE UNIQUE INDEX " + quoteName(t.Name+"_"+c.Name+"_uq") + " ON " + s.tableName(t.Name) + " (" +
					quoteName(c.Name) + ");"})
		}
	}
}

// isUniqueFor reports whether a unique index prevents duplicates of a login name: over the column or an expression of
// it such as lower(email), alone or within a tenant. A predicate may leave out only rows where the name is NULL or the
// row is deleted or inactive.
func isUniqueFor(i catalog.Index, column string) bool {
	if i.Predicate != "" && !regexp.MustCompile(`(?i)NULL|delete|archiv|active`).MatchString(i.Predicate) {
		return false
	}
	tenant := regexp.MustCompile(`(?i)(tenant|org|organi[sz]ation|workspace|realm|team|site|project)`)
	for _, c := range i.Columns {
		if c != column && c != "" && !tenant.MatchString(c) {
			return false
		}
	}
	mentioned := regexp.MustCompile(`\b` + regexp.QuoteMeta(column) + `\b`)
	return slices.Contains(i.Columns, column) || slices.Contains(i.Columns, "") && mentioned.MatchString(i.Definition)
}
