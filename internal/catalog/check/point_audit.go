package check

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/catalog"
)

var auditPoints = []Check{
	{ID: "G13", Kind: Point, unit: "rules",
		Title: "each audit entry names an actor and a subject, and both are indexed",
		Guide: "A single user action generates one log entry, but one user generates many logs.",
		Why: "An entry without an actor accounts for nothing. Checked by NOT NULL, foreign key and leading index of " +
			"both columns.",
		run: pointCheck(checkAuditUsers)},
	{ID: "G20", Kind: Point, unit: "rules", Title: "the audit log is append-only",
		Guide: "Implement an immutable log table. Record who changed what data and when.",
		Why: "A log proves nothing if its writer can change it. Checked by the triggers, also on each partition " +
			"(TRUNCATE triggers are not inherited), and by the privileges: only the owner is allowed to change it. " +
			"If the service is the owner, only the triggers protect the log, and the owner can disable them: a " +
			"warning.",
		run: pointCheck(checkAuditAppendOnly)},
	{ID: "G22", Kind: Point, unit: "months", Title: "the audit log is partitioned by month, and future months exist",
		Guide: "Implement a partitioning strategy for the Audit Log table, archiving older records to cold storage " +
			"or deleting them based on policy.",
		Why: "A table that grows without limit makes its queries slower and slower. A month without a partition " +
			"accepts no entry, so that no change is possible at all. Checked by the bounds of the partitions: the " +
			"current month and two future ones must exist, ten future ones should. SQLite has one table, clustered " +
			"by subject and time.",
		run: pointCheck(checkAuditMonths)},
}

func checkAuditUsers(s *Subject, res *resultBuilder) {
	res.requireNotNull(s, "audit_logs", "subject_id", "actor_id", "action", "occurred_at")
	for _, name := range []string{"subject_id", "actor_id"} {
		res.requireForeignKey(s, "audit_logs", name, "users", "id")
		if t, c := res.requireColumn(s, "audit_logs", name); c != nil {
			res.expect(slices.ContainsFunc(t.Indexes,
				func(i catalog.Index) bool { return i.LeadsWith([]string{name}) }),
				Finding{Object: "audit_logs." + name,
					Problem: "no index finds a user's entries", Fix: s.createIndex(t, []string{name, "id"}, "")})
		}
	}
}

func checkAuditAppendOnly(s *Subject, res *resultBuilder) {
	t := res.requireTable(s, "audit_logs")
	if t == nil {
		return
	}
	refuses := regexp.MustCompile(`audit_logs_append_only`)
	for _, c := range []struct {
		what    string
		form    matcher
		engines string
	}{{"changed", beforeUpdate, "postgres sqlite"}, {"removed", beforeDelete, "postgres sqlite"},
		{"emptied", beforeTruncate, "postgres"},
		{"replaced", regexp.MustCompile(`BEFORE INSERT`), "sqlite"}} {
		if strings.Contains(c.engines, s.Live.Engine) {
			res.expect(s.hasTrigger(t, c.form, refuses),
				Finding{Object: "audit_logs", Problem: "entries can be " + c.what + ": no enabled trigger refuses it",
					Fix: s.enableTriggers(t)})
		}
	}
	if s.Live.Engine == "sqlite" {
		res.NotChecked = "SQLite has no privileges: every process that can write the file can drop the triggers"
		return
	}
	served := slices.ContainsFunc(t.Grants, func(g catalog.Grant) bool { return g.Privilege == "INSERT" })
	res.expect(served, Finding{Object: "audit_logs", Warning: true,
		Problem: "protected by triggers only: the service's role is the owner, which can disable them; run " +
			"`cardinal db migrate --service-role ROLE` as the owner and run the service as that role"})
	for i := range s.Live.Tables {
		part := &s.Live.Tables[i]
		if part.Name != "audit_logs" && part.PartitionOf != "audit_logs" {
			continue
		}
		if part.PartitionOf != "" {
			res.expect(s.hasTrigger(part, beforeTruncate, refuses) && s.hasTrigger(part, beforeUpdate, refuses) &&
				s.hasTrigger(part, beforeDelete, refuses),
				Finding{Object: part.Name, Problem: "a trigger that refuses UPDATE, DELETE or TRUNCATE is missing " +
					"or disabled", Fix: s.enableTriggers(part)})
		}
		res.requireAppendOnly(s, part)
	}
}

