package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"cardinal"
)

// confirm asks for confirmation, unless yes is set. Without a terminal it returns an error that names the command to
// run.
func (a *app) confirm(yes bool, question, rerun string) error {
	if yes {
		return nil
	}
	if !a.canPrompt() {
		return &commandError{kind: cardinal.ErrInvalid, code: "consent_needed",
			message: question + " Nothing was changed.", fix: "To confirm: " + rerun}
	}
	a.prompt(question + " [y/N] ")
	answer, err := bufio.NewReader(a.in).ReadString('\n')
	if err != nil && err != io.EOF {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return &commandError{kind: cardinal.ErrInvalid, code: "consent_needed", message: "Nothing was changed.",
		fix: "To confirm without a question: " + rerun}
}

// jsonObject parses the value of a flag as a JSON object; - reads standard input.
func (a *app) jsonObject(name, value string) (map[string]any, error) {
	if value == "" {
		return nil, nil
	}
	text := []byte(value)
	if value == "-" {
		var err error
		if text, err = io.ReadAll(io.LimitReader(a.in, 1<<20)); err != nil {
			return nil, fmt.Errorf("read --%s: %w", name, err)
		}
	}
	var o map[string]any
	if err := json.Unmarshal(text, &o); err != nil || o == nil {
		return nil, usageError(`Give an object like '{"theme":"dark"}', or - for standard input.`,
			"--%s is not a JSON object", name)
	}
	return o, nil
}

// parseTime parses a point in time: RFC 3339, a day (UTC), or a duration like 12h or 30d, relative to now: sign is 1
// for the future and -1 for the past.
func parseTime(name, text string, sign int) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	span, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n int
		n, err = strconv.Atoi(days)
		span = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || span <= 0 {
		return time.Time{}, usageError("Give a time like 2026-12-31, 2026-12-31T18:00:00Z, 12h or 30d.",
			"--%s is not a valid time", name)
	}
	return time.Now().UTC().Add(time.Duration(sign) * span), nil
}

// withoutPath returns the reason of a failed file operation, without the path.
func withoutPath(err error) error {
	if p, ok := err.(*os.PathError); ok {
		return p.Err
	}
	return err
}
