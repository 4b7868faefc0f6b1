package check

import (
	"context"
	"strings"

	"cardinal/internal/catalog"
)

// callerPoints are about what a role that only uses the database can do to the functions in it.
var callerPoints = []Check{
	{ID: "S01", Kind: Point, unit: "functions", Title: "no function depends on the session of its caller",
		Why: "A caller can set its search_path and create temporary tables. A name in a function then means what the " +
			"caller wants, even in a function that runs with the permissions of its owner. Each function needs a " +
			"search_path of its own that ends with pg_temp, or an SQL body that was bound when it was created. In an " +
			"external database, only functions with SECURITY DEFINER are checked.",
		run: pointCheck(checkFunctions), runGeneral: pointCheck(checkDefinersGeneral)},
	{ID: "S02", Kind: Point, unit: "roles", Title: "the service's role cannot create temporary tables",
		Why: "A temporary table has precedence over a table with the same name, so it can redirect what a function " +
			"reads (S01). Cardinal needs none. Every role has the privilege TEMPORARY through PUBLIC until it is " +
			"revoked.",
		run: checkTemporary},
}

func checkFunctions(s *Subject, res *resultBuilder) {
	for _, f := range s.Live.Functions {
		res.requireOwnNames(s, f)
	}
	if s.Live.Engine == "sqlite" {
		res.NotChecked = "SQLite has no functions of its own, and its triggers read only tables of their database"
	}
}

func checkDefinersGeneral(s *Subject, res *resultBuilder) {
	for _, f := range s.Live.Functions {
		if f.SecurityDefiner {
			res.requireOwnNames(s, f)
		}
	}
}

// requireOwnNames expects that the caller of a function cannot change what the names in it mean.
func (res *resultBuilder) requireOwnNames(s *Subject, f catalog.Function) {
	path, found := "", false
	for _, setting := range f.Configuration {
		if value, ok := strings.CutPrefix(setting, "search_path="); ok {
			path, found = value, true
		}
	}
	// A function in C or inside the server has no names to look up.
	safe := f.Bound || f.Language == "c" || f.Language == "internal" || found && strings.HasSuffix(path, ", pg_temp") &&
		!strings.Contains(path, "$user")
	problem := "it has no search_path of its own: its caller decides what the names in it mean"
	if found {
		problem = "its search_path does not end with pg_temp: temporary tables of its caller come first"
	}
	res.expect(safe, Finding{Object: "function " + f.Name, Problem: problem, Evidence: f.Configuration,
		Fix: "ALTER FUNCTION " + s.tableName(f.Name) + " SET search_path = " + quoteName(s.Live.Name) + ", pg_temp;"})
}

// checkTemporary reports the roles with the service's privileges that can create temporary tables.
func checkTemporary(ctx context.Context, s *Subject) (Outcome, error) {
	var res resultBuilder
	log := res.requireTable(s, "audit_logs")
	if s.Live.Engine == "sqlite" || log == nil {
		res.NotChecked = "SQLite has no roles"
		return res.result(), nil
	}
	for _, g := range log.Grants {
		if g.Privilege != "INSERT" {
			continue
		}
		rows, err := s.query(ctx, `SELECT quote_ident(current_database()),
			has_database_privilege($1, current_database(), 'TEMPORARY'),
			EXISTS (SELECT FROM pg_database d
			          CROSS JOIN LATERAL aclexplode(COALESCE(d.datacl, acldefault('d', d.datdba))) a
			         WHERE d.datname = current_database() AND a.grantee = 0 AND a.privilege_type = 'TEMPORARY')`,
			g.Grantee)
		if err != nil {
			return Outcome{}, err
		}
		from := quoteName(g.Grantee)
		if rows[0][2] == "true" {
			from = "PUBLIC"
		}
		res.expect(rows[0][1] != "true", Finding{Object: "role " + g.Grantee, Warning: true,
			Problem: "it can create temporary tables, which have precedence over the tables of Cardinal",
			Fix:     "REVOKE TEMPORARY ON DATABASE " + rows[0][0] + " FROM " + from + ";"})
	}
	return res.result(), nil
}
