package check

import (
	"slices"

	"cardinal/internal/catalog"
)

var accessPoints = []Check{
	{ID: "G14", Kind: Point, unit: "rules", Title: "roles and permissions have unique names and a description",
		Guide: "Primary Key, Unique Name.",
		Why: "If two roles have the same name, the wrong one gets granted. Checked by unique keys and NOT NULL; in " +
			"an external database, for tables named roles, groups or permissions.",
		run: pointCheck(checkRoleNames), runGeneral: pointCheck(checkRoleNamesGeneral)},
}

func checkRoleNames(s *Subject, res *resultBuilder) {
	for _, name := range []string{"roles", "permissions"} {
		res.requireNotNull(s, name, "name", "description")
		res.requireUnique(s, name, "name")
	}
}

var (
	roleTable = newPattern(`(?i)^(.*_)?(roles?|permissions?|groups?)$`)
	roleName  = newPattern(`(?i)^((role|permission|group)_?)?(name|code|slug|key|title)$`)
)

func checkRoleNamesGeneral(s *Subject, res *resultBuilder) {
	for _, t := range s.Live.BaseTables() {
		i := slices.IndexFunc(t.Columns, func(c catalog.Column) bool { return roleName.MatchString(c.Name) })
		if !roleTable.MatchString(t.Name) || isJunction(&t) || i < 0 {
			continue
		}
		unique := slices.ContainsFunc(t.Indexes, func(x catalog.Index) bool {
			return x.Unique && x.Valid && slices.ContainsFunc(t.Columns,
				func(c catalog.Column) bool { return roleName.MatchString(c.Name) && isUniqueFor(x, c.Name) })
		})
		res.expect(unique, Finding{Object: t.Name + "." + t.Columns[i].Name, Problem: "two rows can have the same name",
			Warning: true,
			Fix: "CREATE UNIQUE INDEX " + quoteName(t.Name+"_"+t.Columns[i].Name+"_uq") + " ON " + s.tableName(t.Name) +
				" (" + quoteName(t.Columns[i].Name) + ");"})
	}
}
