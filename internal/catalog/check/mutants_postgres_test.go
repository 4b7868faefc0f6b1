package check

import (
	"fmt"
	"strings"

	"cardinal/internal/catalog"
)

// mutant is one change of the schema that check must detect, and the name that one of its findings must contain.
type mutant struct{ kind, statement, names, table string }

// postgresMutants generates every mutant that the catalog allows, each of one statement. The server refuses some of
// them.
func postgresMutants(s *catalog.Schema, role string) (mutants []mutant) {
	var table string
	add := func(kind, names, format string, args ...any) {
		statement := strings.Replace(fmt.Sprintf(format, args...), "STRAY", "stray_"+table, 1)
		mutants = append(mutants, mutant{kind, statement, names, table})
	}
	for i := range s.Tables {
		t := &s.Tables[i]
		table = t.Name
		if t.Kind == catalog.Partition {
			partitionMutants(t, func(kind, names, format string,
				args ...any) {
				add("month: "+kind, names, format, args...)
			})
			continue
		}
		tableMutants(t, role, add)
		for _, c := range t.Columns {
			columnMutants(t, c, role, add)
		}
		for _, c := range t.Constraints {
			constraintMutants(t, c, add)
		}
		for _, x := range t.Indexes {
			indexMutants(t, x, add)
		}
		for _, g := range t.Triggers {
			add("drop trigger", g.Name, `DROP TRIGGER %s ON %s`, g.Name, t.Name)
			add("disable trigger", g.Name, `ALTER TABLE %s DISABLE TRIGGER %s`, t.Name, g.Name)
			add("disable trigger", g.Name, `ALTER TABLE %s ENABLE REPLICA TRIGGER %s`, t.Name, g.Name)
			add("change trigger", g.Name, `ALTER TRIGGER %s ON %s RENAME TO %s`, g.Name, t.Name, "a_"+g.Name)
		}
	}
	for _, f := range s.Functions {
		table = f.Name
		functionMutants(f, role, add)
	}
	table = "schema"
	add("grant", "schema", `GRANT CREATE ON SCHEMA cardinal TO PUBLIC`)
	add("grant", "schema", `GRANT USAGE ON SCHEMA cardinal TO PUBLIC`)
	add("revoke", "schema", `REVOKE USAGE ON SCHEMA cardinal FROM %s`, role)
	add("default privileges", "default privileges",
		`ALTER DEFAULT PRIVILEGES IN SCHEMA cardinal GRANT SELECT ON TABLES TO PUBLIC`)
	for _, statement := range []string{`CREATE TABLE stray (id uuid PRIMARY KEY)`,
		`CREATE TABLE stray AS SELECT * FROM users`, `CREATE VIEW stray AS SELECT id FROM users`,
		`CREATE MATERIALIZED VIEW stray AS SELECT id FROM users`, `CREATE SEQUENCE stray`,
		`CREATE TYPE stray AS ENUM ('a')`, `CREATE TYPE stray AS (a text)`, `CREATE DOMAIN stray AS text`,
		`CREATE FUNCTION stray() RETURNS integer LANGUAGE sql AS 'SELECT 1'`,
		`CREATE PROCEDURE stray() LANGUAGE sql AS 'SELECT 1'`,
		`CREATE AGGREGATE stray (bigint) (SFUNC = int8pl, STYPE = bigint)`,
		`CREATE TABLE stray () INHERITS (contact_kinds)`, `CREATE UNLOGGED TABLE stray (a text)`} {
		add("stray object", "stray", "%s", statement)
	}
	return mutants
}

