package check

import (
	"context"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strings"
	"time"

	"cardinal/internal/catalog"
)

var probes = []Check{
	probeCheck("P01", "every NOT NULL column refuses NULL", "columns", notNullRules),
	probeCheck("P02", "every CHECK refuses a value that violates it", "checks", checkRules),
	probeCheck("P03", "every key and unique index refuses a duplicate", "keys", uniqueRules),
	probeCheck("P04", "every foreign key refuses a reference to a missing row", "foreign keys", foreignKeyRules),
	probeCheck("P05", "every trigger refuses by each of its rules and for each of its events", "rules of triggers",
		triggerRules),
	probeCheck("P06", "every month of the audit log refuses what the log refuses", "rules of months", monthRules),
}

func probeCheck(id, title, unit string, rules func(*prober, *catalog.Table) []rule) Check {
	return Check{ID: id, Kind: Probe, Title: title, unit: unit,
		Why: "A declared rule that refuses nothing gives false security. For each rule, a statement that violates " +
			"only that rule is generated from the catalog and executed in the shadow schema, in a transaction that " +
			"is rolled back. The database must refuse it, with the name of that rule.",
		run: func(ctx context.Context, s *Subject) (Outcome, error) {
			if s.shadow == nil {
				return Outcome{Status: Skipped, NotChecked: s.NoShadowReason}, nil
			}
			p, err := s.shadow.openProber(ctx, s)
			if err != nil {
				return Outcome{}, err
			}
			var o Outcome
			for i := range p.schema.Tables {
				t := &p.schema.Tables[i]
				if t.Kind != catalog.Ordinary && t.Kind != catalog.Partitioned && t.Kind != catalog.Partition {
					continue
				}
				for _, r := range rules(p, t) {
					if err := p.testRule(ctx, &o, r); err != nil {
						return Outcome{}, fmt.Errorf("probe %s: %w", r.object, err)
					}
				}
			}
			if o.setStatus(); o.Total == 0 && o.NotChecked == "" {
				o.Status, o.NotChecked = Skipped, "the schema has no such object"
			}
			return o, nil
		}}
}

// rule is one thing that the database must refuse.
type rule struct {
	object     string // as findings name it
	table      *catalog.Table
	detail     string   // which part of the rule is tested, for example "on DELETE"
	names      []string // names that its refusal can contain
	matches    func(refusal) bool
	statements iter.Seq[string] // statements that can violate it, the most likely first
	deferred   bool             // checked at the end of the transaction
	foreignKey *catalog.Constraint
}

// unreachableRules are the rules that no statement can violate, because another rule always refuses first.
var unreachableRules = map[string]map[string]string{
	"postgres": {
		"column credentials.salt":       "computed from hash, which is NOT NULL",
		"column audit_logs.occurred_at": "computed from id, which is NOT NULL",
		"column audit_logs.id": "no partition accepts a row without an id; each month is " +
			"tested under its own name",
		"constraint credentials.credentials_salt_ck": "credentials_hash_ck already requires salts of 11 characters",
	},
	"sqlite": {
		"column credentials.salt":                    "computed from hash, which is NOT NULL",
		"column audit_logs.occurred_at":              "computed from id, which is NOT NULL",
		"constraint credentials.credentials_salt_ck": "credentials_hash_ck already requires salts of 11 characters",
		"constraint api_keys.api_keys_pk": "api_keys_id_uq refuses a second key with the same id, whichever user " +
			"has it",
		"constraint audit_logs.audit_logs_pk": "audit_logs_append_only refuses a duplicate before the key does",
	},
}

// nonRefusingTriggers are triggers that refuse nothing by design.
var nonRefusingTriggers = map[string]string{
	"trigger contacts.contacts_verified_claim": "it sets what only the previous version of the program reads",
	"trigger sessions.sessions_end_unknown":    "it sets defaults for the previous version of the program",
}

// testRule counts a rule, and adds a finding if it refuses no statement.
func (p *prober) testRule(ctx context.Context, o *Outcome, r rule) error {
	if p.isExempt(r) {
		return nil
	}
	o.Total++
	tried, others := 0, []string{}
	for results, err := range p.runRule(ctx, r) {
		if err != nil {
			return err
		}
		for _, result := range results {
			if r.matches(result) {
				o.Passed++
				return nil
			}
			tried++
			if name := result.String(); !slices.Contains(others, name) {
				others = append(others, name)
			}
		}
	}
	object := strings.TrimSpace(r.object + " " + r.detail)
	o.Findings = append(o.Findings, Finding{Object: object, Problem: "it refused none of the statements",
		Evidence: []string{fmt.Sprintf("%d statements were executed in a copy of the schema; results: %s", tried,
			strings.Join(others, ", "))}})
	return nil
}

