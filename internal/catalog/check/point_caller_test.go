package check

import (
	"strings"
	"testing"

	"cardinal/internal/store/schema"
)

// The check finds the privilege TEMPORARY of the service's role, however it has it, and its fix works.
func TestTemporaryPrivilegeIsFound(t *testing.T) {
	role := createServiceRole(t)
	at := migratedDatabase(t, "postgres")
	execute(t, "postgres", at, schema.Grants("cardinal", role, nil))
	for _, c := range []struct{ name, grant, from string }{
		{"ThroughPublic", "", "FROM PUBLIC"},
		{"OwnGrant", "GRANT TEMPORARY ON DATABASE %I TO " + role, "FROM " + role},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.grant != "" {
				execute(t, "postgres", at, "DO $$ BEGIN EXECUTE format('"+c.grant+"', current_database()); END $$")
			}
			o := runOneCheck(t, openSubject(t, at), "S02")
			if o.Status != Warned || len(o.Findings) != 1 || !strings.Contains(o.Findings[0].Fix, c.from) {
				t.Fatalf("%s: %+v", o.Status, o.Findings)
			}
			execute(t, "postgres", at, o.Findings[0].Fix)
			if o := runOneCheck(t, openSubject(t, at), "S02"); o.Status != Passed {
				t.Errorf("after the fix: %s, %+v", o.Status, o.Findings)
			}
		})
	}
}

// In a database of another application, functions that run as their owner are checked, in any schema.
func TestUnsafeDefinersOfOtherApplicationsAreFound(t *testing.T) {
	s := openSubject(t, createDatabase(t, "postgres", `CREATE SCHEMA shop`,
		`CREATE FUNCTION shop.open() RETURNS integer LANGUAGE sql SECURITY DEFINER AS $$ SELECT 1 $$`,
		`CREATE FUNCTION shop.first() RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = shop
		  AS $$ BEGIN RETURN 1; END $$`,
		`CREATE FUNCTION shop.safe() RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = shop, pg_temp
		  AS $$ BEGIN RETURN 1; END $$`,
		`CREATE FUNCTION shop.bound() RETURNS integer LANGUAGE sql SECURITY DEFINER RETURN 1`,
		`CREATE FUNCTION shop.plain() RETURNS integer LANGUAGE sql AS $$ SELECT 1 $$`))
	s.External, s.Schema = true, "shop"
	r, err := Run(t.Context(), s, []string{"S01"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, f := range r.Outcomes[0].Findings {
		found = append(found, f.Object)
	}
	if strings.Join(found, " ") != "function first function open" {
		t.Errorf("found %q", found)
	}
}
