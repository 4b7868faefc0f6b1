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
	aspectColumns     aspect = "tables and columns"
	aspectConstraints aspect = "constraints"
	aspectIndexes     aspect = "indexes"
	aspectCode        aspect = "triggers and functions"
	aspectRights      aspect = "rights"
	aspectComments    aspect = "comments"
	aspectPartitions  aspect = "partitions"
	aspectOthers      aspect = "other things"
)

var fingerprints = []Check{
	fingerprint("F01", aspectColumns, "every table and column is what the migrations make it, and there is no other",
		"A column that is missing, wider or nullable lets values in that nothing else expects."),
	fingerprint("F02", aspectConstraints, "every constraint says what the migrations make it say, is enforced and holds for every row",
		"A constraint that was dropped, weakened, left NOT VALID or whose triggers are disabled is noticed only by the rows that it should have refused."),
	fingerprint("F03", aspectIndexes, "every index is there, valid and as the migrations make it, and there is no other",
		"A missing index is a slow query or a duplicate; a stray one costs every write."),
	fingerprint("F04", aspectCode, "every trigger is enabled and every function is what the migrations make it",
		"Rules that span rows and tables are kept by triggers: a disabled one keeps nothing."),
	fingerprint("F05", aspectRights, "the service's role has the rights that it needs, nobody else has any, and everything has one owner",
		"A right too many is how an audit log is rewritten."),
	fingerprint("F06", aspectComments, "every comment is the one that the migrations write",
		"Comments carry the data class of every column."),
	fingerprint("F07", aspectPartitions, "every month of the audit log has its bounds and inherits every rule of the log",
		"A month that was detached, or lost a trigger, is a month of the log that can be changed."),
	fingerprint("F08", aspectOthers, "the schema holds nothing else: no types, sequences, comments or default privileges of other origin",
		"What nobody's migration made, nobody's migration keeps in mind."),
}

func fingerprint(id string, wanted aspect, title, why string) Check {
	return Check{ID: id, Kind: Fingerprint, Title: title, unit: "facts",
		Why: why + " Every fact of the live schema is compared with a schema that the program's own migrations build on the same server, in a transaction that is rolled back.",
		run: func(_ context.Context, s *Subject) (Outcome, error) {
			if s.shadow == nil {
				return Outcome{Status: Skipped, NotChecked: s.NoShadowReason}, nil
			}
			o := Outcome{Passed: s.shadow.counts[wanted].equal, Total: s.shadow.counts[wanted].total}
			for _, d := range s.shadow.differences {
				if d.aspect == wanted {
					o.Findings = append(o.Findings, d.finding(s))
				}
			}
			if o.setStatus(); o.Total == 0 && len(o.Findings) == 0 {
				o.Status = Passed // there is nothing of the kind, and there should be nothing
			}
			return o, nil
		}}
}

// difference is an object that is not what it should be, in one aspect.
type difference struct {
	object         catalog.Object
	aspect         aspect
	missing, extra bool     // the object itself
	changed        []change // what differs of an object that both have
}

type change struct{ property, live, want string }

type factCount struct{ equal, total int }

