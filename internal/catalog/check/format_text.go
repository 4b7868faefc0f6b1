package check

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Text is how a report is written for people.
type Text struct {
	ASCII   bool // for terminals whose locale is not UTF-8
	Colour  bool
	Explain bool   // why each check is made, and the guide's sentence
	Each    bool   // a line for each check; otherwise one for each kind of proof, and for what did not simply pass
	Again   string // the command that was run, for the last line

	failing map[string]bool // the checks that did not simply pass
}

// Write writes a report for people. A database that keeps the contract takes one screen.
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
		fmt.Fprintf(&b, " ! line %d of the accepted findings names nothing that was found: %s %s\n", a.Line, a.ID, sanitizeText(a.Object))
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
	if passed > 0 && !t.Each && outcomes[0].Kind != Question {
		total, equal := totals(outcomes)
		fmt.Fprintf(b, " ✔ %s%s\n", pad(fmt.Sprintf("%s: %d of %d checks hold", kindName(outcomes[0].Kind), passed, len(outcomes)), 75), fmt.Sprintf("%d/%d", equal, total))
	}
	for _, o := range outcomes {
		if t.Each || o.Kind == Question || o.Status != Passed || len(o.Notes) > 0 {
			t.writeOutcome(b, o)
		}
	}
}

// kindName is a kind of proof for people.
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
	if from := slices.DeleteFunc(slices.Clone(o.AnsweredBy), func(id string) bool { return !t.failing[id] }); len(o.Findings) == 0 && len(from) > 0 {
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
	const mostFindings = 10 // on one screen; the other formats have them all
	for i, f := range o.Findings {
		if i == mostFindings && !t.Each {
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
		for _, line := range wrapText("not proved: "+o.NotChecked, 90) {
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

// summaryLine is the last line: how it went, and what to do.
func (t Text) summaryLine(r Report) string {
	parts := []string{countNoun(r.count(Failed), "problem")}
	if n := r.count(Warned); n > 0 {
		parts = append(parts, countNoun(n, "warning"))
	}
	parts = append(parts, fmt.Sprintf("%d passed", r.count(Passed)))
	if n := r.count(Skipped); n > 0 {
		parts = append(parts, fmt.Sprintf("%d not proved here", n))
	}
	line := strings.Join(parts, ", ") + "."
	first := slices.IndexFunc(r.Outcomes, func(o Outcome) bool { return len(o.Findings) > 0 && o.Status == Failed })
	if first < 0 {
		first = slices.IndexFunc(r.Outcomes, func(o Outcome) bool { return len(o.Findings) > 0 })
	}
	if first >= 0 {
		line += " Why and how: " + t.Again + " --only " + r.Outcomes[first].ID + " --explain"
	}
	return line
}

func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(1, width-utf8.RuneCountInString(text)))
}

// wrapText is a text in lines of at most so many characters.
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

// asciiReplacer are Cardinal's own signs, for terminals that have no others.
var asciiReplacer = strings.NewReplacer(" ✔ ", " ok ", " ✖ ", " X  ", " – ", " -  ", " ! ", " !  ", "·", "-", "→", "->", "…", "...", "“", `"`, "”", `"`, "’", "'")

// render gives the signs their colour, or their place in ASCII.
func (t Text) render(text string) string {
	switch {
	case t.ASCII:
		return asciiReplacer.Replace(text)
	case t.Colour:
		return strings.NewReplacer("\n ✔ ", "\n \x1b[32m✔\x1b[0m ", "\n ✖ ", "\n \x1b[31m✖\x1b[0m ", "\n ! ", "\n \x1b[33m!\x1b[0m ", "\n     fix  ", "\n     \x1b[1mfix\x1b[0m  ").Replace(text)
	}
	return text
}
