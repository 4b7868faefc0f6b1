package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// mutant is a protection switched off, and the tests that must notice.
type mutant struct {
	name string // of the protection
	edit
	and []edit // where the same is protected a second time
	pkg string // of the tests
	run string // pattern of the tests, as of go test -run
}

// edit replaces a text that stands in a file exactly once.
type edit struct{ file, old, new string }

func all() []mutant {
	list := slices.Concat(changes, identities, sessions, attempts, replies, secrets, schema, requests, upgrades, searches, uploads)
	// Neighbours share what the compiler made.
	slices.SortStableFunc(list, func(a, b mutant) int {
		return strings.Compare(a.pkg+" "+a.file, b.pkg+" "+b.file)
	})
	return list
}

// files are the changed files by their path below the root.
func (m mutant) files(root string) (map[string][]byte, error) {
	changed := map[string][]byte{}
	for _, e := range append([]edit{m.edit}, m.and...) {
		text, ok := changed[e.file]
		if !ok {
			var err error
			if text, err = os.ReadFile(filepath.Join(root, e.file)); err != nil {
				return nil, err
			}
		}
		if n := bytes.Count(text, []byte(e.old)); n != 1 {
			return nil, fmt.Errorf("%s holds %d times, not once: %s", e.file, n, e.old)
		}
		changed[e.file] = bytes.Replace(text, []byte(e.old), []byte(e.new), 1)
	}
	return changed, nil
}

// overlay writes the changed files, and what tells the compiler of them, into a folder.
func (m mutant) overlay(root, folder string) (string, error) {
	changed, err := m.files(root)
	if err != nil {
		return "", err
	}
	var list struct{ Replace map[string]string }
	list.Replace = map[string]string{}
	for file, text := range changed {
		path := filepath.Join(folder, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return "", err
		}
		list.Replace[filepath.Join(root, file)] = path
	}
	text, err := json.Marshal(list)
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, "overlay.json")
	return path, os.WriteFile(path, text, 0o600)
}

// try returns nil when the tests notice the mutant.
func (m mutant) try(root string) error {
	folder, err := os.MkdirTemp("", "cardinal-mutant-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	overlay, err := m.overlay(root, folder)
	if err != nil {
		return err
	}
	r := runTests(root, m.pkg, m.run, overlay)
	if filepath.Ext(m.file) == ".sql" && unmade.MatchString(r.output) {
		r.outcome = broken
	}
	switch r.outcome {
	case failed:
		return nil
	case passed:
		return fmt.Errorf("%s passes: go test -run '%s' %s", m.file, m.run, m.pkg)
	default:
		return fmt.Errorf("%s does not run:\n%s", m.file, r.output)
	}
}

type outcome int

const (
	broken outcome = iota // the tests did not come so far as to judge
	passed
	failed
)

type result struct {
	outcome
	output string
}

var (
	// didNotJudge is what go test says when its failure tells nothing of the protection.
	didNotJudge = regexp.MustCompile(`\[(build|setup) failed\]|no tests to run|signal: (terminated|killed)`)
	// unmade is what the tests say of a schema that does not even come to be.
	unmade = regexp.MustCompile(`prepare the template database|migration 0\d\d\d`)
)

// runTests runs tests without a server of others: the schema in its template would be the one without the mutant.
func runTests(root, pkg, pattern, overlay string) result {
	args := []string{"test", "-count=1", "-timeout=15m", "-run", pattern}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	c := exec.Command("go", append(args, pkg)...)
	c.Dir = root
	c.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "CARDINAL_") })
	output, err := c.CombinedOutput()
	r := result{output: string(output)}
	var exit *exec.ExitError
	switch {
	case didNotJudge.Match(output):
	case err == nil:
		r.outcome = passed
	case errors.As(err, &exit) && bytes.Contains(output, []byte("FAIL")):
		r.outcome = failed
	}
	return r
}

func moduleRoot() (string, error) {
	text, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("go list -m: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}