func tableMutants(t *catalog.Table, role string, add func(kind, names, format string, args ...any)) {
	add("drop table", t.Name, `DROP TABLE %s CASCADE`, t.Name)
	add("rename table", t.Name, `ALTER TABLE %s RENAME TO STRAY`, t.Name)
	add("add column", t.Name, `ALTER TABLE %s ADD COLUMN stray text`, t.Name)
	add("add index", t.Name, `CREATE INDEX STRAY ON %s (%s)`, t.Name, t.Columns[len(t.Columns)-1].Name)
	add("add constraint", t.Name, `ALTER TABLE %s ADD CONSTRAINT stray CHECK (1 = 1)`, t.Name)
	add("add trigger", t.Name, `CREATE TRIGGER stray BEFORE UPDATE ON %s FOR EACH ROW `+
		`EXECUTE FUNCTION refuse_change('stray', 'no')`, t.Name)
	add("drop comment", t.Name, `COMMENT ON TABLE %s IS NULL`, t.Name)
	add("change comment", t.Name, `COMMENT ON TABLE %s IS 'something else'`, t.Name)
	add("owner", t.Name, `ALTER TABLE %s OWNER TO %s`, t.Name, role)
	rowSecurity := "ENABLE"
	if strings.Contains(t.Options, "ROW SECURITY") {
		rowSecurity = "DISABLE"
	}
	add("option", t.Name, `ALTER TABLE %s %s ROW LEVEL SECURITY`, t.Name, rowSecurity)
	add("option", t.Name, `ALTER TABLE %s FORCE ROW LEVEL SECURITY`, t.Name)
	add("option", t.Name, `ALTER TABLE %s SET (autovacuum_enabled = off)`, t.Name)
	if t.Kind == catalog.Ordinary {
		add("option", t.Name, `ALTER TABLE %s SET UNLOGGED`, t.Name)
	}
	add("option", t.Name, `CREATE POLICY stray ON %s USING (true)`, t.Name)
	add("rule", t.Name, `CREATE RULE stray AS ON INSERT TO %s DO INSTEAD NOTHING`, t.Name)
	if len(t.ForeignKeys()) > 0 {
		add("disable foreign keys", t.Name, `ALTER TABLE %s DISABLE TRIGGER ALL`, t.Name)
	}
	for _, right := range []string{"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"} {
		add("grant", t.Name, `GRANT %s ON %s TO PUBLIC`, right, t.Name)
	}
	for _, g := range t.Grants {
		add("revoke", t.Name, `REVOKE %s ON %s FROM %s`, g.Privilege, t.Name, g.Grantee)
		add("grant option", t.Name, `GRANT %s ON %s TO %s WITH GRANT OPTION`, g.Privilege, t.Name, g.Grantee)
	}
	add("grant", t.Name, `GRANT TRUNCATE ON %s TO %s`, t.Name, role)
}

func columnMutants(t *catalog.Table, c catalog.Column, role string, add func(kind, names, format string, args ...any)) {
	names := t.Name + "." + c.Name
	add("drop column", names, `ALTER TABLE %s DROP COLUMN %s CASCADE`, t.Name, c.Name)
	add("rename column", names, `ALTER TABLE %s RENAME COLUMN %s TO stray`, t.Name, c.Name)
	wider := map[string]string{"uuid": "text", "text": "character varying", "bigint": "numeric", "integer": "bigint",
		"boolean": "text", "timestamp with time zone": "timestamp(3) with time zone",
		"jsonb": "json", "bytea": "text"}[c.Type]
	if c.Generated == "" {
		add("widen type", names, `ALTER TABLE %s ALTER COLUMN %s DROP DEFAULT, `+
			`ALTER COLUMN %s TYPE %s USING %s::text::%s`, t.Name, c.Name, c.Name, wider, c.Name, wider)
	} else {
		add("drop expression", names, `ALTER TABLE %s ALTER COLUMN %s DROP EXPRESSION`, t.Name, c.Name)
	}
	if c.Type == "text" {
		add("collation", names, `ALTER TABLE %s ALTER COLUMN %s TYPE text COLLATE "C"`, t.Name, c.Name)
	}
	if c.NotNull {
		add("drop NOT NULL", names, `ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL`, t.Name, c.Name)
	} else {
		add("set NOT NULL", names, `ALTER TABLE %s ALTER COLUMN %s SET NOT NULL`, t.Name, c.Name)
	}
	if c.Default != "" {
		add("drop default", names, `ALTER TABLE %s ALTER COLUMN %s DROP DEFAULT`, t.Name, c.Name)
	}
	other := map[string]string{"uuid": "gen_random_uuid()", "text": "'stray'", "bigint": "77", "integer": "77",
		"boolean": "NULL::boolean IS NULL", "timestamp with time zone": "now()", "jsonb": "'[7]'",
		"bytea": `'\x07'`}[c.Type]
	add("change default", names, `ALTER TABLE %s ALTER COLUMN %s SET DEFAULT %s`, t.Name, c.Name, other)
	add("drop comment", names, `COMMENT ON COLUMN %s.%s IS NULL`, t.Name, c.Name)
	add("change comment", names, `COMMENT ON COLUMN %s.%s IS '[public] Something else.'`, t.Name, c.Name)
	add("grant on column", names, `GRANT UPDATE (%s) ON %s TO PUBLIC`, c.Name, t.Name)
	add("storage", names, `ALTER TABLE %s ALTER COLUMN %s SET STORAGE MAIN`, t.Name, c.Name)
	for _, g := range c.Grants {
		add("revoke on column", names, `REVOKE %s (%s) ON %s FROM %s`, g.Privilege, c.Name, t.Name, g.Grantee)
	}
	if len(c.Grants) == 0 {
		add("grant on column", names, `GRANT UPDATE (%s) ON %s TO %s`, c.Name, t.Name, role)
	}
}

