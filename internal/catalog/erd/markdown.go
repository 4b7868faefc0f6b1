package erd

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"cardinal/internal/catalog"
)

// writeMarkdown writes the data dictionary: all tables and columns with type, meaning, data class, rules and the
// sentence of the design guide that they implement.
func (d *Diagram) writeMarkdown(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s: data dictionary\n\n%s, %s.\n",
		d.Title, count(len(d.Tables), "table"), count(len(d.Relations), "relation"))
	var area string
	for _, t := range d.byArea() {
		if t.Area != area {
			area = t.Area
			fmt.Fprintf(&b, "\n## %s\n", markdownText(area))
		}
		d.writeMarkdownTable(&b, &t)
	}
	_, err := b.WriteTo(w)
	return err
}

func (d *Diagram) writeMarkdownTable(b *bytes.Buffer, t *Table) {
	fmt.Fprintf(b, "\n### %s\n\n", markdownText(t.Name))
	if facts := tableSummary(t); facts != "" {
		fmt.Fprintf(b, "%s\n\n", markdownText(facts))
	}
	if sentence := d.guideSentence(t.Name, ""); sentence != "" {
		fmt.Fprintf(b, "> %s\n\n", markdownText(sentence))
	}
	b.WriteString("| column | type | meaning | data class | rules | guide |\n|---|---|---|---|---|---|\n")
	for i, c := range t.Columns {
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s |\n",
			markdownText(c.Name), markdownText(c.Type), markdownText(c.Description()), className(c),
			markdownText(strings.Join(d.rules(t, i), "; ")), markdownText(d.guideSentence(t.Name, c.Name)))
	}
	for _, list := range []struct {
		title string
		lines []string
	}{
		{"Relations", d.relationSentences(t)},
		{"Indexes", indexSentences(t)},
		{"Constraints on several columns", checkSentences(t)},
	} {
		if list.lines != nil {
			fmt.Fprintf(b, "\n%s:\n", list.title)
			for _, l := range list.lines {
				fmt.Fprintf(b, "- %s\n", markdownText(l))
			}
		}
	}
}

// rules returns the rules that the database enforces for a single column, its default and its references.
func (d *Diagram) rules(t *Table, i int) []string {
	c := t.Columns[i]
	rules := []string{presence(t, c)}
	if c.Default != "" {
		rules = append(rules, "default "+c.Default)
	}
	if c.Generated != "" {
		rules = append(rules, "generated: "+c.Generated)
	}
	if c.Identity {
		rules = append(rules, "identity")
	}
	for _, key := range t.UniqueKeys() {
		if slices.Equal(key, []string{c.Name}) && !slices.Equal(key, t.PrimaryKey()) {
			rules = append(rules, "unique")
		}
	}
	for _, r := range d.Relations {
		if r.From == t.Name && lastColumn(t, r.Columns) == c.Name {
			text := "references " + r.To + " (" + strings.Join(r.Referenced, ", ") + ")"
			if r.OnDelete != "" && r.OnDelete != "NO ACTION" {
				text += ", on delete " + strings.ToLower(r.OnDelete)
			}
			rules = append(rules, text)
		}
	}
	for _, check := range t.Constraints {
		if check.Kind == catalog.Check && len(check.Columns) == 1 && check.Columns[0] == c.Name {
			rules = append(rules, "check "+check.Expression)
		}
	}
	return rules
}

func indexSentences(t *Table) []string {
	var words []string
	for _, i := range t.secondaryIndexes() {
		words = append(words, indexKind(i)+": "+indexText(i))
	}
	return words
}

func checkSentences(t *Table) []string {
	var words []string
	for _, c := range t.Constraints {
		if c.Kind == catalog.Check && len(c.Columns) != 1 || c.Kind == catalog.Exclusion {
			words = append(words, strings.TrimSpace(c.Name+": "+c.Expression))
		}
	}
	return words
}

func markdownText(text string) string { return markdownEscapes.Replace(text) }

var markdownEscapes = strings.NewReplacer(`\`, `\\`, "|", `\|`, "\n", " ", "<", "&lt;", "*", `\*`, "`", "\\`",
	"[", `\[`, "~", `\~`)