// isExempt reports whether a rule cannot be violated. The NOT NULL of a month's id is the exception: the month refuses
// such a row under its own name.
func (p *prober) isExempt(r rule) bool {
	if name := r.table.PartitionOf; name != "" {
		return r.object != objectName("column", r.table, "id") &&
			unreachableRules[p.engine][strings.ReplaceAll(r.object, r.table.Name, name)] != ""
	}
	return unreachableRules[p.engine][r.object] != ""
}

func objectName(kind string, t *catalog.Table, name string) string {
	return catalog.Object{Kind: kind, Table: t.Name, Name: name}.String()
}

// isTableOrPartition reports whether a refusal comes from the table or one of its partitions.
func (p *prober) isTableOrPartition(t *catalog.Table, name string) bool {
	if name == "" || name == t.Name {
		return true
	}
	other := p.schema.Table(name)
	return other != nil && other.PartitionOf == t.Name
}

// notNullRules and the following functions return the rules of one table. The rules of a partition are in monthRules.
func notNullRules(p *prober, t *catalog.Table) []rule {
	if t.Kind == catalog.Partition {
		return nil
	}
	return p.tableNotNullRules(t)
}

func (p *prober) tableNotNullRules(t *catalog.Table) (rules []rule) {
	for _, c := range t.Columns {
		if c.NotNull {
			rules = append(rules, rule{object: objectName("column", t, c.Name), table: t, names: []string{c.Name},
				statements: p.changeColumns(t, []string{c.Name}, nullOnly),
				matches: func(r refusal) bool {
					return r.kind == "not null" && r.name == c.Name && p.isTableOrPartition(t, r.table)
				}})
		}
	}
	return rules
}

func checkRules(p *prober, t *catalog.Table) []rule {
	if t.Kind == catalog.Partition {
		return nil
	}
	return p.tableCheckRules(t)
}

func (p *prober) tableCheckRules(t *catalog.Table) (rules []rule) {
	for _, c := range t.Constraints {
		if c.Kind == catalog.Check {
			rules = append(rules, rule{object: objectName("constraint", t, c.Name), table: t, names: []string{c.Name},
				statements: p.changeColumns(t, c.Columns, p.candidates),
				matches:    func(r refusal) bool { return r.kind == "check" && r.name == c.Name }})
		}
	}
	return rules
}

func uniqueRules(p *prober, t *catalog.Table) []rule {
	if t.Kind == catalog.Partition {
		return nil
	}
	return p.tableUniqueRules(t)
}

// tableUniqueRules tests keys and unique indexes by their index, which each of them has.
func (p *prober) tableUniqueRules(t *catalog.Table) (rules []rule) {
	for _, i := range t.Indexes {
		if !i.Unique {
			continue
		}
		name := objectName("index", t, i.Name)
		if i.Constraint != "" {
			name = objectName("constraint", t, i.Constraint)
		}
		rules = append(rules, rule{object: name, table: t, names: []string{i.Name}, statements: p.duplicateRows(t, i),
			matches: func(r refusal) bool {
				if r.kind != "unique" {
					return false
				}
				if p.engine == "sqlite" {
					return r.name == i.Name || r.name == t.Name+"."+strings.Join(i.Columns, ", "+t.Name+".")
				}
				other := p.schema.Table(r.table)
				return r.name == i.Name || other != nil &&
					findFirst(other.Indexes, func(x catalog.Index) bool { return x.Name == r.name }).PartOf == i.Name
			}})
	}
	return rules
}

func foreignKeyRules(p *prober, t *catalog.Table) []rule {
	if t.Kind == catalog.Partition {
		return nil
	}
	return p.tableForeignKeyRules(t)
}

func (p *prober) tableForeignKeyRules(t *catalog.Table) (rules []rule) {
	for _, c := range t.ForeignKeys() {
		rules = append(rules, rule{object: objectName("constraint", t, c.Name), table: t, names: []string{c.Name},
			statements: p.danglingReferences(t, c), deferred: c.Deferred, foreignKey: &c,
			matches: func(r refusal) bool {
				return r.kind == "foreign key" && r.name == c.Name && p.isTableOrPartition(t, r.table)
			}})
	}
	return rules
}

func triggerRules(p *prober, t *catalog.Table) []rule {
	if t.Kind == catalog.Partition {
		return nil
	}
	return p.tableTriggerRules(t)
}

var (
	// BEFORE UPDATE OF a, b OR DELETE ON; AFTER INSERT ON.
	triggerEvents = newPattern(`(?is)\b(?:BEFORE|AFTER)\s+((?:INSERT|DELETE|TRUNCATE|UPDATE(?:\s+OF\s+[\w", ` +
		`]+?)?)(?:\s+OR\s+(?:INSERT|DELETE|TRUNCATE|UPDATE(?:\s+OF\s+[\w", ]+?)?))*)\s+ON\s`)
	isDeferred = newPattern(`(?i)\bDEFERRABLE INITIALLY DEFERRED\b`)
)

