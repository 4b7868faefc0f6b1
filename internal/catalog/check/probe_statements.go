package check

import (
	"iter"
	"maps"
	"slices"
	"strings"

	"cardinal/internal/catalog"
)

// valueSource returns the values to try in a column of a row.
type valueSource func(*catalog.Table, *catalog.Column, row) []string

func nullOnly(*catalog.Table, *catalog.Column, row) []string { return []string{"NULL"} }

// changeColumns returns statements that set some columns of a row to other values: first one column at a time, then
// two; as an INSERT and as an UPDATE.
func (p *prober) changeColumns(t *catalog.Table, columns []string, source valueSource) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, changes := range []func(map[string][]string) iter.Seq[row]{singleChanges, pairChanges} {
			for _, write := range []func(*catalog.Table, row, row) string{p.insertLike, p.insertUnknownCodes,
				p.update} {
				for _, r := range p.rows[t.Name] {
					for change := range changes(candidateValues(t, columns, r, source)) {
						if statement := write(t, r, change); statement != "" && !yield(statement) {
							return
						}
					}
				}
			}
		}
	}
}

// candidateValues returns the values to try in each column, or in the columns that it is computed from.
func candidateValues(t *catalog.Table, columns []string, r row, source valueSource) map[string][]string {
	pools := map[string][]string{}
	for _, name := range columns {
		for _, c := range sourceColumns(t, name) {
			pools[c.Name] = source(t, c, r)
		}
	}
	return pools
}

// sourceColumns returns the columns that determine the value of a column: itself, or those that it is computed from.
func sourceColumns(t *catalog.Table, name string) (columns []*catalog.Column) {
	c := t.Column(name)
	switch {
	case c == nil:
	case c.Generated == "":
		columns = append(columns, c)
	default:
		for i := range t.Columns {
			if strings.Contains(c.Generated, t.Columns[i].Name) {
				columns = append(columns, &t.Columns[i])
			}
		}
	}
	return columns
}

func singleChanges(pools map[string][]string) iter.Seq[row] {
	return func(yield func(row) bool) {
		for _, name := range slices.Sorted(maps.Keys(pools)) {
			for _, v := range pools[name] {
				if !yield(row{name: v}) {
					return
				}
			}
		}
	}
}

func pairChanges(pools map[string][]string) iter.Seq[row] {
	return func(yield func(row) bool) {
		names := slices.Sorted(maps.Keys(pools))
		for i, a := range names {
			for _, b := range names[i+1:] {
				for _, v := range pools[a] {
					for _, w := range pools[b] {
						if !yield(row{a: v, b: w}) {
							return
						}
					}
				}
			}
		}
	}
}

// insertLike inserts a copy of a row with a new id.
func (p *prober) insertLike(t *catalog.Table, like, change row) string {
	values := maps.Clone(like)
	for _, key := range t.PrimaryKey() {
		if key == "id" {
			values[key] = p.freshID(like[key])
		}
	}
	maps.Copy(values, change)
	return p.insertRow(t, values)
}

// insertUnknownCodes is insertLike with codes that no lookup table has. Triggers that query a lookup table then find
// nothing to refuse; foreign keys are checked after everything else.
func (p *prober) insertUnknownCodes(t *catalog.Table, like, change row) string {
	values, some := row{}, false
	for _, k := range t.ForeignKeys() {
		for _, name := range k.Columns {
			if c := t.Column(name); c != nil && strings.EqualFold(c.Type, "text") && like[name] != "NULL" {
				values[name], some = "'nosuch'", true
			}
		}
	}
	if !some {
		return ""
	}
	maps.Copy(values, change)
	return p.insertLike(t, like, values)
}

func (p *prober) insertRow(t *catalog.Table, values row) string {
	var columns, list []string
	for _, c := range t.Columns {
		if c.Generated == "" {
			columns = append(columns, quoteName(c.Name))
			list = append(list, values[c.Name])
		}
	}
	return "INSERT INTO " + quoteName(t.Name) + " (" + strings.Join(columns, ", ") + ") VALUES (" +
		strings.Join(list, ", ") + ")"
}

// update changes a row and increments its version, as every change must.
func (p *prober) update(t *catalog.Table, r, change row) string {
	return p.updateWithVersion(t, r, change, "version + 1")
}

func (p *prober) updateWithVersion(t *catalog.Table, r, change row, version string) string {
	var set, where []string
	for _, name := range slices.Sorted(maps.Keys(change)) {
		set = append(set, quoteName(name)+" = "+change[name])
	}
	if _, given := change["version"]; t.Column("version") != nil && version != "" && !given {
		set = append(set, "version = "+version)
	}
	for _, key := range t.PrimaryKey() {
		where = append(where, quoteName(key)+" = "+r[key])
	}
	return "UPDATE " + quoteName(t.Name) + " SET " + strings.Join(set, ", ") + " WHERE " + strings.Join(where, " AND ")
}

