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

// mutant is a code change that disables one protection, and the tests that must fail because of it.
type mutant struct {
	name string // the protection, as a statement
	edit
	also []edit // further places of the same protection
	pkg  string // package of the tests
	run  string // pattern of the tests, as for go test -run
}

// edit replaces a text that occurs exactly once in a file.
type edit struct{ file, old, new string }

func all() []mutant {
	list := slices.Concat(changes, identities, sessions, attempts, replies, secrets, schema, requests, upgrades,
		searches, uploads, hashes, files, database, access, server)
	list = append(list, values...)
	list = append(list, recent...)
	// Mutants of the same package and file follow each other, so that they share the build cache.
	slices.SortStableFunc(list, func(a, b mutant) int {
		return strings.Compare(a.pkg+" "+a.file, b.pkg+" "+b.file)
	})
	return list
}

// files returns the contents of the changed files by their path below the root.
func (m mutant) files(root string) (map[string][]byte, error) {
	changed := map[string][]byte{}
	for _, e := range append([]edit{m.edit}, m.also...) {
		text, ok := changed[e.file]
		if !ok {
			var err error
			if text, err = os.ReadFile(filepath.Join(root, e.file)); err != nil {
				return nil, err
			}
		}
		if n := bytes.Count(text, []byte(e.old)); n != 1 {
			return nil, fmt.Errorf("%s contains this text %d times, want once: %s", e.file, n, e.old)
		}
		changed[e.file] = bytes.Replace(text, []byte(e.old), []byte(e.new), 1)
	}
	return changed, nil
}

// overlay writes the changed files and the overlay file for the compiler into a folder. It returns the overlay file's
// path.
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

// try runs the tests with the mutant. It returns nil when they fail, as they must.
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
	if filepath.Ext(m.file) == ".sql" && schemaFailure.MatchString(r.output) {
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
	broken outcome = iota // the tests did not run
	passed
	failed
)

type result struct {
	outcome
	output string
}

var (
	// notRun matches the output of go test for a failure that does not come from a test.
	notRun = regexp.MustCompile(`\[(build|setup) failed\]|no tests to run|signal: (terminated|killed)`)
	// schemaFailure matches the output of tests whose schema could not be created.
	schemaFailure = regexp.MustCompile(`prepare the template database|migration 0\d\d\d`)
)

// runTests runs tests of a package. It does not pass on CARDINAL_TEST_POSTGRES: the template databases of a shared
// server have the schema without the mutant.
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
	case notRun.Match(output):
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
