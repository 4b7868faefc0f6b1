package check

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"cardinal/internal/catalog"
)

// aspect is the subject area of a fact; each area has its own check.
type aspect string

const (
	aspectColumns     aspect = "tables and columns"
	aspectConstraints aspect = "constraints"
	aspectIndexes     aspect = "indexes"
	aspectCode        aspect = "triggers and functions"
	aspectRights      aspect = "rights"
	aspectComments    aspect = "comments"
	aspectPartitions  aspect = "partitions"
	aspectOthers      aspect = "other objects"
)

var fingerprints = []Check{
	fingerprint("F01", aspectColumns, "every table and column matches the migrations, and there are no others",
		"A column that is missing, wider or nullable accepts values that no program expects."),
	fingerprint("F02", aspectConstraints, "every constraint matches the migrations, is enforced and is validated "+
		"for every row",
		"A constraint that was dropped, weakened, left NOT VALID or disabled is noticed only by the rows that it "+
			"should have refused."),
	fingerprint("F03", aspectIndexes,
		"every index exists, is valid and matches the migrations, and there are no others",
		"A missing index causes slow queries or allows duplicates; an extra one slows down every write."),
	fingerprint("F04", aspectCode, "every trigger is enabled and every function matches the migrations",
		"Triggers enforce rules across rows and tables: a disabled trigger enforces nothing."),
	fingerprint("F05", aspectRights, "the service's role has the privileges that it needs, no other role has any, "+
		"and everything has one owner",
		"One privilege too many is enough to rewrite an audit log."),
	fingerprint("F06", aspectComments, "every comment matches the migrations",
		"Comments contain the data class of every column."),
	fingerprint("F07", aspectPartitions, "every month of the audit log has its bounds and inherits every rule of "+
		"the log",
		"A month that was detached or lost a trigger is a part of the log that can be changed."),
	fingerprint("F08", aspectOthers, "the schema contains nothing else: no types, sequences, comments or default "+
		"privileges of other origin",
		"No migration takes account of an object that no migration created."),
}

func fingerprint(id string, wanted aspect, title, why string) Check {
	return Check{ID: id, Kind: Fingerprint, Title: title, unit: "facts",
		Why: why + " Every fact of the live schema is compared with a schema that the program's own migrations " +
			"build on the same server, in a transaction that is rolled back.",
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
				o.Status = Passed // there is nothing of this kind, as expected
			}
			return o, nil
		}}
}

// difference is an object that is not as it should be, in one aspect.
type difference struct {
	object         catalog.Object
	aspect         aspect
	missing, extra bool     // the object itself
	changed        []change // properties that differ, if both schemas have the object
}

type change struct{ property, live, want string }

type factCount struct{ equal, total int }

