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

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"cardinal"
)

// passwordFlags says where a password comes from: never from a flag, which every process on the machine can read.
type passwordFlags struct {
	stdin bool
	file  string
}

func (p *passwordFlags) addTo(c *cobra.Command) *cobra.Command {
	c.Flags().BoolVar(&p.stdin, "password-stdin", false, "read the password from standard input")
	c.Flags().StringVar(&p.file, "password-file", "", "read the password from `FILE`; - is standard input")
	c.MarkFlagsMutuallyExclusive("password-stdin", "password-file")
	return c
}

func (p *passwordFlags) isSet() bool { return p.stdin || p.file != "" }

const maxPasswordBytes = 8192 // bytes read; the rules allow fewer

// read reads the password: from where the flags say, else from whoever sits at the terminal.
func (p *passwordFlags) read(a *app) (cardinal.Secret, error) {
	if !p.isSet() {
		return a.promptPassword()
	}
	from := io.Reader(a.in)
	if p.file != "" && p.file != "-" {
		f, err := os.Open(p.file)
		if err != nil {
			return "", usageError("Give a file that can be read, or --password-stdin.", "the password's file cannot be read: %v", withoutPath(err))
		}
		defer f.Close()
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, maxPasswordBytes))
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	password := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if password == "" {
		return "", usageError("Write it there, one line.", "the password is empty")
	}
	return cardinal.Secret(password), nil
}

func (a *app) promptPassword() (cardinal.Secret, error) {
	if !a.canPrompt() {
		return "", usageError("Give --password-stdin or --password-file FILE.", "there is no terminal to ask for a password")
	}
	ask := func(prompt string) (string, error) {
		a.prompt(prompt)
		defer a.prompt("\n")
		text, err := term.ReadPassword(int(a.in.Fd()))
		return string(text), err
	}
	first, err := ask("Password: ")
	if err != nil {
		return "", err
	}
	second, err := ask("Once more: ")
	if err != nil {
		return "", err
	}
	if first != second || first == "" {
		return "", usageError("Run it again.", "the two are not the same password")
	}
	return cardinal.Secret(first), nil
}

// confirm asks before something dangerous; where nobody can be asked, --yes is the answer, and line the command to give it.
func (a *app) confirm(yes bool, question, line string) error {
	if yes {
		return nil
	}
	if !a.canPrompt() {
		return &commandError{kind: cardinal.ErrInvalid, code: "consent_needed", message: question + " Nothing was done.", fix: "To do it: " + line}
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
	return &commandError{kind: cardinal.ErrInvalid, code: "consent_needed", message: "Nothing was done.", fix: "To do it without being asked: " + line}
}

// jsonObject reads a JSON object from a flag's value; - is standard input.
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
		return nil, usageError(`Give one like '{"theme":"dark"}', or - for standard input.`, "--%s is not a JSON object", name)
	}
	return o, nil
}

// parseTime reads a point in time: RFC 3339, a day (UTC), or a span like 12h or 30d, which lies ahead (sign 1) or back (sign -1).
func parseTime(name, text string, sign int) (time.Time, error) {
	for _, form := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(form, text); err == nil {
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
		return time.Time{}, usageError("Give one like 2026-12-31, 2026-12-31T18:00:00Z, 12h or 30d.", "--%s is not a time", name)
	}
	return time.Now().UTC().Add(time.Duration(sign) * span), nil
}

// withoutPath is the reason of a failed file operation.
func withoutPath(err error) error {
	if p, ok := err.(*os.PathError); ok {
		return p.Err
	}
	return err
}
