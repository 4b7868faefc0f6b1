package erd

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// writeMermaid writes an erDiagram. Mermaid has no data classes, so they are in the comments of columns. It has no
// indexes either; these are not written.
func (d *Diagram) writeMermaid(w io.Writer) error {
	var b bytes.Buffer
	b.WriteString("erDiagram\n")
	for i := range d.Tables {
		t := &d.Tables[i]
		fmt.Fprintf(&b, "  %s {\n", mermaidName(t.Name))
		for j, c := range t.Columns {
			fmt.Fprintf(&b, "    %s %s%s \"%s\"\n",
				mermaidWord(c.Type), mermaidWord(c.Name), d.mermaidKeys(t, c.Name), mermaidText(columnSummary(t, j)))
		}
		b.WriteString("  }\n")
	}
	for _, r := range d.Relations {
		if !r.IsOutside {
			fmt.Fprintf(&b, "  %s %s %s : \"%s\"\n",
				mermaidName(r.To), mermaidLine(r), mermaidName(r.From), mermaidText(strings.Join(r.Columns, ", ")))
		}
	}
	_, err := b.WriteTo(w)
	return err
}

// mermaidLine returns the line from the referenced table, with the symbols of both ends. It is dashed if the relation
// is optional.
func mermaidLine(r Relation) string {
	one, line, many := "||", "--", "o{"
	if r.IsOptional {
		one, line = "|o", ".."
	}
	switch {
	case r.Inverse != "":
		many = "||"
	case r.IsUnique:
		many = "o|"
	}
	return one + line + many
}

func (d *Diagram) mermaidKeys(t *Table, column string) string {
	var keys []string
	if slices.Contains(t.PrimaryKey(), column) {
		keys = append(keys, "PK")
	}
	isReference := func(r Relation) bool { return r.From == t.Name && slices.Contains(r.Columns, column) }
	if slices.ContainsFunc(d.Relations, isReference) {
		keys = append(keys, "FK")
	}
	isColumn := func(key []string) bool { return slices.Equal(key, []string{column}) }
	if slices.ContainsFunc(t.UniqueKeys(), isColumn) && !isColumn(t.PrimaryKey()) {
		keys = append(keys, "UK")
	}
	if keys == nil {
		return ""
	}
	return " " + strings.Join(keys, ", ")
}

var notMermaid = regexp.MustCompile(`[^\p{L}\p{N}_\-()\[\]]+`)

// mermaidWord converts a name or a type to Mermaid's syntax: a letter, then letters, digits, underscores and brackets.
func mermaidWord(text string) string {
	text = notMermaid.ReplaceAllString(text, "_")
	if text == "" || !regexp.MustCompile(`^[A-Za-z_]`).MatchString(text) {
		text = "_" + text
	}
	return text
}

// mermaidName returns a table's name in quotes, so that it can be a keyword of the format or contain spaces.
func mermaidName(name string) string { return `"` + mermaidText(name) + `"` }

func mermaidText(text string) string {
	return strings.NewReplacer(`"`, "'", "\n", " ", "\\", "/").Replace(text)
}
