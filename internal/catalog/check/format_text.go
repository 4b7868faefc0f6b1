package check

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Text writes a report as text for a terminal.
type Text struct {
	ASCII      bool // for locales without UTF-8
	Colour     bool
	Explain    bool   // with the reason for each check and the sentence of the guide
	EveryCheck bool   // one line per check; otherwise one per kind, and one per check that did not pass
	Command    string // the command that was run, for the last line

	failing map[string]bool // ids of the checks with problems or warnings
}

// Write writes the report. If the database keeps the contract, the report fits on one screen.
func (t Text) Write(w io.Writer, r Report) error {
	t.failing = map[string]bool{}
	for _, o := range r.Outcomes {
		t.failing[o.ID] = o.Status == Failed || o.Status == Warned
	}
	var b strings.Builder
	head := "Cardinal schema check · " + r.heading()
	took := r.Duration.Round(time.Millisecond).String()
	fmt.Fprintf(&b, "%s%s%s\n", head, strings.Repeat(" ", max(3, 90-utf8.RuneCountInString(head)-len(took))), took)
	for _, kind := range kinds {
		t.writeKind(&b, slices.DeleteFunc(slices.Clone(r.Outcomes), func(o Outcome) bool { return o.Kind != kind }))
	}
	for _, a := range r.UnusedAcceptances {
		fmt.Fprintf(&b, " ! line %d of the accepted findings matches no finding: %s %s\n", a.Line, a.ID,
			sanitizeText(a.Object))
	}
	fmt.Fprintf(&b, " %s\n", t.summaryLine(r))
	lines := strings.Split(t.render(b.String()), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	_, err := io.WriteString(w, strings.Join(lines, "\n"))
	return err
}

// writeKind writes the checks of one kind.
func (t Text) writeKind(b *strings.Builder, outcomes []Outcome) {
	passed := 0
	for _, o := range outcomes {
		if o.Status == Passed {
			passed++
		}
	}
	if passed > 0 && !t.EveryCheck && outcomes[0].Kind != Question {
		total, equal := totals(outcomes)
		fmt.Fprintf(b, " ✔ %s%s\n",
			pad(fmt.Sprintf("%s: %d of %d checks passed", kindName(outcomes[0].Kind), passed, len(outcomes)), 75),
			fmt.Sprintf("%d/%d", equal, total))
	}
	for _, o := range outcomes {
		if t.EveryCheck || o.Kind == Question || o.Status != Passed || len(o.Notes) > 0 {
			t.writeOutcome(b, o)
		}
	}
}

// kindName returns the name of a kind of check.
func kindName(k Kind) string {
	return map[Kind]string{Fingerprint: "fingerprint", Point: "the guide's points", Probe: "probes", Data: "data"}[k]
}

func totals(outcomes []Outcome) (total, passed int) {
	for _, o := range outcomes {
		total += o.Total
		passed += o.Passed
	}
	return total, passed
}

func (t Text) writeOutcome(b *strings.Builder, o Outcome) {
	mark := map[Status]string{Passed: "✔", Failed: "✖", Warned: "!", Skipped: "–"}[o.Status]
	counts := fmt.Sprintf("%d/%d %s", o.Passed, o.Total, o.Unit)
	if o.Total == 0 {
		counts = ""
	}
	if o.Accepted > 0 {
		counts += fmt.Sprintf(", %d accepted", o.Accepted)
	}
	fmt.Fprintf(b, " %s %s%s\n", mark, pad(o.ID+" "+o.Title, 75), counts)
	if from := slices.DeleteFunc(slices.Clone(o.AnsweredBy),
		func(id string) bool { return !t.failing[id] }); len(o.Findings) == 0 && len(from) > 0 {
		fmt.Fprintf(b, "     see %s\n", strings.Join(from, ", "))
	}
	if t.Explain {
		c, _ := Find(o.ID)
		for _, text := range []string{c.Why, guideQuote(o.Guide)} {
			for _, line := range wrapText(text, 90) {
				fmt.Fprintf(b, "     %s\n", line)
			}
		}
	}
	const mostFindings = 10 // on one screen; the other formats contain all
	for i, f := range o.Findings {
		if i == mostFindings && !t.EveryCheck {
			fmt.Fprintf(b, "     and %d more: --only %s\n", len(o.Findings)-i, o.ID)
			break
		}
		fmt.Fprintf(b, "     %s: %s\n", f.Object, f.Problem)
		for _, e := range f.Evidence {
			fmt.Fprintf(b, "       %s\n", e)
		}
		if f.Fix != "" {
			fmt.Fprintf(b, "     fix  %s\n", strings.ReplaceAll(f.Fix, "\n", "\n          "))
		}
	}
	if len(o.Findings) > 0 && !t.Explain {
		for _, line := range wrapText(guideQuote(o.Guide), 90) {
			fmt.Fprintf(b, "     %s\n", line)
		}
	}
	for _, n := range o.Notes {
		fmt.Fprintf(b, "     %s\n", n)
	}
	if o.NotChecked != "" && (o.Status == Skipped || t.Explain) {
		for _, line := range wrapText("not checked: "+o.NotChecked, 90) {
			fmt.Fprintf(b, "     %s\n", line)
		}
	}
}

func guideQuote(sentence string) string {
	if sentence == "" {
		return ""
	}
	return "The guide: “" + sentence + "”"
}

// summaryLine returns the last line: the counts, and the command that explains the first problem.
func (t Text) summaryLine(r Report) string {
	parts := []string{countNoun(r.count(Failed), "problem")}
	if n := r.count(Warned); n > 0 {
		parts = append(parts, countNoun(n, "warning"))
	}
	parts = append(parts, fmt.Sprintf("%d passed", r.count(Passed)))
	if n := r.count(Skipped); n > 0 {
		parts = append(parts, fmt.Sprintf("%d not checked", n))
	}
	line := strings.Join(parts, ", ") + "."
	first := slices.IndexFunc(r.Outcomes, func(o Outcome) bool { return len(o.Findings) > 0 && o.Status == Failed })
	if first < 0 {
		first = slices.IndexFunc(r.Outcomes, func(o Outcome) bool { return len(o.Findings) > 0 })
	}
	if first >= 0 {
		line += " For details: " + t.Command + " --only " + r.Outcomes[first].ID + " --explain"
	}
	return line
}

func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(1, width-utf8.RuneCountInString(text)))
}

// wrapText breaks a text into lines of at most width characters.
func wrapText(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// asciiReplacer replaces the signs of a report, for terminals without Unicode.
var asciiReplacer = strings.NewReplacer(" ✔ ", " ok ", " ✖ ", " X  ", " – ", " -  ", " ! ", " !  ", "·", "-", "→", "->",
	"…", "...", "“", `"`, "”", `"`, "’", "'")

// render colors the signs, or replaces them by ASCII.
func (t Text) render(text string) string {
	switch {
	case t.ASCII:
		return asciiReplacer.Replace(text)
	case t.Colour:
		return strings.NewReplacer("\n ✔ ", "\n \x1b[32m✔\x1b[0m ", "\n ✖ ", "\n \x1b[31m✖\x1b[0m ", "\n ! ",
			"\n \x1b[33m!\x1b[0m ", "\n     fix  ", "\n     \x1b[1mfix\x1b[0m  ").Replace(text)
	}
	return text
}