func constraintMutants(t *catalog.Table, c catalog.Constraint, add func(kind, names, format string, args ...any)) {
	drop := "drop constraint"
	if c.Kind == catalog.PrimaryKey || c.Kind == catalog.Unique {
		drop = "drop key" // together with the foreign keys that refer to it
	}
	add(drop, c.Name, `ALTER TABLE %s DROP CONSTRAINT %s CASCADE`, t.Name, c.Name)
	add("rename constraint", c.Name, `ALTER TABLE %s RENAME CONSTRAINT %s TO STRAY`, t.Name, c.Name)
	add("comment on constraint", c.Name, `COMMENT ON CONSTRAINT %s ON %s IS 'stray'`, c.Name, t.Name)
	again := func(kind, definition string) {
		add(kind, c.Name, `ALTER TABLE %s DROP CONSTRAINT %s, ADD CONSTRAINT %s %s`, t.Name, c.Name, c.Name, definition)
	}
	switch c.Kind {
	case catalog.Check:
		again("weaken CHECK", "CHECK (("+c.Expression+") OR "+c.Columns[0]+" IS NOT NULL)")
		again("weaken CHECK", "CHECK (true)")
		again("NOT VALID", c.Definition+" NOT VALID")
	case catalog.ForeignKey:
		if !c.Deferrable {
			again("change foreign key", c.Definition+" ON UPDATE CASCADE")
		}
		again("NOT VALID", c.Definition+" NOT VALID")
		if c.OnDelete == "NO ACTION" && !c.Deferrable {
			again("change foreign key", c.Definition+" ON DELETE CASCADE")
			again("change foreign key", c.Definition+" DEFERRABLE INITIALLY DEFERRED")
		}
	case catalog.Unique:
		again("defer key", c.Definition+" DEFERRABLE")
	}
}

func indexMutants(t *catalog.Table, i catalog.Index, add func(kind, names, format string, args ...any)) {
	add("rename index", i.Name, `ALTER INDEX %s RENAME TO STRAY`, i.Name)
	if i.Constraint != "" {
		return
	}
	add("drop index", i.Name, `DROP INDEX %s`, i.Name)
	definition := strings.Replace(i.Definition, " ON ONLY ", " ON ", 1)
	if i.Unique {
		add("weaken index", i.Name, `DROP INDEX %s; %s`, i.Name, strings.Replace(definition, "UNIQUE ", "", 1))
	}
	if before, _, ok := strings.Cut(definition, " WHERE "); ok {
		add("change index", i.Name, `DROP INDEX %s; %s`, i.Name, before)
	} else {
		add("change index", i.Name, `DROP INDEX %s; %s WHERE %s IS NOT NULL`, i.Name, definition, i.Columns[0])
	}
}

