package erd

import (
	"cmp"
	"slices"

	"cardinal/internal/catalog"
)

// Diagram is the model of a drawing: base tables and the relations between them, which are their foreign keys.
type Diagram struct {
	Title     string
	Tables    []Table // by name
	Relations []Relation

	isExternal bool
}

// Table is a table of the diagram with its area.
type Table struct {
	catalog.Table
	Area string
}

// Relation is a foreign key: rows of From refer to rows of To. Two tables with foreign keys to each other on the same
// columns, such as users and profiles, have one relation for both keys.
type Relation struct {
	Name       string // of the foreign key
	Inverse    string // name of To's foreign key to From on the same columns, "" if there is none
	From, To   string
	Columns    []string // of From
	Referenced []string // of To
	OnDelete   string
	IsOptional bool // a row of From can refer to no row of To
	IsUnique   bool // no two rows of From refer to the same row of To
	IsOutside  bool // To is not in the diagram
	IsRepeated bool // other relations connect the same two tables, so texts must name the columns
}

// NewDiagram creates the diagram of a schema. Cardinal's tables are assigned to areas by their purpose, those of an
// external schema by the first words of their names.
func NewDiagram(s *catalog.Schema, isExternal bool) *Diagram {
	d := &Diagram{Title: "Cardinal", isExternal: isExternal}
	tables := s.BaseTables()
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
		return cmp.Or(cmp.Compare(a.From, b.From), slices.Compare(a.Columns, b.Columns), cmp.Compare(a.To, b.To),
			cmp.Compare(a.Name, b.Name))
	})
	d.Relations = mergeInverse(d.Relations, d.hub())
	d.markRepeated()
	return d
}

func (d *Diagram) relation(t *Table, key catalog.Constraint) Relation {
	r := Relation{Name: key.Name, From: t.Name, To: key.References,
		Columns: key.Columns, Referenced: key.ReferencedColumns,
		OnDelete: key.OnDelete, IsOutside: d.table(key.References) == nil}
	r.IsOptional = slices.ContainsFunc(key.Columns, func(name string) bool {
		c := t.Column(name)
		return c != nil && !c.NotNull && !slices.Contains(t.PrimaryKey(), name)
	})
	r.IsUnique = slices.ContainsFunc(t.UniqueKeys(), func(unique []string) bool {
		return isSubset(unique, key.Columns)
	})
	return r
}

// mergeInverse merges two foreign keys of two tables to each other on the same columns into one relation. It keeps the
// key of the table that is not the hub, because readers expect it there.
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

// hub returns the table with the most relations, the first by name if several have as many, and "" if there is no
// table.
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

// junction returns the two relations that form the primary key of a junction table. For other tables it returns false.
func (d *Diagram) junction(t *Table) (a, b Relation, ok bool) {
	var own []Relation
	for _, r := range d.Relations {
		isPart := isSubset(r.Columns, t.PrimaryKey()) && len(r.Columns) < len(t.PrimaryKey())
		if r.From == t.Name && !r.IsOutside && isPart {
			own = append(own, r)
		}
	}
	if len(own) != 2 || !isSubset(t.PrimaryKey(), slices.Concat(own[0].Columns, own[1].Columns)) {
		return a, b, false
	}
	return own[0], own[1], true
}

// Focus removes all tables that are more than depth relations away from the named one. It returns false if that table
// does not exist.
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

// areas returns the areas of the diagram: Cardinal's in their order, others by name.
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

// byArea returns the tables in the order of their areas, and by name in each area.
func (d *Diagram) byArea() []Table {
	order := d.areas()
	return slices.SortedStableFunc(slices.Values(d.Tables), func(a, b Table) int {
		return cmp.Compare(slices.Index(order, a.Area), slices.Index(order, b.Area))
	})
}

func isSubset(part, whole []string) bool {
	return !slices.ContainsFunc(part, func(name string) bool { return !slices.Contains(whole, name) })
}
