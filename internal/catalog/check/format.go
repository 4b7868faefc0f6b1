package check

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Formats are the formats of a report.
var Formats = []string{"text", "json", "junit", "sarif", "md"}

// WriteJSON writes the whole report.
func (r Report) WriteJSON(w io.Writer) error { return writeJSON(w, r) }

func writeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// WriteFixes writes the statements that repair the findings, each once, after a comment with the finding. Statements
// that grant and validate come in the order of the report, which is that of the tables. Statements that drop an index
// come last, so that no index is dropped before its replacement exists. The fingerprint restores a missing object under
// its own name, and the point that misses it would create it a second time. So if the fingerprint has findings, the
// fixes of points are left out, except those that create months of the audit log.
func (r Report) WriteFixes(w io.Writer) error {
	var statements, drops strings.Builder
	written := map[string]bool{}
	fingerprintFailed := slices.ContainsFunc(r.Outcomes,
		func(o Outcome) bool { return o.Kind == Fingerprint && len(o.Findings) > 0 })
	for _, o := range r.Outcomes {
		for _, f := range o.Findings {
			if f.Fix == "" || written[f.Fix] || fingerprintFailed && o.Kind == Point &&
				!strings.HasPrefix(f.Fix, "SELECT ") {
				continue
			}
			written[f.Fix] = true
			b := &statements
			if strings.HasPrefix(f.Fix, "DROP ") {
				b = &drops
			}
			fmt.Fprintf(b, "-- %s %s: %s\n%s\n", o.ID, f.Object, f.Problem, f.Fix)
		}
	}
	_, err := io.WriteString(w, statements.String()+drops.String())
	return err
}

// WriteMarkdown writes a table of the checks, followed by the findings.
func (r Report) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Schema check\n\n%s\n\n| | Check | Passed | Of |\n|---|---|---|---|\n",
		escapeMarkdown(r.heading()))
	for _, o := range r.Outcomes {
		fmt.Fprintf(&b, "| %s | **%s** %s | %d/%d | %s |\n", o.Status, o.ID, escapeMarkdown(o.Title), o.Passed, o.Total,
			escapeMarkdown(o.Unit))
	}
	for _, o := range r.Outcomes {
		if len(o.Findings) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s %s\n\n", o.ID, escapeMarkdown(o.Title))
		if o.Guide != "" {
			fmt.Fprintf(&b, "> %s\n\n", escapeMarkdown(o.Guide))
		}
		for _, f := range o.Findings {
			fmt.Fprintf(&b, "- **%s**: %s\n", escapeMarkdown(f.Object), escapeMarkdown(f.Problem))
			for _, e := range f.Evidence {
				fmt.Fprintf(&b, "  - %s\n", escapeMarkdown(e))
			}
			if f.Fix != "" {
				fmt.Fprintf(&b, "\n%s\n", indent(f.Fix, "      "))
			}
		}
	}
	for _, a := range r.UnusedAcceptances {
		fmt.Fprintf(&b, "\nAccepted but not found: line %d, %s %s\n", a.Line, a.ID,
			escapeMarkdown(sanitizeText(a.Object)))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// markdownEscaper escapes the characters that have a meaning in Markdown or HTML.
var markdownEscaper = strings.NewReplacer(`\`, `\\`, "|", `\|`, "`", "\\`", "*", `\*`, "_", `\_`, "<", "&lt;", ">",
	"&gt;", "[", `\[`, "]", `\]`, "#", `\#`, "\n", " ")

func escapeMarkdown(text string) string { return markdownEscaper.Replace(text) }

func indent(text, by string) string { return by + strings.ReplaceAll(text, "\n", "\n"+by) }

// heading says which database was checked.
func (r Report) heading() string {
	parts := []string{r.Engine + " " + r.Version}
	if r.Schema > 0 {
		parts = append(parts, fmt.Sprintf("schema %04d", r.Schema))
	}
	return strings.Join(append(parts, countNoun(r.Tables, "table")), " · ")
}

// countNoun formats a number with its noun.
func countNoun(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