func functionMutants(f catalog.Function, role string, add func(kind, names, format string, args ...any)) {
	name := f.Name + "(" + f.Arguments + ")"
	add("drop function", f.Name, `DROP FUNCTION %s CASCADE`, name)
	body := map[string]string{"trigger": "BEGIN RETURN NEW; END", "void": "BEGIN END"}[f.Result]
	if f.Language == "sql" {
		body = "SELECT NULL::" + f.Result
		if strings.HasPrefix(f.Result, "TABLE") {
			body = "SELECT NULL::date"
		}
	} else if body == "" {
		body = "BEGIN RETURN true; END"
	}
	definition := f.Definition
	for _, body := range []string{"\nAS $function$", "\nRETURN ", "\nBEGIN ATOMIC"} {
		definition, _, _ = strings.Cut(definition, body)
	}
	add("change function", f.Name, "%s\nAS $function$%s$function$",
		strings.ReplaceAll(definition, "$schema", "cardinal"), body)
	add("change function", f.Name, `ALTER FUNCTION %s SECURITY %s`, name,
		map[bool]string{true: "INVOKER", false: "DEFINER"}[f.SecurityDefiner])
	add("change function", f.Name, `ALTER FUNCTION %s SET search_path = public`, name)
	add("change function", f.Name, `ALTER FUNCTION %s %s`, name,
		map[bool]string{true: "CALLED ON NULL INPUT", false: "STRICT"}[f.Strict])
	add("change function", f.Name, `ALTER FUNCTION %s %s`, name,
		map[bool]string{true: "VOLATILE", false: "STABLE"}[f.Volatility == "stable"])
	add("change function", f.Name, `ALTER FUNCTION %s PARALLEL RESTRICTED`, name)
	add("change function", f.Name, `ALTER FUNCTION %s LEAKPROOF`, name)
	add("rename function", f.Name, `ALTER FUNCTION %s RENAME TO STRAY`, name)
	add("owner", f.Name, `ALTER FUNCTION %s OWNER TO %s`, name, role)
	add("drop comment", f.Name, `COMMENT ON FUNCTION %s IS NULL`, name)
	add("grant", f.Name, `GRANT EXECUTE ON FUNCTION %s TO %s WITH GRANT OPTION`, name, role)
	public := false
	for _, g := range f.Grants {
		add("revoke", f.Name, `REVOKE %s ON FUNCTION %s FROM %s`, g.Privilege, name, g.Grantee)
		public = public || g.Grantee == "PUBLIC"
	}
	if !public {
		add("grant", f.Name, `GRANT EXECUTE ON FUNCTION %s TO PUBLIC`, name)
	}
}

func partitionMutants(t *catalog.Table, add func(kind, names, format string, args ...any)) {
	add("detach partition", t.Name, `ALTER TABLE %s DETACH PARTITION %s`, t.PartitionOf, t.Name)
	add("rename table", t.Name, `ALTER TABLE %s RENAME TO STRAY`, t.Name)
	add("change bounds", t.Name, `ALTER TABLE %[1]s DETACH PARTITION %[2]s; `+
		`ALTER TABLE %[1]s ATTACH PARTITION %[2]s FOR VALUES `+
		`FROM ('ffffffff-0000-7000-8000-000000000000') TO ('ffffffff-ff00-7000-8000-000000000000')`, t.PartitionOf,
		t.Name)
	add("drop comment", t.Name, `COMMENT ON TABLE %s IS NULL`, t.Name)
	add("add index", t.Name, `CREATE INDEX STRAY ON %s (actor_id)`, t.Name)
	add("add constraint", t.Name, `ALTER TABLE %s ADD CONSTRAINT stray CHECK (1 = 1)`, t.Name)
	add("option", t.Name, `ALTER TABLE %s ENABLE ROW LEVEL SECURITY`, t.Name)
	add("disable foreign keys", t.Name, `ALTER TABLE %s DISABLE TRIGGER ALL`, t.Name)
	add("rule", t.Name, `CREATE RULE stray AS ON INSERT TO %s DO INSTEAD NOTHING`, t.Name)
	for _, right := range []string{"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"} {
		add("grant", t.Name, `GRANT %s ON %s TO PUBLIC`, right, t.Name)
	}
	for _, c := range t.Columns {
		if c.Default != "" {
			add("change default", t.Name+"."+c.Name, `ALTER TABLE %s ALTER COLUMN %s SET DEFAULT NULL::%s`, t.Name,
				c.Name, c.Type)
			add("drop default", t.Name+"."+c.Name, `ALTER TABLE %s ALTER COLUMN %s DROP DEFAULT`, t.Name, c.Name)
		}
		add("drop comment", t.Name+"."+c.Name, `COMMENT ON COLUMN %s.%s IS NULL`, t.Name, c.Name)
		add("grant on column", t.Name+"."+c.Name, `GRANT UPDATE (%s) ON %s TO PUBLIC`, c.Name, t.Name)
	}
	for _, g := range t.Triggers {
		if !g.Inherited {
			add("drop trigger", g.Name, `DROP TRIGGER %s ON %s`, g.Name, t.Name)
		}
		add("disable trigger", g.Name, `ALTER TABLE %s DISABLE TRIGGER %s`, t.Name, g.Name)
	}
	for _, i := range t.Indexes {
		add("rename index", i.Name, `ALTER INDEX %s RENAME TO STRAY`, i.Name)
	}
}