// compare finds every difference between the live schema and the shadow. It merges the two sorted lists of facts, and
// then leaves out the differences that follow from others.
func (h *shadow) compare(live, want *catalog.Schema) {
	c := comparison{counts: map[aspect]*factCount{}, differences: map[key]*difference{}, monthTables: map[string]bool{},
		liveObjects: map[catalog.Object]bool{}, wantObjects: map[catalog.Object]bool{}}
	for _, a := range []aspect{aspectColumns, aspectConstraints, aspectIndexes, aspectCode, aspectRights,
		aspectComments, aspectPartitions, aspectOthers} {
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

// comparison collects the differences between the facts of two schemas.
type comparison struct {
	counts                   map[aspect]*factCount
	differences              map[key]*difference
	monthTables              map[string]bool // monthly tables of the audit log
	liveObjects, wantObjects map[catalog.Object]bool
}

type key struct {
	object catalog.Object
	aspect aspect
}

func (c *comparison) differenceFor(o catalog.Object, a aspect) *difference {
	k := key{o, a}
	if c.differences[k] == nil {
		c.differences[k] = &difference{object: o, aspect: a}
	}
	return c.differences[k]
}

func (c *comparison) compareFact(live, want catalog.Fact) {
	a := c.aspectOf(want.Object, want.Property)
	c.counts[a].total++
	if live.Value == want.Value {
		c.counts[a].equal++
		return
	}
	d := c.differenceFor(want.Object, a)
	d.changed = append(d.changed, change{want.Property, live.Value, want.Value})
}

func (c *comparison) addMissing(f catalog.Fact) {
	if c.monthTables[f.Object.Name] && f.Object.Kind == "table" && strings.HasPrefix(f.Property, "SELECT for ") {
		// A month that was created after the grants has none of its own: it is read through the audit log.
		return
	}
	a := c.aspectOf(f.Object, f.Property)
	c.counts[a].total++
	if !c.liveObjects[f.Object] {
		c.differenceFor(f.Object, c.aspectOf(f.Object, "")).missing = true
		return
	}
	d := c.differenceFor(f.Object, a)
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

// aspectOf returns the aspect of a fact, or of the object as a whole if property is "".
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

// independentDifferences sorts the differences and leaves out those that follow from another one: parts of a missing
// table, what a partition inherits from its table, the index of a key, and the text of a table if one of its parts
// differs.
func independentDifferences(found map[key]*difference, live, want *catalog.Schema) []difference {
	var result []difference
	tablesWithChangedParts := map[string]bool{} // tables with a part that differs
	// tables that are missing, extra, or not attached to their partitioned table
	detached := map[string]bool{}
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
		if a.extra != b.extra { // drop a renamed object before creating it under its right name
			return map[bool]int{true: -1, false: 1}[a.extra]
		}
		return strings.Compare(a.object.String()+string(a.aspect), b.object.String()+string(b.aspect))
	})
	return result
}

// ownPropertiesDiffer reports whether a property of the table itself differs, other than the two that describe the
// whole table.
func ownPropertiesDiffer(found map[key]*difference, table catalog.Object) bool {
	for k, d := range found {
		if k.object == table && slices.ContainsFunc(d.changed,
			func(c change) bool { return c.property != catalog.ColumnOrder && c.property != catalog.StoredText }) {
			return true
		}
	}
	return false
}

// isConsequence reports whether a part of a table differs only because the object that it derives from differs in the
// same way: the key of an index, or the partitioned table's part that a partition's part was created from. Comments and
// privileges are not inherited.
func isConsequence(d *difference, t *catalog.Table, structure map[catalog.Object]*difference) bool {
	o := d.object
	origin := catalog.Object{Kind: o.Kind, Table: t.PartitionOf, Name: o.Name}
	for _, i := range t.Indexes {
		switch {
		case o.Kind == "index" && i.Name == o.Name:
			if i.Constraint != "" &&
				structure[catalog.Object{Kind: "constraint", Table: o.Table, Name: i.Constraint}] != nil {
				return true
			}
			origin.Name = i.PartOf
		// a partition's key has the name of its index
		case o.Kind == "constraint" && i.Constraint == o.Name && i.PartOf != "":
			origin.Name = i.PartOf
		}
	}
	from := structure[origin]
	if t.PartitionOf == "" || from == nil || from.missing != d.missing || from.extra != d.extra {
		return false
	}
	return !slices.ContainsFunc(d.changed, func(c change) bool { return !from.changes(c.property) })
}

// finding describes a difference.
func (d difference) finding(s *Subject) Finding {
	f := Finding{Object: d.object.String(), Fix: d.fix(s)}
	switch {
	case d.missing:
		f.Problem = "is missing"
	case d.extra:
		f.Problem = "was created by no migration"
		if d.object.Kind == "table" || d.object.Kind == "column" {
			f.Problem += "; look at its content before dropping it"
		}
	default:
		var properties []string
		for _, c := range d.changed {
			properties = append(properties, c.property)
			live, want := c.live, c.want
			if c.property == catalog.StoredText {
				live, want = firstDifferingLine(live, want)
			}
			f.Evidence = append(f.Evidence, fmt.Sprintf("%s: is %s, should be %s", c.property, displayValue(live),
				displayValue(want)))
		}
		f.Warning = len(d.changed) == 1 && d.changed[0].property == catalog.ColumnOrder // visible only to SELECT *
		f.Problem = "differs from the migrations: " + strings.Join(properties, ", ")
	}
	if f.Fix == "" {
		f.Problem += "; " + d.manualFix(s)
	}
	return f
}

// firstDifferingLine returns the first line in which two texts differ.
func firstDifferingLine(a, b string) (string, string) {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for len(as) > 1 && len(bs) > 1 && as[0] == bs[0] {
		as, bs = as[1:], bs[1:]
	}
	return as[0], bs[0]
}

// displayValue formats a value as evidence: on one line, with limited length.
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