// duplicateRows returns inserts of rows that equal another row in the columns of one unique index, and in no other key.
func (p *prober) duplicateRows(t *catalog.Table, i catalog.Index) iter.Seq[string] {
	fixed := map[string]bool{}
	for _, name := range i.Columns {
		fixed[name] = true
	}
	others := map[string]bool{}
	for _, x := range t.Indexes {
		if x.Unique && x.Name != i.Name {
			for _, name := range x.Columns {
				if fixed[name] {
					continue
				}
				for _, c := range sourceColumns(t, name) {
					others[c.Name] = true
				}
			}
		}
	}
	return func(yield func(string) bool) {
		for _, text := range []string{"'probe_x'", "'QQ'", "'probes.x'", "'probe-x'",
			quoteLiteral(strings.Replace(sampleHash, "cHJv", "eHJv", 1))} {
			for _, r := range p.rows[t.Name] {
				values, texts := maps.Clone(r), 0
				for _, name := range slices.Sorted(maps.Keys(others)) {
					if r[name] == "NULL" {
						continue // NULL equals no other value
					}
					c := *t.Column(name)
					if values[name] = p.freshValue(c, r[name], text); values[name] == text {
						values[name] = strings.Replace(text, "'", "'"+strings.Repeat("x", texts), 1) // all texts differ
						texts++
					}
				}
				if !yield(p.insertRow(t, values)) || !yield(p.insertRow(t, r)) {
					return
				}
			}
		}
	}
}

// danglingReferences returns rows with a foreign key that refers to a missing row: in one of its columns, or in all of
// them.
func (p *prober) danglingReferences(t *catalog.Table, k catalog.Constraint) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, write := range []func(*catalog.Table, row, row) string{p.insertWithFreshKeys, p.update} {
			for _, r := range p.rows[t.Name] {
				all := row{}
				for _, name := range k.Columns {
					all[name] = p.freshValue(*t.Column(name), r[name], "'nosuch'")
					if !yield(write(t, r, row{name: all[name]})) {
						return
					}
				}
				if len(k.Columns) > 1 && !yield(write(t, r, all)) {
					return
				}
			}
		}
	}
}

// insertWithFreshKeys inserts a copy of a row that shares no key with it.
func (p *prober) insertWithFreshKeys(t *catalog.Table, like, change row) string {
	refers := map[string]bool{}
	for _, k := range t.ForeignKeys() {
		for _, name := range k.Columns {
			refers[name] = true
		}
	}
	values := maps.Clone(like)
	for _, i := range t.Indexes {
		for _, name := range i.Columns {
			for _, c := range sourceColumns(t, name) {
				if i.Unique && (!refers[name] || name == "id") {
					values[c.Name] = p.freshValue(*c, like[c.Name], "'QQ'")
				}
			}
		}
	}
	maps.Copy(values, change)
	return p.insertRow(t, values)
}

// triggerStatements returns statements that fire a trigger, alternating between its events.
func (p *prober) triggerStatements(t *catalog.Table, triggerStatements []event) iter.Seq[string] {
	return func(yield func(string) bool) {
		var turns []func() (string, bool)
		for _, e := range triggerStatements {
			next, stop := iter.Pull(p.eventStatements(t, e))
			defer stop()
			turns = append(turns, next)
		}
		for len(turns) > 0 {
			turns = slices.DeleteFunc(turns, func(next func() (string, bool)) bool {
				statement, ok := next()
				if ok && yield != nil && !yield(statement) {
					yield = nil
				}
				return !ok || yield == nil
			})
		}
	}
}

func (p *prober) eventStatements(t *catalog.Table, e event) iter.Seq[string] {
	switch e.verb {
	case "TRUNCATE":
		return slices.Values([]string{"TRUNCATE " + quoteName(t.Name) + " CASCADE"})
	case "DELETE":
		return p.deletes(t)
	case "UPDATE":
		return p.updates(t, e.columns)
	}
	return p.inserts(t)
}

func (p *prober) deletes(t *catalog.Table) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, r := range p.rows[t.Name] {
			var where []string
			for _, key := range t.PrimaryKey() {
				where = append(where, quoteName(key)+" = "+r[key])
			}
			if !yield("DELETE FROM " + quoteName(t.Name) + " WHERE " + strings.Join(where, " AND ")) {
				return
			}
		}
	}
}

func (p *prober) updates(t *catalog.Table, columns []string) iter.Seq[string] {
	if columns == nil {
		for _, c := range t.Columns {
			if c.Generated == "" {
				columns = append(columns, c.Name)
			}
		}
	}
	return func(yield func(string) bool) {
		for _, r := range p.rows[t.Name] { // with an unchanged version
			if !yield(p.updateWithVersion(t, r, row{columns[0]: r[columns[0]]}, "")) {
				return
			}
		}
		// Every row and column with its most likely value first.
		for n, more := 0, true; more; n++ {
			more = false
			for _, r := range p.rows[t.Name] {
				for _, name := range columns {
					pool := p.candidates(t, t.Column(name), r)
					if n >= len(pool) {
						continue
					}
					if more = true; !yield(p.update(t, r, row{name: pool[n]})) {
						return
					}
				}
			}
		}
	}
}

func (p *prober) inserts(t *catalog.Table) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, r := range p.rows[t.Name] {
			if !yield(p.insertRow(t, r)) {
				return
			}
			for i := range t.Columns {
				c := &t.Columns[i]
				for _, v := range p.candidates(t, c, r) {
					if c.Generated == "" && !yield(p.insertLike(t, r, row{c.Name: v})) {
						return
					}
				}
			}
		}
	}
}