// requireAppendOnly reports privileges to change the log or a partition of it.
func (res *resultBuilder) requireAppendOnly(s *Subject, t *catalog.Table) {
	changes := []string{"UPDATE", "DELETE", "TRUNCATE", "TRIGGER"}
	for _, g := range t.Grants {
		res.expect(!slices.Contains(changes, g.Privilege),
			Finding{Object: t.Name, Problem: g.Grantee + " has the privilege " + g.Privilege, Fix: s.revoke(t, g, "")})
	}
	for _, c := range t.Columns {
		for _, g := range c.Grants {
			res.expect(g.Privilege != "UPDATE",
				Finding{Object: t.Name + "." + c.Name, Problem: g.Grantee + " has the privilege UPDATE",
					Fix: s.revoke(t, g, c.Name)})
		}
	}
}

const (
	monthsNeeded = 3  // the current month and two more; with fewer, /readyz fails
	monthsWanted = 11 // a job creates twelve months ahead and can run late in the month
)

func checkAuditMonths(s *Subject, res *resultBuilder) {
	t := res.requireTable(s, "audit_logs")
	if t == nil {
		return
	}
	res.NotChecked = "months are not yet archived or deleted by policy"
	if s.Live.Engine == "sqlite" {
		res.expect(slices.Equal(t.PrimaryKey(), []string{"subject_id", "id"}) &&
			strings.Contains(t.Options, "WITHOUT ROWID"),
			Finding{Object: "audit_logs", Problem: "it is not clustered by subject and time"})
		return
	}
	if !res.expect(t.Kind == catalog.Partitioned && t.PartitionKey == "RANGE (id)",
		Finding{Object: "audit_logs", Problem: "it is not partitioned by range of its id",
			Evidence: []string{string(t.Kind) + " " + t.PartitionKey}}) {
		return
	}
	ready := map[string]bool{}
	for _, part := range s.Live.Tables {
		if part.PartitionOf == "audit_logs" {
			if month, ok := partitionMonth(part.Bounds); ok {
				ready[month] = true
			} else {
				res.expect(false, Finding{Object: part.Name, Problem: "it is not a calendar month (UTC)",
					Evidence: []string{part.Bounds}})
			}
		}
	}
	now := s.Now.UTC()
	first := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	for i := range monthsWanted {
		month := first.AddDate(0, i, 0)
		res.expect(ready[month.Format("2006-01")],
			Finding{Object: "audit_logs", Warning: i >= monthsNeeded,
				Problem: "there is no partition for " + month.Format("2006-01"),
				Fix:     "SELECT " + s.tableName("audit_month_ensure") + "('" + month.Format(time.DateOnly) + "');"})
	}
}

var partitionBounds = newPattern(`^FOR VALUES FROM \('([0-9a-f-]{36})'\) TO \('([0-9a-f-]{36})'\)$`)

// partitionMonth returns the month between the ids that bound a partition, false if the bounds are not a month.
func partitionMonth(text string) (string, bool) {
	m := partitionBounds.FindStringSubmatch(text)
	if m == nil {
		return "", false
	}
	lower, upper := cardinal.TimeOf(uuid.MustParse(m[1])), cardinal.TimeOf(uuid.MustParse(m[2]))
	return lower.Format("2006-01"), lower.Day() == 1 && lower.Equal(lower.Truncate(24*time.Hour)) &&
		upper.Equal(lower.AddDate(0, 1, 0))
}
