package erd

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardinal/internal/catalog"
)

const golden = "../../../docs/erd.svg"

func write(t *testing.T, d *Diagram, format Format, theme Theme, group bool) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := d.Write(&b, format, theme, group); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestGolden compares the committed drawing with PostgreSQL's schema.
func TestGolden(t *testing.T) {
	got := write(t, diagrams(t)["postgres"], SVG, Light, true)
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, got) {
		t.Errorf("docs/erd.svg is out of date; run go test ./internal/catalog/erd -update: %s",
			cmp.Diff(string(want), string(got)))
	}
}

// TestOutputIsDeterministic writes the diagram of a database twice, and that of a second migrated database.
func TestOutputIsDeterministic(t *testing.T) {
	first, second := drawAll(readAll(t)), drawAll(readAll(t))
	for engine := range first {
		for _, format := range Formats {
			a := write(t, first[engine], format, Light, true)
			if b := write(t, first[engine], format, Light, true); !bytes.Equal(a, b) {
				t.Errorf("%s: %s: the second output differs", engine, format)
			}
			if b := write(t, second[engine], format, Light, true); !bytes.Equal(a, b) {
				t.Errorf("%s: %s: the output of the second database differs: %s",
					engine, format, cmp.Diff(string(a), string(b)))
			}
		}
	}
}

// hostileSchema returns a schema with names and texts full of special characters of the formats.
func hostileSchema() *catalog.Schema {
	s := externalSchema(map[string][]string{
		"table": {"Order Details", `qu"ote's?`}, "Order Details": nil, `qu"ote's`: nil, "1st": nil, "Ünïcode|x": nil,
	})
	for i := range s.Tables {
		s.Tables[i].Comment = "A \"comment\" with 'quotes', <tags> & ]brackets[, `ticks`, " +
			"%% and \\ back\nslashes | \x01"
		s.Tables[i].Columns = append(s.Tables[i].Columns,
			catalog.Column{Name: "select", Type: "numeric(10,2)[]", Default: "'it''s `x`'::text",
				Comment: "[pii] \"Quoted\" 'text' } ; {.", NotNull: true},
			catalog.Column{Name: "two words", Type: "timestamp with time zone", Comment: "no class"},
			catalog.Column{Name: "9lives%", Type: "", Identity: true})
		s.Tables[i].Indexes = append(s.Tables[i].Indexes,
			catalog.Index{Name: "ix'1", Columns: []string{"", "select"}, Unique: true, Valid: true,
				Predicate: "(\"two words\" = 'it''s')"})
	}
	return s
}

// parserResult is the result of parse.mjs for one text.
type parserResult struct {
	Error     string
	Tables    []string
	Relations int
}

// TestParsersAcceptOutput parses the output with the parsers of Mermaid and DBML.
func TestParsersAcceptOutput(t *testing.T) {
	all := map[string]*Diagram{"hostile": NewDiagram(hostileSchema(), true)}
	for engine, d := range diagrams(t) {
		all[engine] = d
	}
	all["focus"] = diagrams(t)["sqlite"]
	all["focus"].Focus("audit_logs", 0)
	names := sorted(keysOf(all))
	broken := map[Format]string{Mermaid: "erDiagram\n  users ||--o{\n", DBML: "Table users {\n"}
	for format := range broken {
		t.Run(string(format), func(t *testing.T) {
			var texts []string
			for _, name := range names {
				texts = append(texts, string(write(t, all[name], format, Light, false)))
			}
			answers := runParser(t, format, append(texts, broken[format]))
			if last := answers[len(answers)-1]; last.Error == "" {
				t.Errorf("the parser accepts invalid text")
			}
			for i, name := range names {
				got, d := answers[i], all[name]
				if got.Error != "" {
					t.Errorf("%s: %s\n%s", name, got.Error, texts[i])
					continue
				}
				var tables []string
				for _, table := range d.Tables {
					tables = append(tables, strings.ReplaceAll(table.Name, `"`, "'"))
				}
				if diff := cmp.Diff(sorted(tables), sorted(got.Tables)); diff != "" {
					t.Errorf("%s: written (-) and parsed tables (+):\n%s", name, diff)
				}
				inside := slices.DeleteFunc(slices.Clone(d.Relations), func(r Relation) bool { return r.IsOutside })
				if got.Relations != len(inside) {
					t.Errorf("%s: %d relations parsed, %d written", name, got.Relations, len(inside))
				}
			}
		})
	}
}

