package check

import (
	"regexp"
	"slices"
	"strings"

	"cardinal/internal/catalog"
)

var identityPoints = []Check{
	{ID: "G01", Kind: Point, of: "tables", Title: "every primary key is a UUIDv7, or says why it is not",
		Guide: "A universally unique identifier rather than an auto-incrementing integer.",
		Why: "A number that counts up tells strangers how many there are and lets them try the next; two nodes cannot both give it out. " +
			"Judged by the type of each column of each primary key and, for what no other table gives, by the check that it is version 7. " +
			"Of a foreign database, integers are taken too: the guide's checklist allows them.",
		run: judged(keysAreUUIDs), general: judged(keysAreAny)},
	{ID: "G12", Kind: Point, of: "tables", Title: "many-to-many relations are tables of their own, keyed by both sides",
		Guide: "To implement a Many-to-Many relationship, you must introduce a junction table.",
		Why: "Without the composite key the same pair can be there twice, and a revoked grant lives on in its twin. Judged by the primary " +
			"key and both foreign keys; of a foreign database, each table that looks like a junction must have a key over both sides.",
		run: judged(junctionsAreKeyed), general: judged(junctionsAreUnique)},
	{ID: "G26", Kind: Point, of: "rules", Title: "e-mail addresses and user names are unique",
		Guide: "Is there a unique constraint on email addresses or usernames?",
		Why: "Two accounts with one address are two people in one inbox: whoever recovers one may get the other. Here the claim is the primary " +
			"key of identifiers; of a foreign database, each column that looks like a login name must be a key by itself.",
		run: judged(claimsAreUnique), general: judged(loginNamesAreUnique)},
}

// otherKeys are the columns of Cardinal's primary keys that are no UUID, and why.
var otherKeys = map[string]string{
	"identifiers.value_index":    "the claim itself is the key",
	"search_tokens.token":        "what is searched for is the key",
	"sign_in_throttles.key_hash": "the keyed hash of what is throttled is the key",
	"refused_attempts.action":    "counted by the minute",
	"refused_attempts.minute":    "counted by the minute",
	"import_chunks.part":         "the pieces of a file have an order",
	"import_chunks.number":       "the pieces of a file have an order",
	"schema_migrations.number":   "migrations have an order",
	"schema_migrations.phase":    "migrations have an order",
	"schema_backfills.number":    "migrations have an order",
	"schema_lock.id":             "its only row",
}

var (
	isVersion7 = lazily(`& 240\) = 112|(?i)BETWEEN x'70' AND x'7F'`)
	uuidLength = lazily(`(?i)\blength\(.*\) = (16|36)\b`)
	uuidType   = lazily(`(?i)^(uuid|guid|uniqueidentifier|(var)?char(acter)?( varying)?\(36\)|binary\(16\))$`)
	wholeType  = lazily(`(?i)^(tiny|small|medium|big)?int(eger|2|4|8)?$|^(big|small)?serial$|^numeric\(\d+,0\)$`)
	textType   = lazily(`(?i)^("?char"?|character|n?var|text|clob|string|citext|n?char|bpchar|name$)`)
)

func isUUID(t *catalog.Table, c *catalog.Column) bool {
	return uuidType.MatchString(c.Type) || checked(t, c.Name, uuidLength)
}

func isForeign(t *catalog.Table, column string) bool {
	return slices.ContainsFunc(t.ForeignKeys(), func(k catalog.Constraint) bool { return slices.Contains(k.Columns, column) })
}

func keysAreUUIDs(s *Subject, j *judgement) {
	for _, t := range s.Live.Base() {
		problem, object := "", t.Name
		for _, name := range t.PrimaryKey() {
			c := t.Column(name)
			switch {
			case otherKeys[t.Name+"."+name] != "":
			case !isUUID(&t, c):
				problem, object = "the primary key's column is a "+c.Type+" and no UUID", t.Name+"."+name
			case name == "id" && !isForeign(&t, name) && !checked(&t, name, isVersion7):
				problem, object = "no check holds the key to version 7, whose order is that of time", t.Name+"."+name
			}
		}
		if t.PrimaryKey() == nil {
			problem = "the table has no primary key"
		}
		j.expect(problem == "", Finding{Object: object, Problem: problem, Evidence: []string{"primary key (" + strings.Join(t.PrimaryKey(), ", ") + ")"}})
	}
}

func keysAreAny(s *Subject, j *judgement) {
	for _, t := range s.Live.Base() {
		key := t.PrimaryKey()
		if key == nil {
			f := Finding{Object: t.Name, Problem: "the table has no primary key: no row can be named, and replicas cannot tell twins apart"}
			if pair := pairOf(&t); pair != nil {
				f.Fix = s.alter(&t, "ADD PRIMARY KEY ("+list(pair)+")")
			} else if t.Column("id") == nil {
				f.Fix = s.alter(&t, "ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY")
			}
			j.expect(false, f)
			continue
		}
		var natural []string
		for _, name := range key {
			c := t.Column(name)
			if !isUUID(&t, c) && !wholeType.MatchString(c.Type) && !isForeign(&t, name) {
				natural = append(natural, name+" "+c.Type)
			}
		}
		j.expect(natural == nil, Finding{Object: t.Name, Warning: true, Evidence: natural,
			Problem: "the primary key is neither a UUID nor an integer: what people may rename is copied into every table that refers to it"})
	}
}

