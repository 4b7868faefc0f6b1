package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"cardinal/internal/config"
)

// TestLogTimesAreUTC: log lines of several machines can be compared, whatever their time zones.
func TestLogTimesAreUTC(t *testing.T) {
	local := time.Local
	time.Local = time.FixedZone("east", 5*3600)
	t.Cleanup(func() { time.Local = local })
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		a := &app{err: &out}
		a.logger(config.Config{LogFormat: format}).Info("x", "until", time.Now())
		if text := out.String(); strings.Contains(text, "+05:00") || strings.Count(text, "Z") < 2 {
			t.Errorf("%s: %s", format, text)
		}
	}
}
