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
	c := comparison{counts: map[aspect]*count{}, found: map[key]*difference{}, months: map[string]bool{}, live: map[catalog.Object]bool{}, want: map[catalog.Object]bool{}}
	for _, a := range []aspect{ofColumns, ofConstraints, ofIndexes, ofCode, ofRights, ofComments, ofPartitions, ofOthers} {
		c.counts[a] = &count{}
	}
	for _, s := range []*catalog.Schema{live, want} {
		for _, t := range s.Tables {
			if t.Kind == catalog.Partition || monthTable.MatchString(t.Name) {
				c.months[t.Name] = true
			}
		}
	}
	is, should := live.Facts(), want.Facts()
	for _, f := range is {
		c.live[f.Object] = true
	}
	for _, f := range should {
		c.want[f.Object] = true
	}
	for len(is) > 0 || len(should) > 0 {
		n := 0
		switch {
		case len(should) == 0:
			n = -1
		case len(is) == 0:
			n = 1
		default:
			n = is[0].Compare(should[0])
		}
		switch {
		case n < 0:
			c.surplus(is[0])
			is = is[1:]
		case n > 0:
			c.missing(should[0])
			should = should[1:]
		default:
			c.both(is[0], should[0])
			is, should = is[1:], should[1:]
		}
	}
	h.counts = c.counts
	h.differences = essential(c.found, live, want)
}

// comparison walks the facts of two schemas.
type comparison struct {
	counts     map[aspect]*count
	found      map[key]*difference
	months     map[string]bool // tables that are months of the log
	live, want map[catalog.Object]bool
}

type key struct {
	object catalog.Object
	about  aspect
}

func (c *comparison) at(o catalog.Object, about aspect) *difference {
	k := key{o, about}
	if c.found[k] == nil {
		c.found[k] = &difference{object: o, about: about}
	}
	return c.found[k]
}

func (c *comparison) both(is, should catalog.Fact) {
	about := c.aspect(should.Object, should.Property)
	c.counts[about].total++
	if is.Value == should.Value {
		c.counts[about].held++
		return
	}
	d := c.at(should.Object, about)
	d.changed = append(d.changed, change{should.Property, is.Value, should.Value})
}

func (c *comparison) missing(f catalog.Fact) {
	if c.months[f.Object.Name] && f.Object.Kind == "table" && strings.HasPrefix(f.Property, "SELECT for ") {
		return // a month that was made after the rights were given has none of its own: it is read as a part of the log
	}
	about := c.aspect(f.Object, f.Property)
	c.counts[about].total++
	if !c.live[f.Object] {
		c.at(f.Object, c.aspect(f.Object, "")).missing = true
		return
	}
	d := c.at(f.Object, about)
	d.changed = append(d.changed, change{f.Property, "", f.Value})
}

func (c *comparison) surplus(f catalog.Fact) {
	if !c.want[f.Object] {
		c.at(f.Object, c.aspect(f.Object, "")).surplus = true
		return
	}
	d := c.at(f.Object, c.aspect(f.Object, f.Property))
	d.changed = append(d.changed, change{f.Property, f.Value, ""})
}

// aspect tells which check a fact belongs to; of an object as a whole when property is "".
func (c *comparison) aspect(o catalog.Object, property string) aspect {
	switch {
	case property == "comment":
		return ofComments
	case property == "owner", strings.Contains(property, " for "), o.Kind == "schema":
		return ofRights
	case c.months[o.Table], o.Kind == "table" && c.months[o.Name], property == "partition key":
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

// essential sorts the differences and leaves out those that another one explains: parts of a table that is missing, what a
// partition has from its table, the index of a key, a table's text when one of its parts differs.
func essential(found map[key]*difference, live, want *catalog.Schema) []difference {
	var kept []difference
	parts := map[string]bool{}    // tables of which a part differs
	detached := map[string]bool{} // tables that are missing, surplus, or no part of what they should be part of
	structure := map[catalog.Object]*difference{}
	for k, d := range found {
		if k.about != ofComments && k.about != ofRights {
			structure[k.object] = d
		}
		if k.object.Table != "" {
			parts[k.object.Table] = true
		}
		if k.object.Kind == "table" && (d.missing || d.surplus || d.changes("partition of")) {
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
		t := want.Table(o.Table)
		if d.surplus {
			t = live.Table(o.Table)
		}
		if t != nil && structure[o] == d && explained(d, t, structure) {
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
		if a.surplus != b.surplus { // what is renamed is dropped before it is made anew
			return map[bool]int{true: -1, false: 1}[a.surplus]
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

// explained reports whether a part of a table differs because what made it differs likewise: the key of an index, or the part of the
// partitioned table that a partition's was made from. Comments and rights are nobody's heirs.
func explained(d *difference, t *catalog.Table, structure map[catalog.Object]*difference) bool {
	o := d.object
	origin := catalog.Object{Kind: o.Kind, Table: t.PartitionOf, Name: o.Name}
	for _, i := range t.Indexes {
		switch {
		case o.Kind == "index" && i.Name == o.Name:
			if i.Constraint != "" && structure[catalog.Object{Kind: "constraint", Table: o.Table, Name: i.Constraint}] != nil {
				return true
			}
			origin.Name = i.PartOf
		case o.Kind == "constraint" && i.Constraint == o.Name && i.PartOf != "": // a key of a partition is called as its index
			origin.Name = i.PartOf
		}
	}
	from := structure[origin]
	if t.PartitionOf == "" || from == nil || from.missing != d.missing || from.surplus != d.surplus {
		return false
	}
	return !slices.ContainsFunc(d.changed, func(c change) bool { return !from.changes(c.property) })
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
			live, want := c.live, c.want
			if c.property == catalog.StoredText {
				live, want = firstDifference(live, want)
			}
			f.Evidence = append(f.Evidence, fmt.Sprintf("%s: is %s, should be %s", c.property, shown(live), shown(want)))
		}
		f.Warning = len(d.changed) == 1 && d.changed[0].property == catalog.ColumnOrder // which only SELECT * can tell
		f.Problem = "is not what the migrations make it: " + strings.Join(properties, ", ")
	}
	if f.Fix == "" {
		f.Problem += "; " + d.unfixable(s)
	}
	return f
}

// firstDifference is the first line in which two texts differ.
func firstDifference(a, b string) (string, string) {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for len(as) > 1 && len(bs) > 1 && as[0] == bs[0] {
		as, bs = as[1:], bs[1:]
	}
	return as[0], bs[0]
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