func junctionsAreKeyed(s *Subject, j *judgement) {
	for _, want := range []struct{ table, a, to, b, other string }{
		{"user_roles", "user_id", "users", "role_id", "roles"},
		{"role_permissions", "role_id", "roles", "permission_id", "permissions"},
	} {
		t := j.table(s, want.table)
		if t == nil {
			continue
		}
		j.expect(slices.Equal(t.PrimaryKey(), []string{want.a, want.b}), Finding{Object: want.table, Problem: "its primary key is not the pair",
			Evidence: []string{"primary key (" + strings.Join(t.PrimaryKey(), ", ") + ")"},
			Fix:      s.alter(t, "ADD PRIMARY KEY ("+list([]string{want.a, want.b})+")")})
		j.reference(s, want.table, want.a, want.to, "id")
		j.reference(s, want.table, want.b, want.other, "id")
	}
}

// pairOf returns the two columns of a table that looks like a junction: foreign keys to two tables, and little else than when.
func pairOf(t *catalog.Table) []string {
	keys := t.ForeignKeys()
	if len(keys) != 2 || keys[0].References == keys[1].References || len(keys[0].Columns) != 1 || len(keys[1].Columns) != 1 {
		return nil
	}
	for _, c := range t.Columns {
		if !isForeign(t, c.Name) && c.Name != "id" && !namesTime(c.Name) && !timeType.MatchString(c.Type) {
			return nil
		}
	}
	return []string{keys[0].Columns[0], keys[1].Columns[0]}
}

func junctionsAreUnique(s *Subject, j *judgement) {
	for _, t := range s.Live.Base() {
		pair := pairOf(&t)
		if pair == nil {
			continue
		}
		j.expect(slices.ContainsFunc(t.UniqueKeys(), func(k []string) bool {
			return len(k) <= 2 && !slices.ContainsFunc(k, func(c string) bool { return !slices.Contains(pair, c) })
		}), Finding{Object: t.Name, Problem: "the same pair may be there twice", Evidence: []string{"(" + strings.Join(pair, ", ") + ") is no key"},
			Fix: "CREATE UNIQUE INDEX " + quote(t.Name+"_pair_uq") + " ON " + s.table(t.Name) + " (" + list(pair) + ");"})
	}
}

func claimsAreUnique(s *Subject, j *judgement) {
	t := j.table(s, "identifiers")
	if t == nil {
		return
	}
	j.expect(slices.Equal(t.PrimaryKey(), []string{"value_index"}), Finding{Object: "identifiers", Problem: "the claim is not the primary key, so two users may hold it",
		Fix: s.alter(t, "ADD PRIMARY KEY (value_index)")})
	j.expect(checked(t, "value_index", regexp.MustCompile(`length\(value_index\) = 32`)), Finding{Object: "identifiers.value_index",
		Problem: "no check holds it to the 32 bytes of a blind index, so that an address in clear could stand there",
		Fix:     s.alter(t, "ADD CHECK (octet_length(value_index) = 32)")})
	j.unique(s, "identifiers", "user_id", "contact_id")
	j.expect(slices.ContainsFunc(t.Indexes, func(i catalog.Index) bool {
		return i.Unique && i.Valid && slices.Equal(i.Columns, []string{"user_id"}) && strings.Contains(i.Predicate, "contact_id IS NULL")
	}), Finding{Object: "identifiers", Problem: "a user may claim several user names",
		Fix: "CREATE UNIQUE INDEX identifiers_one_username_uq ON " + s.table("identifiers") + " (user_id) WHERE contact_id IS NULL;"})
	for _, other := range s.Live.Base() {
		for _, c := range other.Columns {
			if loginName.MatchString(c.Name) {
				j.expect(false, Finding{Object: other.Name + "." + c.Name, Problem: "a login name stands here beside its claim in identifiers"})
			}
		}
	}
}

var (
	loginName = lazily(`(?i)^(e_?mail(_?address)?|user_?name|login(_?name)?|handle|nick_?name)$`)
	people    = lazily(`(?i)^(.*_)?(users?|accounts?|members?|customers?|people|persons?|logins?|subscribers?|identit(y|ies)|employees?)$`)
)

func loginNamesAreUnique(s *Subject, j *judgement) {
	for _, t := range s.Live.Base() {
		if !people.MatchString(t.Name) {
			continue
		}
		for _, c := range t.Columns {
			if !loginName.MatchString(c.Name) {
				continue
			}
			unique := slices.ContainsFunc(t.Indexes, func(i catalog.Index) bool { return i.Unique && i.Valid && saysOne(i, c.Name) })
			j.expect(unique, Finding{Object: t.Name + "." + c.Name, Problem: "two rows may have the same login name",
				Fix: "CREATE UNIQUE INDEX " + quote(t.Name+"_"+c.Name+"_uq") + " ON " + s.table(t.Name) + " (" + quote(c.Name) + ");"})
		}
	}
}

// saysOne reports whether a unique index keeps a login name from being there twice: over the column, or an expression of it as
// lower(email), alone or within a tenant. What a predicate leaves out is not held to anything but where it is NULL or deleted.
func saysOne(i catalog.Index, column string) bool {
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