// tableTriggerRules splits each trigger: every rule that it names must refuse something, and it must refuse something
// for every event and every column that it is declared for.
func (p *prober) tableTriggerRules(t *catalog.Table) (rules []rule) {
	for _, g := range t.Triggers {
		if nonRefusingTriggers[objectName("trigger", t, g.Name)] != "" {
			continue
		}
		names := p.ruleNames(t, g)
		m := triggerEvents.FindStringSubmatch(g.Definition)
		if m == nil || len(names) == 0 {
			rules = append(rules, rule{object: objectName("trigger", t, g.Name), table: t,
				detail: "(its rules cannot be read)", statements: noStatements,
				matches: func(refusal) bool { return false }})
			continue
		}
		var events []event
		for _, word := range regexp.MustCompile(`(?i)\s+OR\s+`).Split(m[1], -1) {
			events = append(events, newEvent(word))
		}
		add := func(goal string, names []string, events ...event) {
			rules = append(rules, rule{object: objectName("trigger", t, g.Name), table: t, detail: goal, names: names,
				deferred:   isDeferred.MatchString(g.Definition),
				statements: p.triggerStatements(t, events),
				matches:    func(r refusal) bool { return r.kind == "check" && slices.Contains(names, r.name) }})
		}
		for _, name := range names {
			add("by "+name, []string{name}, events...)
		}
		for _, e := range events {
			if len(events) > 1 && len(e.columns) == 0 {
				add("on "+e.verb, names, e)
			}
			for _, column := range e.columns {
				if len(e.columns) > 1 {
					add("on UPDATE OF "+column, names, event{"UPDATE", []string{column}})
				}
			}
		}
	}
	return rules
}

func noStatements(func(string) bool) {}

// event is an event of a trigger; columns is the list after UPDATE OF.
type event struct {
	verb    string
	columns []string
}

func newEvent(text string) event {
	verb, of, _ := strings.Cut(strings.TrimSpace(text), " ")
	e := event{verb: strings.ToUpper(verb)}
	_, list, ok := strings.Cut(of, "OF ")
	if ok {
		for _, name := range strings.Split(list, ",") {
			e.columns = append(e.columns, strings.Trim(strings.TrimSpace(name), `"`))
		}
	}
	return e
}

var (
	constraintName     = newPattern(`CONSTRAINT = '(\w+)'`)
	constraintOfTable  = newPattern(`CONSTRAINT = TG_TABLE_NAME \|\| '(\w+)'`)
	constraintArgument = newPattern(`CONSTRAINT = TG_ARGV\[0\]`)
	raisedName         = newPattern(`RAISE\s*\(\s*ABORT\s*,\s*'(\w+):`)
	calledFunction     = newPattern(`\b(\w+)\(`)
)

// ruleNames returns the names with which a trigger refuses, from its definition, its arguments, and the functions that
// it calls.
func (p *prober) ruleNames(t *catalog.Table, g catalog.Trigger) []string {
	var names []string
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, m := range raisedName.FindAllStringSubmatch(g.Definition, -1) {
		add(m[1])
	}
	seen := map[string]bool{}
	var read func(function string)
	read = func(function string) {
		f := findFirst(p.schema.Functions, func(f catalog.Function) bool { return f.Name == function })
		if f.Name == "" || seen[function] {
			return
		}
		seen[function] = true
		for _, m := range constraintName.FindAllStringSubmatch(f.Body, -1) {
			add(m[1])
		}
		for _, m := range constraintOfTable.FindAllStringSubmatch(f.Body, -1) {
			add(t.Name + m[1])
		}
		if constraintArgument.MatchString(f.Body) && len(g.Arguments) > 0 {
			add(g.Arguments[0])
		}
		for _, m := range calledFunction.FindAllStringSubmatch(f.Body, -1) {
			read(m[1])
		}
	}
	read(g.Function)
	return names
}

// monthRules returns all rules of a partition, tested under its own name.
func monthRules(p *prober, t *catalog.Table) []rule {
	if t.Kind != catalog.Partition {
		return nil
	}
	return slices.Concat(p.tableNotNullRules(t), p.tableCheckRules(t), p.tableUniqueRules(t), p.tableForeignKeyRules(t),
		p.tableTriggerRules(t))
}

// auditMonths returns the months for which the schema has a partition of the audit log.
func auditMonths(s *catalog.Schema) (months []time.Time) {
	for _, t := range s.Tables {
		if m := monthTable.FindStringSubmatch(t.Name); m != nil {
			if at, err := time.Parse("200601", m[1]+m[2]); err == nil {
				months = append(months, at)
			}
		}
	}
	return months
}
