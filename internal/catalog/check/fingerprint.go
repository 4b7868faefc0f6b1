package check

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"cardinal/internal/catalog"
)

// aspect is what a fact is about; each has its own check.
type aspect string

const (
	ofColumns     aspect = "tables and columns"
	ofConstraints aspect = "constraints"
	ofIndexes     aspect = "indexes"
	ofCode        aspect = "triggers and functions"
	ofRights      aspect = "rights"
	ofComments    aspect = "comments"
	ofPartitions  aspect = "partitions"
	ofOthers      aspect = "other things"
)

var fingerprints = []Check{
	fingerprint("F01", ofColumns, "every table and column is what the migrations make it, and there is no other",
		"A column that is missing, wider or nullable lets values in that nothing else expects."),
	fingerprint("F02", ofConstraints, "every constraint says what the migrations make it say, is enforced and holds for every row",
		"A constraint that was dropped, weakened, left NOT VALID or whose triggers are disabled is noticed only by the rows that it should have refused."),
	fingerprint("F03", ofIndexes, "every index is there, valid and as the migrations make it, and there is no other",
		"A missing index is a slow query or a duplicate; a stray one costs every write."),
	fingerprint("F04", ofCode, "every trigger is enabled and every function is what the migrations make it",
		"Rules that span rows and tables are kept by triggers: a disabled one keeps nothing."),
	fingerprint("F05", ofRights, "the service's role has the rights that it needs, nobody else has any, and everything has one owner",
		"A right too many is how an audit log is rewritten."),
	fingerprint("F06", ofComments, "every comment is the one that the migrations write",
		"Comments carry the data class of every column."),
	fingerprint("F07", ofPartitions, "every month of the audit log has its bounds and inherits every rule of the log",
		"A month that was detached, or lost a trigger, is a month of the log that can be changed."),
	fingerprint("F08", ofOthers, "the schema holds nothing else: no types, sequences, comments or default privileges of other origin",
		"What nobody's migration made, nobody's migration keeps in mind."),
}

func fingerprint(id string, about aspect, title, why string) Check {
	return Check{ID: id, Kind: Fingerprint, Title: title, of: "facts",
		Why: why + " Every fact of the live schema is compared with a schema that the program's own migrations build on the same server, in a transaction that is rolled back.",
		run: func(_ context.Context, s *Subject) (Outcome, error) {
			if s.shadow == nil {
				return Outcome{Status: Skipped, Missing: s.Unshadowed}, nil
			}
			o := Outcome{Held: s.shadow.counts[about].held, Total: s.shadow.counts[about].total}
			for _, d := range s.shadow.differences {
				if d.about == about {
					o.Findings = append(o.Findings, d.finding(s))
				}
			}
			if o.settle(); o.Total == 0 && len(o.Findings) == 0 {
				o.Status = Passed // there is nothing of the kind, and there should be nothing
			}
			return o, nil
		}}
}

// difference is an object that is not what it should be, in one aspect.
type difference struct {
	object           catalog.Object
	about            aspect
	missing, surplus bool     // the object itself
	changed          []change // what differs of an object that both have
}

type change struct{ property, live, want string }

type count struct{ held, total int }

// compare finds every difference between the live schema and the shadow, and leaves out those that follow from another.
func (h *shadow) compare(live, want *catalog.Schema) {
	h.counts = map[aspect]*count{}
	for _, a := range []aspect{ofColumns, ofConstraints, ofIndexes, ofCode, ofRights, ofComments, ofPartitions, ofOthers} {
		h.counts[a] = &count{}
	}
	is, should := byObject(live), byObject(want)
	found := map[key]*difference{}
	at := func(o catalog.Object, about aspect) *difference {
		k := key{o, about}
		if found[k] == nil {
			found[k] = &difference{object: o, about: about}
		}
		return found[k]
	}
	for o, facts := range should {
		for property, value := range facts {
			about := aspectOf(o, property, live, want)
			h.counts[about].total++
			if got, ok := is[o][property]; ok && got == value {
				h.counts[about].held++
			} else if is[o] == nil {
				at(o, aspectOf(o, "", live, want)).missing = true
			} else {
				d := at(o, about)
				d.changed = append(d.changed, change{property, got, value})
			}
		}
	}
	for o, facts := range is {
		for property, value := range facts {
			if should[o] == nil {
				at(o, aspectOf(o, "", live, want)).surplus = true
			} else if _, ok := should[o][property]; !ok {
				d := at(o, aspectOf(o, property, live, want))
				d.changed = append(d.changed, change{property, value, ""})
			}
		}
	}
	h.differences = h.essential(found, live, want)
}

type key struct {
	object catalog.Object
	about  aspect
}

func byObject(s *catalog.Schema) map[catalog.Object]map[string]string {
	m := map[catalog.Object]map[string]string{}
	for _, f := range s.Facts() {
		if m[f.Object] == nil {
			m[f.Object] = map[string]string{}
		}
		m[f.Object][f.Property] = f.Value
	}
	return m
}