func keysOf(m map[string]*Diagram) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	return keys
}

func runParser(t *testing.T, format Format, texts []string) []parserResult {
	t.Helper()
	if _, err := os.Stat("testdata/parsers/node_modules"); err != nil {
		t.Fatal("the parsers are missing: run scripts/setup")
	}
	input, err := json.Marshal(map[string]any{"format": format, "texts": texts})
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), "node", "parse.mjs")
	c.Dir = filepath.Join("testdata", "parsers")
	c.Stdin = bytes.NewReader(input)
	var stderr strings.Builder
	c.Stderr = &stderr
	output, err := c.Output()
	if err != nil {
		t.Fatalf("node: %v: run scripts/setup\n%s", err, stderr.String())
	}
	var answers []parserResult
	if err := json.Unmarshal(output, &answers); err != nil || len(answers) != len(texts) {
		t.Fatalf("%d results for %d texts, %v", len(answers), len(texts), err)
	}
	return answers
}

func TestDictionaryIsComplete(t *testing.T) {
	for engine, d := range diagrams(t) {
		text := string(write(t, d, Markdown, Light, false))
		rows := 0
		for _, line := range strings.Split(text, "\n") {
			cells := strings.Split(strings.ReplaceAll(line, `\|`, ""), " | ")
			if strings.HasPrefix(line, "| ") && len(cells) == 6 {
				rows++
				for i, what := range []string{"name", "type", "meaning", "data class", "rules"} {
					if strings.Trim(cells[i], " |") == "" && !strings.HasPrefix(line, "| column ") {
						t.Errorf("%s: no %s: %s", engine, what, line)
					}
				}
			}
		}
		columns := len(d.Tables) // each table has a row of headings
		for _, table := range d.Tables {
			columns += len(table.Columns)
			if !strings.Contains(text, "\n### "+markdownText(table.Name)+"\n\n"+markdownText(table.Comment)) {
				t.Errorf("%s: %s or its comment is missing", engine, table.Name)
			}
		}
		if rows != columns {
			t.Errorf("%s: %d rows, want %d", engine, rows, columns)
		}
	}
}

// TestGuideMatchesSchema checks that each sentence of the guide matches a table or a column.
func TestGuideMatchesSchema(t *testing.T) {
	d := diagrams(t)["postgres"]
	used := map[string]bool{}
	for _, table := range d.Tables {
		used[d.guideSentence(table.Name, "")] = true
		for _, c := range table.Columns {
			used[d.guideSentence(table.Name, c.Name)] = true
		}
	}
	for _, g := range designGuide {
		if !used[g.sentence] {
			t.Errorf("%s: no table or column has the sentence %q", g.names, g.sentence)
		}
	}
}

func TestJSONFields(t *testing.T) {
	d := NewDiagram(externalSchema(map[string][]string{"order": {"customer?"}, "customer": nil}), true)
	var got map[string]any
	if err := json.Unmarshal(write(t, d, JSON, Light, false), &got); err != nil {
		t.Fatal(err)
	}
	relation := got["relations"].([]any)[0].(map[string]any)
	want := map[string]any{
		"name": "order_customer_fk", "from": "order", "columns": []any{"customer_id"}, "to": "customer",
		"referenced": []any{"id"}, "optional": true, "unique": false, "outside": false,
		"owner_words":  "One customer may have many order rows.",
		"member_words": "Each order may belong to one customer.",
	}
	if diff := cmp.Diff(want, relation); diff != "" {
		t.Error(diff)
	}
	empty := write(t, NewDiagram(externalSchema(nil), true), JSON, Light, false)
	if want := "{\n  \"title\": \"main\",\n  \"tables\": [],\n  \"relations\": []\n}\n"; string(empty) != want {
		t.Errorf("an empty schema is %s", empty)
	}
}
