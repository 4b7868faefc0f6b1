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

// passwordFrom says where a password comes from: never from a flag, which every process on the machine can read.
type passwordFrom struct {
	stdin bool
	file  string
}

func (p *passwordFrom) flags(c *cobra.Command) *cobra.Command {
	c.Flags().BoolVar(&p.stdin, "password-stdin", false, "read the password from standard input")
	c.Flags().StringVar(&p.file, "password-file", "", "read the password from `FILE`; - is standard input")
	c.MarkFlagsMutuallyExclusive("password-stdin", "password-file")
	return c
}

func (p *passwordFrom) given() bool { return p.stdin || p.file != "" }

const mostPassword = 8192 // bytes read; the rules allow fewer

// read reads the password: from where the flags say, else from whoever sits at the terminal.
func (p *passwordFrom) read(a *app) (cardinal.Secret, error) {
	if !p.given() {
		return a.askPassword()
	}
	from := io.Reader(a.in)
	if p.file != "" && p.file != "-" {
		f, err := os.Open(p.file)
		if err != nil {
			return "", wrongUsage("Give a file that can be read, or --password-stdin.", "the password's file cannot be read: %v", pathless(err))
		}
		defer f.Close()
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, mostPassword))
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	password := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if password == "" {
		return "", wrongUsage("Write it there, one line.", "the password is empty")
	}
	return cardinal.Secret(password), nil
}

func (a *app) askPassword() (cardinal.Secret, error) {
	if !a.canAsk() {
		return "", wrongUsage("Give --password-stdin or --password-file FILE.", "there is no terminal to ask for a password")
	}
	ask := func(prompt string) (string, error) {
		a.ask(prompt)
		defer a.ask("\n")
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
		return "", wrongUsage("Run it again.", "the two are not the same password")
	}
	return cardinal.Secret(first), nil
}

// consent asks before something dangerous; where nobody can be asked, --yes is the answer, and line the command to give it.
func (a *app) consent(yes bool, question, line string) error {
	if yes {
		return nil
	}
	if !a.canAsk() {
		return &advice{kind: cardinal.ErrInvalid, code: "consent_needed", message: question + " Nothing was done.", fix: "To do it: " + line}
	}
	a.ask(question + " [y/N] ")
	answer, err := bufio.NewReader(a.in).ReadString('\n')
	if err != nil && err != io.EOF {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return &advice{kind: cardinal.ErrInvalid, code: "consent_needed", message: "Nothing was done.", fix: "To do it without being asked: " + line}
}

// document reads a JSON object from a flag's value; - is standard input.
func (a *app) document(name, value string) (map[string]any, error) {
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
		return nil, wrongUsage(`Give one like '{"theme":"dark"}', or - for standard input.`, "--%s is not a JSON object", name)
	}
	return o, nil
}

// moment reads a point in time: RFC 3339, a day (UTC), or a span like 12h or 30d, which lies ahead (sign 1) or back (sign -1).
func moment(name, text string, sign int) (time.Time, error) {
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
		return time.Time{}, wrongUsage("Give one like 2026-12-31, 2026-12-31T18:00:00Z, 12h or 30d.", "--%s is not a time", name)
	}
	return time.Now().UTC().Add(time.Duration(sign) * span), nil
}

// pathless is the reason of a failed file operation.
func pathless(err error) error {
	if p, ok := err.(*os.PathError); ok {
		return p.Err
	}
	return err
}