// compare finds every difference between the live schema and the shadow, and leaves out those that follow from another.
func (h *shadow) compare(live, want *catalog.Schema) {
	c := comparison{counts: map[aspect]*factCount{}, differences: map[key]*difference{}, monthTables: map[string]bool{}, liveObjects: map[catalog.Object]bool{}, wantObjects: map[catalog.Object]bool{}}
	for _, a := range []aspect{aspectColumns, aspectConstraints, aspectIndexes, aspectCode, aspectRights, aspectComments, aspectPartitions, aspectOthers} {
		c.counts[a] = &factCount{}
	}
	for _, s := range []*catalog.Schema{live, want} {
		for _, t := range s.Tables {
			if t.Kind == catalog.Partition || monthTable.MatchString(t.Name) {
				c.monthTables[t.Name] = true
			}
		}
	}
	liveFacts, wantFacts := live.Facts(), want.Facts()
	for _, f := range liveFacts {
		c.liveObjects[f.Object] = true
	}
	for _, f := range wantFacts {
		c.wantObjects[f.Object] = true
	}
	for len(liveFacts) > 0 || len(wantFacts) > 0 {
		n := 0
		switch {
		case len(wantFacts) == 0:
			n = -1
		case len(liveFacts) == 0:
			n = 1
		default:
			n = liveFacts[0].Compare(wantFacts[0])
		}
		switch {
		case n < 0:
			c.addExtra(liveFacts[0])
			liveFacts = liveFacts[1:]
		case n > 0:
			c.addMissing(wantFacts[0])
			wantFacts = wantFacts[1:]
		default:
			c.compareFact(liveFacts[0], wantFacts[0])
			liveFacts, wantFacts = liveFacts[1:], wantFacts[1:]
		}
	}
	h.counts = c.counts
	h.differences = independentDifferences(c.differences, live, want)
}

// comparison walks the facts of two schemas.
type comparison struct {
	counts                   map[aspect]*factCount
	differences              map[key]*difference
	monthTables              map[string]bool // tables that are months of the log
	liveObjects, wantObjects map[catalog.Object]bool
}

type key struct {
	object catalog.Object
	aspect aspect
}

func (c *comparison) differenceFor(o catalog.Object, about aspect) *difference {
	k := key{o, about}
	if c.differences[k] == nil {
		c.differences[k] = &difference{object: o, aspect: about}
	}
	return c.differences[k]
}

func (c *comparison) compareFact(live, want catalog.Fact) {
	about := c.aspectOf(want.Object, want.Property)
	c.counts[about].total++
	if live.Value == want.Value {
		c.counts[about].equal++
		return
	}
	d := c.differenceFor(want.Object, about)
	d.changed = append(d.changed, change{want.Property, live.Value, want.Value})
}

func (c *comparison) addMissing(f catalog.Fact) {
	if c.monthTables[f.Object.Name] && f.Object.Kind == "table" && strings.HasPrefix(f.Property, "SELECT for ") {
		return // a month that was made after the rights were given has none of its own: it is read as a part of the log
	}
	about := c.aspectOf(f.Object, f.Property)
	c.counts[about].total++
	if !c.liveObjects[f.Object] {
		c.differenceFor(f.Object, c.aspectOf(f.Object, "")).missing = true
		return
	}
	d := c.differenceFor(f.Object, about)
	d.changed = append(d.changed, change{f.Property, "", f.Value})
}

func (c *comparison) addExtra(f catalog.Fact) {
	if !c.wantObjects[f.Object] {
		c.differenceFor(f.Object, c.aspectOf(f.Object, "")).extra = true
		return
	}
	d := c.differenceFor(f.Object, c.aspectOf(f.Object, f.Property))
	d.changed = append(d.changed, change{f.Property, f.Value, ""})
}

// aspectOf tells which check a fact belongs to; of an object as a whole when property is "".
func (c *comparison) aspectOf(o catalog.Object, property string) aspect {
	switch {
	case property == "comment":
		return aspectComments
	case property == "owner", strings.Contains(property, " for "), o.Kind == "schema":
		return aspectRights
	case c.monthTables[o.Table], o.Kind == "table" && c.monthTables[o.Name], property == "partition key":
		return aspectPartitions
	}
	switch o.Kind {
	case "table", "column":
		return aspectColumns
	case "constraint":
		return aspectConstraints
	case "index":
		return aspectIndexes
	case "trigger", "function":
		return aspectCode
	}
	return aspectOthers
}

