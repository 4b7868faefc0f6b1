package check

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// sampleReport contains one of everything.
func sampleReport() Report {
	return Report{Engine: "postgres", Version: "15.18", Database: "shop", Schema: 8, Tables: 28,
		Duration: 412 * time.Millisecond,
		Outcomes: []Outcome{
			{ID: "Q1", Kind: Question, Title: "all primary keys are UUIDs or auto-increment integers",
				Guide:  "Are all primary keys UUIDs or auto-increment integers?",
				Status: Passed, Passed: 1, Total: 1, Unit: "points", AnsweredBy: []string{"G01"}},
			{ID: "Q2", Kind: Question, Title: "all foreign keys are indexed", Status: Failed, Total: 1, Unit: "points",
				AnsweredBy: []string{"G23"}},
			{ID: "F01", Kind: Fingerprint, Title: "every table and column matches the migrations, and there are no " +
				"others", Status: Skipped, Unit: "facts",
				NotChecked: "the role of the connection is not allowed to create a schema"},
			{ID: "G01", Kind: Point, Title: "every primary key is a UUIDv7, or a listed exception", Status: Passed,
				Passed: 28, Total: 28, Unit: "tables"},
			{ID: "G20", Kind: Point, Title: "the audit log is append-only", Status: Warned, Passed: 3, Total: 4,
				Unit:     "rules",
				Findings: []Finding{{Object: "audit_logs", Problem: "protected by triggers only", Warning: true}}},
			{ID: "G23", Kind: Point, Title: "every foreign key has a leading index",
				Guide: "Always index foreign key columns.", Status: Failed, Passed: 26, Total: 27, Unit: "foreign keys",
				Accepted: 1,
				Findings: []Finding{{Object: "user_roles.role_id",
					Problem:  "no index finds the rows that refer to roles",
					Evidence: []string{"index a2 (user_id, role_id)"},
					Fix:      "CREATE INDEX CONCURRENTLY user_roles_role_ix ON cardinal.user_roles (role_id);"}}},
			{ID: "G24", Kind: Point, Title: "no index is redundant", Status: Failed, Passed: 8, Total: 9,
				Unit: "indexes",
				Findings: []Finding{{Object: "index a1", Problem: "another index of user_roles finds the same rows",
					Fix: "DROP INDEX cardinal.a1;"}}},
			{ID: "G30", Kind: Point, Title: "every constraint is validated for old rows", Status: Failed, Total: 1,
				Unit: "rules",
				Findings: []Finding{{Object: "roles.late", Problem: "it was never validated",
					Fix: "ALTER TABLE cardinal.roles VALIDATE CONSTRAINT late;"}}},
			{ID: "D05", Kind: Data, Title: "password hashes are strong", Status: Passed, Passed: 12, Total: 12,
				Unit: "passwords", Notes: []string{"$argon2id$v=19$m=19456,t=2,p=1$ 12"}},
		},
		UnusedAcceptances: []Acceptance{{Line: 4, ID: "G01", Object: "old_*", Reason: "removed"}}}
}

