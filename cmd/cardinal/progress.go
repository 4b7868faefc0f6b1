package main

import (
	"fmt"
	"strings"
	"time"
)

// progress prints the progress of a long task: on a terminal one line that is rewritten; otherwise a line at every
// tenth and every ten seconds; with --json an event as often.
type progress struct {
	a         *app
	label     string
	count     func() (n, total int64) // total is 0 when it is unknown
	startedAt time.Time
	printedAt time.Time
	tenth     int64
	lineShown bool // on the terminal
}

func (a *app) newProgress(label string, count func() (n, total int64)) *progress {
	now := time.Now()
	return &progress{a: a, label: label, count: count, startedAt: now, printedAt: now}
}

// update is called with the number of rows that are done.
func (p *progress) update(rows int64) {
	now := time.Now()
	n, total := p.count()
	tenth := int64(0)
	if total > 0 {
		tenth = n * 10 / total
	}
	live, sincePrinted := !p.a.json && isTerminal(p.a.err), now.Sub(p.printedAt)
	if live && sincePrinted < 100*time.Millisecond || !live && tenth <= p.tenth && sincePrinted < 10*time.Second {
		return
	}
	p.printedAt, p.tenth = now, tenth
	rate := float64(rows) / max(now.Sub(p.startedAt).Seconds(), 0.001)
	switch {
	case p.a.json:
		p.a.printEvent(map[string]any{"event": "progress", "phase": strings.ToLower(p.label), "rows": rows, "done": n,
			"of": total, "rows_per_second": int64(rate)})
	case live:
		p.lineShown = true
		fmt.Fprintf(p.a.err, "\r\x1b[K%s %s", p.label, p.line(rows, n, total, rate))
	default:
		fmt.Fprintf(p.a.err, "%s: %s\n", p.label, p.line(rows, n, total, rate))
	}
}

func (p *progress) line(rows, n, total int64, rate float64) string {
	line := formatThousands(rows) + " rows, " + formatThousands(int64(rate)) + "/s"
	if total > 0 && n > 0 {
		left := time.Duration(float64(time.Since(p.startedAt)) * float64(total-n) / float64(n)).Round(time.Second)
		line = fmt.Sprintf("%d %%, %s, %s left", n*100/total, line, left)
	}
	return line
}

// clear removes the line from the terminal.
func (p *progress) clear() {
	if p.lineShown {
		fmt.Fprint(p.a.err, "\r\x1b[K")
	}
}

// printEvent prints one line of JSON to standard output.
func (a *app) printEvent(v any) {
	if text, err := encodeJSON(v); err == nil {
		a.out.Write(append(text, '\n'))
	}
}

// formatThousands formats a number with commas.
func formatThousands(n int64) string {
	if n < 0 {
		return "-" + formatThousands(-n)
	}
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", formatThousands(n/1000), n%1000)
}
