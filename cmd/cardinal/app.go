package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"cardinal/internal/config"
)

// app is the state of one run of the command line: its streams, the flags of every command, and what to close at the
// end.
type app struct {
	in       *os.File
	out, err io.Writer

	json         bool
	csv          bool
	exact        bool // CSV for programs
	fields       []string
	noInput      bool
	pprof        string // address of the profiles of serve
	newKeyNotice string // where the key-encryption key is that this run registered; empty when there was one already
	closers      []func()
	flags        *pflag.FlagSet // the flags of every command

	configured configuration
}

// group returns a command that only has subcommands.
func group(name, short string, below ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: name, Short: short, Args: cobra.ArbitraryArgs}
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unknownCommand(c, args)
		}
		return c.Help()
	}
	c.AddCommand(below...)
	return c
}

// command returns a command that runs do. use names the arguments; optional ones are in brackets.
func command(use, short, example string, do func(ctx context.Context, args []string) error) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Example: example, Args: argumentsOf(use)}
	c.RunE = func(c *cobra.Command, args []string) error { return do(c.Context(), args) }
	return c
}

// argumentsOf returns a check of the number of arguments that use names.
func argumentsOf(use string) cobra.PositionalArgs {
	names := strings.Fields(use)[1:]
	return func(c *cobra.Command, args []string) error {
		fix := "Usage: " + c.CommandPath() + strings.TrimPrefix(use, c.Name())
		for i, name := range names {
			if i >= len(args) && !strings.HasPrefix(name, "[") {
				return usageError(fix, "%s is missing", strings.Join(names[i:], " "))
			}
		}
		if len(args) > len(names) {
			return usageError(fix, "unexpected argument %q", args[len(names)])
		}
		return nil
	}
}

// withListFlags adds the flags of a list to a command.
func (a *app) withListFlags(c *cobra.Command) *cobra.Command {
	c.Flags().BoolVar(&a.csv, "csv", false,
		"print comma-separated values, safe for spreadsheets")
	c.Flags().BoolVar(&a.exact, "exact", false, "with --csv: for programs; a spreadsheet can take a text for a formula")
	return c
}

// withPageFlags adds the flags of a list that is read in pages to a command.
func (a *app) withPageFlags(c *cobra.Command, p *pageFlags) *cobra.Command {
	c.Flags().IntVar(&p.limit, "limit", 50, "print at most `N` lines")
	c.Flags().StringVar(&p.after, "after", "", "continue after this `ID`, the last one of the previous list")
	c.PreRunE = func(*cobra.Command, []string) error { return p.check() }
	return a.withListFlags(c)
}

// rerunCommand returns a command line that can be copied into a shell, to undo a change or to confirm it. It repeats
// the flags that choose the database.
func (a *app) rerunCommand(words ...string) string {
	line := []string{"cardinal"}
	for _, w := range words {
		line = append(line, shellQuote(w))
	}
	for _, name := range []string{"config", "db", "keys"} {
		// The password of the database's URL is left out, because it must not be shown on a screen. The rest of the URL
		// is needed: without it the command would use another database.
		if f := a.flags.Lookup(name); f.Changed {
			line = append(line, "--"+name, shellQuote(config.Redact(f.Value.String())))
		}
	}
	return strings.Join(line, " ")
}

// shellQuote returns a word as one argument of a POSIX shell.
func shellQuote(w string) string {
	isPlain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
			strings.ContainsRune("-_./:@+=,", r)
	}
	if w != "" && strings.IndexFunc(w, func(r rune) bool { return !isPlain(r) }) < 0 {
		return w
	}
	return "'" + strings.ReplaceAll(sanitize(w), "'", `'\''`) + "'"
}

// printNote prints a message to standard error, in addition to the result. With --json it prints nothing.
func (a *app) printNote(format string, values ...any) {
	if !a.json {
		fmt.Fprintf(a.err, format+"\n", values...)
	}
}

// canPrompt reports whether the user can be asked: standard input is a terminal and --no-input is not set.
func (a *app) canPrompt() bool { return !a.noInput && term.IsTerminal(int(a.in.Fd())) }

// prompt writes a question to the terminal, even when standard error is redirected.
func (a *app) prompt(question string) {
	w := a.err
	if !isTerminal(w) {
		if tty, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0); err == nil {
			defer tty.Close()
			w = tty
		}
	}
	fmt.Fprint(w, question)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// onClose registers a function that runs at the end of the command, the last registered first.
func (a *app) onClose(f func()) { a.closers = append(a.closers, f) }

func (a *app) close() {
	for i := len(a.closers) - 1; i >= 0; i-- {
		a.closers[i]()
	}
	a.closers = nil
}
