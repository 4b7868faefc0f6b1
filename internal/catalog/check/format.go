package check

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Formats are the forms that a report can take.
var Formats = []string{"text", "json", "junit", "sarif", "md"}

// WriteJSON writes the whole report.
func (r Report) WriteJSON(w io.Writer) error { return writeJSON(w, r) }

func writeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// WriteFixes writes the statements that repair what was found, each once, behind a comment that names the finding. What grants and
// validates comes in the order of the report, which is that of the tables; what removes an index comes last, so that none is gone
// before the one that replaces it is there. Where the fingerprint tells what is missing, it gives it back by its own name; the points
// that miss the same would make it a second time, so that of theirs only what makes months of the log is written.
func (r Report) WriteFixes(w io.Writer) error {
	var statements, drops strings.Builder
	written := map[string]bool{}
	fingerprintFailed := slices.ContainsFunc(r.Outcomes, func(o Outcome) bool { return o.Kind == Fingerprint && len(o.Findings) > 0 })
	for _, o := range r.Outcomes {
		for _, f := range o.Findings {
			if f.Fix == "" || written[f.Fix] || fingerprintFailed && o.Kind == Point && !strings.HasPrefix(f.Fix, "SELECT ") {
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

// WriteMarkdown writes a table of the checks, and what fell short below it.
func (r Report) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Schema check\n\n%s\n\n| | Check | Holds | Of |\n|---|---|---|---|\n", escapeMarkdown(r.heading()))
	for _, o := range r.Outcomes {
		fmt.Fprintf(&b, "| %s | **%s** %s | %d/%d | %s |\n", o.Status, o.ID, escapeMarkdown(o.Title), o.Passed, o.Total, escapeMarkdown(o.Unit))
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
		fmt.Fprintf(&b, "\nAccepted and not found: line %d, %s %s\n", a.Line, a.ID, escapeMarkdown(sanitizeText(a.Object)))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// markdownEscaper are what Markdown, or the HTML in it, gives a meaning to.
var markdownEscaper = strings.NewReplacer(`\`, `\\`, "|", `\|`, "`", "\\`", "*", `\*`, "_", `\_`, "<", "&lt;", ">", "&gt;", "[", `\[`, "]", `\]`, "#", `\#`, "\n", " ")

func escapeMarkdown(text string) string { return markdownEscaper.Replace(text) }

func indent(text, by string) string { return by + strings.ReplaceAll(text, "\n", "\n"+by) }

// heading says what was checked.
func (r Report) heading() string {
	parts := []string{r.Engine + " " + r.Version}
	if r.Schema > 0 {
		parts = append(parts, fmt.Sprintf("schema %04d", r.Schema))
	}
	return strings.Join(append(parts, countNoun(r.Tables, "table")), " · ")
}

// countNoun is a number of things.
func countNoun(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