// aspectOf tells which check a fact belongs to; of an object as a whole when property is "".
func aspectOf(o catalog.Object, property string, live, want *catalog.Schema) aspect {
	name := o.Table
	if o.Kind == "table" {
		name = o.Name
	}
	switch t := either(name, live, want); {
	case property == "comment":
		return ofComments
	case property == "owner", strings.Contains(property, " for "), o.Kind == "schema":
		return ofRights
	case t != nil && (t.Kind == catalog.Partition || monthTable.MatchString(name)), property == "partition key":
		return ofPartitions
	}
	switch o.Kind {
	case "table", "column":
		return ofColumns
	case "constraint":
		return ofConstraints
	case "index":
		return ofIndexes
	case "trigger", "function":
		return ofCode
	}
	return ofOthers
}

func either(table string, live, want *catalog.Schema) *catalog.Table {
	if t := want.Table(table); t != nil {
		return t
	}
	return live.Table(table)
}

// essential sorts the differences and leaves out those that another one explains: parts of a table that is missing, what a
// partition has from its table, the index of a key, a table's text when one of its parts differs.
func (h *shadow) essential(found map[key]*difference, live, want *catalog.Schema) []difference {
	var kept []difference
	parts := map[string]bool{}    // tables of which a part differs
	detached := map[string]bool{} // tables that are missing, surplus, or no part of what they should be part of
	differs := map[catalog.Object]bool{}
	for k, d := range found {
		differs[k.object] = true
		if k.object.Table != "" {
			parts[k.object.Table] = true
		}
		if k.object.Kind == "table" && (d.missing || d.surplus || slices.ContainsFunc(d.changed, func(c change) bool { return c.property == "partition of" })) {
			detached[k.object.Name] = true
		}
	}
	for _, d := range found {
		o := d.object
		if o.Kind == "table" {
			parted := parts[o.Name] || len(found) > 0 && differsIn(found, o)
			d.changed = slices.DeleteFunc(d.changed, func(c change) bool {
				return parted && (c.property == catalog.ColumnOrder || c.property == catalog.StoredText)
			})
		}
		if !d.missing && !d.surplus && len(d.changed) == 0 || detached[o.Table] {
			continue
		}
		if t := either(o.Table, live, want); t != nil && o.Table != "" && explained(o, t, differs) {
			continue
		}
		slices.SortFunc(d.changed, func(a, b change) int { return strings.Compare(a.property, b.property) })
		kept = append(kept, *d)
	}
	order := []string{"schema", "table", "column", "index", "constraint", "function", "trigger"}
	slices.SortFunc(kept, func(a, b difference) int {
		if n := slices.Index(order, a.object.Kind) - slices.Index(order, b.object.Kind); n != 0 {
			return n
		}
		return strings.Compare(a.object.String()+string(a.about), b.object.String()+string(b.about))
	})
	return kept
}

// differsIn reports whether something else than what tells the whole differs of a table.
func differsIn(found map[key]*difference, table catalog.Object) bool {
	for k, d := range found {
		if k.object == table && slices.ContainsFunc(d.changed, func(c change) bool { return c.property != catalog.ColumnOrder && c.property != catalog.StoredText }) {
			return true
		}
	}
	return false
}

// explained reports whether a part of a table differs because what made it does.
func explained(o catalog.Object, t *catalog.Table, differs map[catalog.Object]bool) bool {
	origin := o.Name
	if o.Kind == "index" {
		for _, i := range t.Indexes {
			if i.Name != o.Name {
				continue
			}
			if i.Constraint != "" && differs[catalog.Object{Kind: "constraint", Table: o.Table, Name: i.Constraint}] {
				return true
			}
			origin = i.PartOf
		}
	}
	if o.Kind == "constraint" {
		for _, i := range t.Indexes {
			if i.Constraint == o.Name && i.PartOf != "" { // a key's name is its index's on a partition
				return differs[catalog.Object{Kind: "index", Table: t.PartitionOf, Name: i.PartOf}] || differs[catalog.Object{Kind: "constraint", Table: t.PartitionOf, Name: i.PartOf}]
			}
		}
	}
	return t.PartitionOf != "" && differs[catalog.Object{Kind: o.Kind, Table: t.PartitionOf, Name: origin}]
}

// finding words a difference.
func (d difference) finding(s *Subject) Finding {
	f := Finding{Object: d.object.String(), Fix: d.fix(s)}
	switch {
	case d.missing:
		f.Problem = "is missing"
	case d.surplus:
		f.Problem = "belongs to no migration"
		if d.object.Kind == "table" || d.object.Kind == "column" {
			f.Problem += "; look at what it holds before dropping it"
		}
	default:
		var properties []string
		for _, c := range d.changed {
			properties = append(properties, c.property)
			f.Evidence = append(f.Evidence, fmt.Sprintf("%s: is %s, should be %s", c.property, shown(c.live), shown(c.want)))
		}
		f.Problem = "is not what the migrations make it: " + strings.Join(properties, ", ")
	}
	if f.Fix == "" {
		f.Problem += "; " + d.unfixable(s)
	}
	return f
}

// shown is a value as evidence shows it: in one line, and not endless.
func shown(value string) string {
	if value == "" {
		return "nothing"
	}
	value = strings.Join(strings.Fields(value), " ")
	if runes := []rune(value); len(runes) > 300 {
		value = string(runes[:300]) + "…"
	}
	return value
}
