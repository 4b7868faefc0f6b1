package main

import (
	"fmt"
	"strings"
	"time"
)

// progress tells how far something is that takes a while: one line that is written again and again on a terminal, elsewhere a plain line
// every tenth and every ten seconds, with --json an event as often.
type progress struct {
	a         *app
	label     string
	count     func() (n, of int64) // how much of how much; of is 0 when nobody knows
	startedAt time.Time
	printedAt time.Time
	tenth     int64
	lineShown bool
}

func (a *app) newProgress(label string, all func() (n, of int64)) *progress {
	now := time.Now()
	return &progress{a: a, label: label, count: all, startedAt: now, printedAt: now}
}

// update notes that rows are dealt with.
func (m *progress) update(rows int64) {
	now := time.Now()
	n, of := m.count()
	tenth := int64(0)
	if of > 0 {
		tenth = n * 10 / of
	}
	live := !m.a.json && isTerminal(m.a.err)
	if live && now.Sub(m.printedAt) < 100*time.Millisecond || !live && tenth <= m.tenth && now.Sub(m.printedAt) < 10*time.Second {
		return
	}
	m.printedAt, m.tenth = now, tenth
	rate := float64(rows) / max(now.Sub(m.startedAt).Seconds(), 0.001)
	switch {
	case m.a.json:
		m.a.printEvent(map[string]any{"event": "progress", "phase": strings.ToLower(m.label), "rows": rows, "done": n, "of": of, "rows_per_second": int64(rate)})
	case live:
		m.lineShown = true
		fmt.Fprintf(m.a.err, "\r\x1b[K%s %s", m.label, m.line(rows, n, of, rate))
	default:
		fmt.Fprintf(m.a.err, "%s: %s\n", m.label, m.line(rows, n, of, rate))
	}
}

func (m *progress) line(rows, n, of int64, rate float64) string {
	line := formatThousands(rows) + " rows, " + formatThousands(int64(rate)) + "/s"
	if of > 0 && n > 0 {
		left := time.Duration(float64(time.Since(m.startedAt)) * float64(of-n) / float64(n)).Round(time.Second)
		line = fmt.Sprintf("%d %%, %s, %s left", n*100/of, line, left)
	}
	return line
}

// clear wipes the line.
func (m *progress) clear() {
	if m.lineShown {
		fmt.Fprint(m.a.err, "\r\x1b[K")
	}
}

// printEvent prints a line of JSON for programs.
func (a *app) printEvent(v any) {
	if text, err := encodeJSON(v); err == nil {
		a.out.Write(append(text, '\n'))
	}
}

// formatThousands writes a number with commas.
func formatThousands(n int64) string {
	if n < 0 {
		return "-" + formatThousands(-n)
	}
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", formatThousands(n/1000), n%1000)
}
