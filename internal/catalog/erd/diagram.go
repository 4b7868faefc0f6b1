package erd

import (
	"cmp"
	"slices"

	"cardinal/internal/catalog"
)

// Diagram is what is drawn: tables that hold data, and the relations that foreign keys make between them.
type Diagram struct {
	Title     string
	Tables    []Table // by name
	Relations []Relation

	isExternal bool
}

// Table is a table of the diagram and where in it the table belongs.
type Table struct {
	catalog.Table
	Area string
}

// Relation is one foreign key read as a relation: the rows of From belong to rows of To. Two foreign keys that answer each
// other, as those of users and profiles, are one.
type Relation struct {
	Name       string // of the foreign key
	Inverse    string // the foreign key of To that refers back by the same columns, "" when there is none
	From, To   string
	Columns    []string // of From
	Referenced []string // of To
	OnDelete   string
	IsOptional bool // a row of From may belong to no row of To
	IsUnique   bool // no two rows of From belong to the same row of To
	IsOutside  bool // To is not in the diagram
	IsRepeated bool // other relations connect the same two tables, so that the columns must tell them apart
}

// NewDiagram reads the tables and relations of a schema. The tables of a foreign schema are sorted into areas by their names' first
// words, Cardinal's own by what they are for.
func NewDiagram(s *catalog.Schema, isExternal bool) *Diagram {
	d := &Diagram{Title: "Cardinal", isExternal: isExternal}
	tables := s.Base()
	area := areaOf
	if isExternal {
		d.Title = s.Name
		area = areaByPrefix(tables)
	}
	for _, t := range tables {
		d.Tables = append(d.Tables, Table{Table: t, Area: area(t.Name)})
	}
	slices.SortFunc(d.Tables, func(a, b Table) int { return cmp.Compare(a.Name, b.Name) })
	for i := range d.Tables {
		for _, key := range d.Tables[i].ForeignKeys() {
			d.Relations = append(d.Relations, d.relation(&d.Tables[i], key))
		}
	}
	slices.SortFunc(d.Relations, func(a, b Relation) int {
		return cmp.Or(cmp.Compare(a.From, b.From), slices.Compare(a.Columns, b.Columns), cmp.Compare(a.To, b.To), cmp.Compare(a.Name, b.Name))
	})
	d.Relations = mergeInverse(d.Relations, d.hub())
	d.markRepeated()
	return d
}

func (d *Diagram) relation(t *Table, key catalog.Constraint) Relation {
	r := Relation{Name: key.Name, From: t.Name, To: key.References, Columns: key.Columns, Referenced: key.ReferencedColumns,
		OnDelete: key.OnDelete, IsOutside: d.table(key.References) == nil}
	r.IsOptional = slices.ContainsFunc(key.Columns, func(name string) bool {
		c := t.Column(name)
		return c != nil && !c.NotNull && !slices.Contains(t.PrimaryKey(), name)
	})
	r.IsUnique = slices.ContainsFunc(t.UniqueKeys(), func(unique []string) bool { return isSubset(unique, key.Columns) })
	return r
}

// mergeInverse makes one relation of two foreign keys that refer to each other by the same columns: that of the table which is
// not the hub, as there the reader looks for it.
func mergeInverse(relations []Relation, hub string) []Relation {
	isInverse := func(a, b Relation) bool {
		return a.From == b.To && a.To == b.From && a.From != a.To &&
			slices.Equal(a.Columns, b.Referenced) && slices.Equal(a.Referenced, b.Columns) &&
			a.IsUnique && b.IsUnique && !a.IsOptional && !b.IsOptional
	}
	var merged []Relation
	for i, r := range relations {
		j := slices.IndexFunc(relations, func(other Relation) bool { return isInverse(r, other) })
		switch {
		case j < 0:
			merged = append(merged, r)
		case r.To == hub || r.From != hub && i < j:
			r.Inverse = relations[j].Name
			merged = append(merged, r)
		}
	}
	return merged
}

func (d *Diagram) markRepeated() {
	for i := range d.Relations {
		r := &d.Relations[i]
		r.IsRepeated = slices.ContainsFunc(d.Relations, func(other Relation) bool {
			return other.From == r.From && other.To == r.To && !slices.Equal(other.Columns, r.Columns)
		})
	}
}

func (d *Diagram) table(name string) *Table {
	i := slices.IndexFunc(d.Tables, func(t Table) bool { return t.Name == name })
	if i < 0 {
		return nil
	}
	return &d.Tables[i]
}

// hub is the table with the most relations, the first by name of several; "" when there is no table.
func (d *Diagram) hub() string {
	degree := map[string]int{}
	for _, r := range d.Relations {
		degree[r.From]++
		degree[r.To]++
	}
	var hub string
	for _, t := range d.Tables {
		if hub == "" || degree[t.Name] > degree[hub] {
			hub = t.Name
		}
	}
	return hub
}

// junction returns the two relations that a junction table's primary key is made of; false for any other table.
func (d *Diagram) junction(t *Table) (a, b Relation, ok bool) {
	var own []Relation
	for _, r := range d.Relations {
		if r.From == t.Name && !r.IsOutside && isSubset(r.Columns, t.PrimaryKey()) && len(r.Columns) < len(t.PrimaryKey()) {
			own = append(own, r)
		}
	}
	if len(own) != 2 || !isSubset(t.PrimaryKey(), slices.Concat(own[0].Columns, own[1].Columns)) {
		return a, b, false
	}
	return own[0], own[1], true
}

// Focus keeps the tables that at most depth relations lead to from the named one; false when there is no such table.
func (d *Diagram) Focus(name string, depth int) bool {
	if d.table(name) == nil {
		return false
	}
	near := map[string]bool{name: true}
	for range depth {
		next := map[string]bool{}
		for _, r := range d.Relations {
			if near[r.From] || near[r.To] {
				next[r.From], next[r.To] = true, true
			}
		}
		for n := range next {
			near[n] = true
		}
	}
	d.Tables = slices.DeleteFunc(d.Tables, func(t Table) bool { return !near[t.Name] })
	d.Relations = slices.DeleteFunc(d.Relations, func(r Relation) bool { return !near[r.From] })
	for i := range d.Relations {
		d.Relations[i].IsOutside = d.table(d.Relations[i].To) == nil
	}
	return true
}

// areas are the areas of the diagram: Cardinal's in their order, others by name.
func (d *Diagram) areas() []string {
	var names []string
	for _, t := range d.Tables {
		if !slices.Contains(names, t.Area) {
			names = append(names, t.Area)
		}
	}
	rank := func(area string) int { return slices.Index(areaOrder, area) }
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b)) })
	return names
}

// byArea are the tables in the order of the areas, and by name in each.
func (d *Diagram) byArea() []Table {
	order := d.areas()
	return slices.SortedStableFunc(slices.Values(d.Tables), func(a, b Table) int {
		return cmp.Compare(slices.Index(order, a.Area), slices.Index(order, b.Area))
	})
}

func isSubset(part, whole []string) bool {
	return !slices.ContainsFunc(part, func(name string) bool { return !slices.Contains(whole, name) })
}
