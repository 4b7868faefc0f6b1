package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

var update = flag.Bool("update", false, "write the golden files")

// checkGolden compares text with a file in testdata, or writes the file with -update.
func checkGolden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s differs; write it with -update and review the difference:\n%s", path, diff)
	}
}

// runCommand runs a command line in this process, without a terminal, and returns what it prints.
func runCommand(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errOut bytes.Buffer
	a := &app{in: os.Stdin, out: &out, err: &errOut}
	root := a.tree()
	root.SetArgs(append([]string{}, args...)) // never nil, which would be the arguments of the test
	err := root.ExecuteContext(t.Context())
	a.close()
	if err != nil {
		printError(&errOut, errorReportOf(t.Context(), err), a.json || asksForJSON(args))
		fmt.Fprintf(&errOut, "exit code %d\n", exitCode(context.Background(), err))
	}
	return out.String(), errOut.String()
}

// allCommands lists the commands below and including c, in the order of the help.
func allCommands(c *cobra.Command) []*cobra.Command {
	list := []*cobra.Command{c}
	for _, sub := range c.Commands() {
		list = append(list, allCommands(sub)...)
	}
	return list
}

// TestHelpGolden compares every help page with testdata/help.txt, so that a change of a text is reviewed. It walks the
// command tree, so a new command is included.
func TestHelpGolden(t *testing.T) {
	var pages strings.Builder
	addPage := func(args ...string) {
		stdout, stderr := runCommand(t, args...)
		if stderr != "" {
			t.Errorf("cardinal %s prints to standard error: %s", strings.Join(args, " "), stderr)
		}
		fmt.Fprintf(&pages, "$ %s\n%s\n", strings.Join(append([]string{"cardinal"}, args...), " "), stdout)
	}
	addPage()
	root := (&app{in: os.Stdin, out: io.Discard, err: io.Discard}).tree()
	rootPage, _ := runCommand(t, "--help")
	_, globalFlags, _ := strings.Cut(rootPage, "\nFlags of every command:\n")
	for _, c := range allCommands(root) {
		addPage(append(strings.Fields(c.CommandPath())[1:], "--help")...)
	}
	for _, topic := range slices.Sorted(maps.Keys(helpTopics)) {
		addPage("help", topic)
	}
	text := pages.String()
	for line := range strings.SplitSeq(text, "\n") {
		if n := utf8.RuneCountInString(line); n > 140 {
			t.Errorf("a line of the help has %d characters: %s", n, line)
		}
	}
	// The flags of every command are the same on each page: only the first page shows them.
	first, rest, _ := strings.Cut(text, globalFlags)
	checkGolden(t, "help.txt", first+globalFlags+strings.ReplaceAll(rest, globalFlags, "  …\n"))
}

// TestUsageErrorsGolden compares the messages of invalid usage with testdata/usage.txt. None of them needs a database.
func TestUsageErrorsGolden(t *testing.T) {
	var messages strings.Builder
	for _, line := range []string{
		"user list", "users lst", "xyzzy", "help xyzzy", "users list --statsu active", "users list --xyzzy",
		"users get", "users get a b", "users list --limit 0", "users list --limit many", "users list --after x",
		"users list --json --csv", "users lst --json", "users list --db ftp://example.com/", "seed --users 0",
		"users create --password-stdin --password-file x", "users create --preferences nonsense",
		"export --with-secrets", "export --with-secrets --to x", "import", "import nowhere.csv", "import .",
		"import x.csv --map nothing", "import x.csv --hash-config nowhere", "runs show x", "completion tcsh",
		"check --only G99", "check --format xml", "check --format sarif --json", "check --schema public",
		"check --fields id", "check --accept nowhere", "erd --format png", "erd --json --format svg",
		"erd --theme grey", "erd --depth 2", "erd --focus users --depth -1", "erd --schema public",
		"db lint nowhere", "db lint testdata",
	} {
		stdout, stderr := runCommand(t, strings.Fields(line)...)
		if stdout != "" || !strings.HasSuffix(stderr, "exit code 2\n") {
			t.Errorf("cardinal %s prints %q and %q, want exit code 2", line, stdout, stderr)
		}
		fmt.Fprintf(&messages, "$ cardinal %s\n%s\n", line, stderr)
	}
	checkGolden(t, "usage.txt", messages.String())
}