// independentDifferences sorts the differences and leaves out those that another one explains: parts of a table that is missing, what a
// partition has from its table, the index of a key, a table's text when one of its parts differs.
func independentDifferences(found map[key]*difference, live, want *catalog.Schema) []difference {
	var result []difference
	tablesWithChangedParts := map[string]bool{} // tables of which a part differs
	detached := map[string]bool{}               // tables that are missing, surplus, or no part of what they should be part of
	structure := map[catalog.Object]*difference{}
	for k, d := range found {
		if k.aspect != aspectComments && k.aspect != aspectRights {
			structure[k.object] = d
		}
		if k.object.Table != "" {
			tablesWithChangedParts[k.object.Table] = true
		}
		if k.object.Kind == "table" && (d.missing || d.extra || d.changes("partition of")) {
			detached[k.object.Name] = true
		}
	}
	for _, d := range found {
		o := d.object
		if o.Kind == "table" {
			partsDiffer := tablesWithChangedParts[o.Name] || len(found) > 0 && ownPropertiesDiffer(found, o)
			d.changed = slices.DeleteFunc(d.changed, func(c change) bool {
				return partsDiffer && (c.property == catalog.ColumnOrder || c.property == catalog.StoredText)
			})
		}
		if !d.missing && !d.extra && len(d.changed) == 0 || detached[o.Table] {
			continue
		}
		t := want.Table(o.Table)
		if d.extra {
			t = live.Table(o.Table)
		}
		if t != nil && structure[o] == d && isConsequence(d, t, structure) {
			continue
		}
		slices.SortFunc(d.changed, func(a, b change) int { return strings.Compare(a.property, b.property) })
		result = append(result, *d)
	}
	order := []string{"schema", "table", "column", "index", "constraint", "function", "trigger"}
	slices.SortFunc(result, func(a, b difference) int {
		if n := slices.Index(order, a.object.Kind) - slices.Index(order, b.object.Kind); n != 0 {
			return n
		}
		if a.extra != b.extra { // what is renamed is dropped before it is made anew
			return map[bool]int{true: -1, false: 1}[a.extra]
		}
		return strings.Compare(a.object.String()+string(a.aspect), b.object.String()+string(b.aspect))
	})
	return result
}

// ownPropertiesDiffer reports whether something else than what tells the whole differs of a table.
func ownPropertiesDiffer(found map[key]*difference, table catalog.Object) bool {
	for k, d := range found {
		if k.object == table && slices.ContainsFunc(d.changed, func(c change) bool { return c.property != catalog.ColumnOrder && c.property != catalog.StoredText }) {
			return true
		}
	}
	return false
}

// isConsequence reports whether a part of a table differs because what made it differs likewise: the key of an index, or the part of the
// partitioned table that a partition's was made from. Comments and rights are nobody's heirs.
func isConsequence(d *difference, t *catalog.Table, structure map[catalog.Object]*difference) bool {
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
	if t.PartitionOf == "" || from == nil || from.missing != d.missing || from.extra != d.extra {
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
	case d.extra:
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
				live, want = firstDifferingLine(live, want)
			}
			f.Evidence = append(f.Evidence, fmt.Sprintf("%s: is %s, should be %s", c.property, displayValue(live), displayValue(want)))
		}
		f.Warning = len(d.changed) == 1 && d.changed[0].property == catalog.ColumnOrder // which only SELECT * can tell
		f.Problem = "is not what the migrations make it: " + strings.Join(properties, ", ")
	}
	if f.Fix == "" {
		f.Problem += "; " + d.manualFix(s)
	}
	return f
}

// firstDifferingLine is the first line in which two texts differ.
func firstDifferingLine(a, b string) (string, string) {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for len(as) > 1 && len(bs) > 1 && as[0] == bs[0] {
		as, bs = as[1:], bs[1:]
	}
	return as[0], bs[0]
}

// displayValue is a value as evidence shows it: in one line, and not endless.
func displayValue(value string) string {
	if value == "" {
		return "nothing"
	}
	value = strings.Join(strings.Fields(value), " ")
	if runes := []rune(value); len(runes) > 300 {
		value = string(runes[:300]) + "…"
	}
	return value
}
