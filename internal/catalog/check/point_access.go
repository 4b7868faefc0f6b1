package check

import (
	"slices"

	"cardinal/internal/catalog"
)

var accessPoints = []Check{
	{ID: "G14", Kind: Point, of: "rules", Title: "roles and permissions have unique names and a description",
		Guide: "Primary Key, Unique Name.",
		Why:   "Two roles of one name are granted in each other's place. Judged by the keys and by NOT NULL; of a foreign database, for a table that is called roles, groups or permissions.",
		run:   judged(rolesAreNamed), general: judged(roleNamesAreUnique)},
}

func rolesAreNamed(s *Subject, j *judgement) {
	for _, name := range []string{"roles", "permissions"} {
		j.notNull(s, name, "name", "description")
		j.unique(s, name, "name")
	}
}

var (
	roles    = lazily(`(?i)^(.*_)?(roles?|permissions?|groups?)$`)
	roleName = lazily(`(?i)^((role|permission|group)_?)?(name|code|slug|key|title)$`)
)

func roleNamesAreUnique(s *Subject, j *judgement) {
	for _, t := range s.Live.Base() {
		i := slices.IndexFunc(t.Columns, func(c catalog.Column) bool { return roleName.MatchString(c.Name) })
		if !roles.MatchString(t.Name) || isJunction(&t) || i < 0 {
			continue
		}
		unique := slices.ContainsFunc(t.Indexes, func(x catalog.Index) bool {
			return x.Unique && x.Valid && slices.ContainsFunc(t.Columns, func(c catalog.Column) bool { return roleName.MatchString(c.Name) && saysOne(x, c.Name) })
		})
		j.expect(unique, Finding{Object: t.Name + "." + t.Columns[i].Name, Problem: "two rows may have the same name", Warning: true,
			Fix: "CREATE UNIQUE INDEX " + quote(t.Name+"_"+t.Columns[i].Name+"_uq") + " ON " + s.table(t.Name) + " (" + quote(t.Columns[i].Name) + ");"})
	}
}
