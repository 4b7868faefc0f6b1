package main

import (
	"fmt"
	"strings"
	"time"
)

// meter tells how far something is that takes a while: one line that is written again and again on a terminal, elsewhere a plain line
// every tenth and every ten seconds, with --json an event as often.
type meter struct {
	a     *app
	label string
	all   func() (n, of int64) // how much of how much; of is 0 when nobody knows
	began time.Time
	told  time.Time
	tenth int64
	done  bool
}

func (a *app) meter(label string, all func() (n, of int64)) *meter {
	now := time.Now()
	return &meter{a: a, label: label, all: all, began: now, told: now}
}

// at notes that rows are dealt with.
func (m *meter) at(rows int64) {
	now := time.Now()
	n, of := m.all()
	tenth := int64(0)
	if of > 0 {
		tenth = n * 10 / of
	}
	live := !m.a.json && isTerminal(m.a.err)
	if live && now.Sub(m.told) < 100*time.Millisecond || !live && tenth <= m.tenth && now.Sub(m.told) < 10*time.Second {
		return
	}
	m.told, m.tenth = now, tenth
	rate := float64(rows) / max(now.Sub(m.began).Seconds(), 0.001)
	switch {
	case m.a.json:
		m.a.event(map[string]any{"event": "progress", "phase": strings.ToLower(m.label), "rows": rows, "done": n, "of": of, "rows_per_second": int64(rate)})
	case live:
		m.done = true
		fmt.Fprintf(m.a.err, "\r\x1b[K%s %s", m.label, m.line(rows, n, of, rate))
	default:
		fmt.Fprintf(m.a.err, "%s: %s\n", m.label, m.line(rows, n, of, rate))
	}
}

func (m *meter) line(rows, n, of int64, rate float64) string {
	line := thousands(rows) + " rows, " + thousands(int64(rate)) + "/s"
	if of > 0 && n > 0 {
		left := time.Duration(float64(time.Since(m.began)) * float64(of-n) / float64(n)).Round(time.Second)
		line = fmt.Sprintf("%d %%, %s, %s left", n*100/of, line, left)
	}
	return line
}

// end wipes the line.
func (m *meter) end() {
	if m.done {
		fmt.Fprint(m.a.err, "\r\x1b[K")
	}
}

// event prints a line of JSON for programs.
func (a *app) event(v any) {
	if text, err := encode(v); err == nil {
		a.out.Write(append(text, '\n'))
	}
}

// thousands writes a number with commas.
func thousands(n int64) string {
	if n < 0 {
		return "-" + thousands(-n)
	}
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}