func TestFormatsGolden(t *testing.T) {
	r := sampleReport()
	for name, write := range map[string]func(b *bytes.Buffer) error{
		"text.txt": func(b *bytes.Buffer) error { return Text{Command: "cardinal check"}.Write(b, r) },
		"explain.txt": func(b *bytes.Buffer) error {
			return Text{Command: "cardinal check", Explain: true, EveryCheck: true, ASCII: true}.Write(b, r)
		},
		"colour.txt":  func(b *bytes.Buffer) error { return Text{Command: "cardinal check", Colour: true}.Write(b, r) },
		"report.json": func(b *bytes.Buffer) error { return r.WriteJSON(b) },
		"junit.xml":   func(b *bytes.Buffer) error { return r.WriteJUnit(b) },
		"sarif.json":  func(b *bytes.Buffer) error { return r.WriteSARIF(b) },
		"report.md":   func(b *bytes.Buffer) error { return r.WriteMarkdown(b) },
		"fixes.sql":   func(b *bytes.Buffer) error { return r.WriteFixes(b) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if b.String() != string(want) {
			t.Errorf("%s differs (-update writes it):\n%s", name, cmp.Diff(string(want), b.String()))
		}
	}
}

func TestASCIIReport(t *testing.T) {
	text, err := os.ReadFile("testdata/explain.txt")
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range string(text) {
		if c >= utf8.RuneSelf {
			t.Fatalf("%q at byte %d", c, i)
		}
	}
}

// The machine-readable formats can be parsed, and have the right structure.
func TestFormatsWellFormed(t *testing.T) {
	r := sampleReport()
	var junit, sarif bytes.Buffer
	if err := r.WriteJUnit(&junit); err != nil {
		t.Fatal(err)
	}
	var suites junitSuites
	if err := xml.Unmarshal(junit.Bytes(), &suites); err != nil {
		t.Fatal(err)
	}
	tests, failures, skipped := 0, 0, 0
	for _, s := range suites.Suites {
		for _, c := range s.Cases {
			tests++
			if c.Failure != nil {
				failures++
			}
			if c.Skipped != nil {
				skipped++
			}
		}
	}
	if tests != len(r.Outcomes) || suites.Tests != tests || suites.Failures != failures || suites.Skipped != skipped ||
		failures != 4 || skipped != 1 {
		t.Errorf("%d tests, %d failures, %d skipped; attributes %d, %d, %d", tests, failures, skipped, suites.Tests,
			suites.Failures, suites.Skipped)
	}
	if err := r.WriteSARIF(&sarif); err != nil {
		t.Fatal(err)
	}
	var log sarifLog
	if err := json.Unmarshal(sarif.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	if log.Version != "2.1.0" || len(run.Results) != 4 {
		t.Errorf("version %s, %d results", log.Version, len(run.Results))
	}
	for _, result := range run.Results {
		if run.Tool.Driver.Rules[result.RuleIndex].ID != result.RuleID || len(result.Locations) != 1 ||
			result.Locations[0].Logical[0].FullName != "shop."+result.Locations[0].Logical[0].Name {
			t.Errorf("%+v", result)
		}
	}
}

// The names in an external database are untrusted input.
func TestHostileNames(t *testing.T) {
	const name = "a|b<script>&\"'`*_[x](y)\x1b[2J\n-- ; DROP TABLE x\r\u202e"
	for _, engine := range engines {
		quoted := `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
		r := runExternal(t, engine, nil, []string{"CREATE TABLE " + quoted + " (" + quoted + " text[], password text)"})
		for format, write := range map[string]func(b *bytes.Buffer) error{
			"text":  func(b *bytes.Buffer) error { return Text{}.Write(b, r) },
			"json":  func(b *bytes.Buffer) error { return r.WriteJSON(b) },
			"junit": func(b *bytes.Buffer) error { return r.WriteJUnit(b) },
			"sarif": func(b *bytes.Buffer) error { return r.WriteSARIF(b) },
			"md":    func(b *bytes.Buffer) error { return r.WriteMarkdown(b) },
			"fixes": func(b *bytes.Buffer) error { return r.WriteFixes(b) },
		} {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			text := b.String()
			if strings.ContainsAny(text, "\x1b\r\u202e") {
				t.Errorf("%s %s moves the cursor", engine, format)
			}
			if format == "md" && (strings.Contains(text, "<script>") || strings.Contains(text, "[x](y)") ||
				strings.Contains(text, " a|b")) {
				t.Errorf("%s: Markdown is not escaped: %s", engine, text)
			}
			if format == "junit" {
				if err := xml.Unmarshal(b.Bytes(), new(junitSuites)); err != nil {
					t.Errorf("%s: %v", engine, err)
				}
			}
			if format == "fixes" {
				for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
					if line != "" && !strings.HasPrefix(line, "-- G") && !strings.HasPrefix(line, "ALTER TABLE ") &&
						!strings.HasPrefix(line, "CREATE ") {
						t.Errorf("%s: unexpected line: %q", engine, line)
					}
				}
			}
		}
	}
}

func TestSummaryLine(t *testing.T) {
	r := sampleReport()
	want := "3 problems, 1 warning, 2 passed, 1 not checked. For details: cardinal check --only G23 --explain"
	if got := (Text{Command: "cardinal check"}).summaryLine(r); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if !r.Failed() || (Report{Outcomes: r.Outcomes[4:5]}).Failed() {
		t.Error("a report without a failed check failed")
	}
}

// A missing object that the fingerprint restores is not created a second time by a point.
func TestFixesNotRepeated(t *testing.T) {
	r := Report{Outcomes: []Outcome{
		{ID: "F03", Kind: Fingerprint, Status: Failed,
			Findings: []Finding{{Object: "index contacts.contacts_kind_ix", Problem: "is missing",
				Fix: "CREATE INDEX contacts_kind_ix ON contacts USING btree (kind);"}}},
		{ID: "G22", Kind: Point, Status: Failed,
			Findings: []Finding{{Object: "audit_logs", Problem: "a month is missing",
				Fix: "SELECT cardinal.audit_month_ensure('2027-01-01');"}}},
		{ID: "G23", Kind: Point, Status: Failed,
			Findings: []Finding{{Object: "contacts.kind", Problem: "no index",
				Fix: "CREATE INDEX contacts_kind_ix ON contacts (kind);"}}},
	}}
	var b strings.Builder
	if err := r.WriteFixes(&b); err != nil {
		t.Fatal(err)
	}
	want := "-- F03 index contacts.contacts_kind_ix: is missing\nCREATE INDEX contacts_kind_ix ON contacts USING " +
		"btree (kind);\n" +
		"-- G22 audit_logs: a month is missing\nSELECT cardinal.audit_month_ensure('2027-01-01');\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}
