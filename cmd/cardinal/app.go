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

// app is one run of the command line: its streams, the flags that every command has, and what it has opened.
type app struct {
	in       *os.File
	out, err io.Writer

	json         bool
	csv          bool
	fields       []string
	noInput      bool
	newKeyNotice string // where the key is that a database without one was given in this run
	closers      []func()
	flags        *pflag.FlagSet // that every command has

	configured configuration
}

// group is a command that only holds others.
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

// command is a command that does something. Its use names the arguments, those that may be left out in brackets.
func command(use, short, example string, do func(ctx context.Context, args []string) error) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Example: example, Args: argumentsOf(use)}
	c.RunE = func(c *cobra.Command, args []string) error { return do(c.Context(), args) }
	return c
}

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
			return usageError(fix, "%q is one argument too many", args[len(names)])
		}
		return nil
	}
}

// withListFlags gives a command the flags of a list.
func (a *app) withListFlags(c *cobra.Command) *cobra.Command {
	c.Flags().BoolVar(&a.csv, "csv", false, "print comma-separated values")
	return c
}

// withPageFlags gives a command the flags of a list that comes in pages.
func (a *app) withPageFlags(c *cobra.Command, p *pageFlags) *cobra.Command {
	c.Flags().IntVar(&p.limit, "limit", 50, "print at most `N` lines")
	c.Flags().StringVar(&p.after, "after", "", "go on after this `ID`, the last of the list before")
	c.PreRunE = func(*cobra.Command, []string) error { return p.check() }
	return a.withListFlags(c)
}

// rerunCommand is a command line that a person can copy: for undoing, and for giving consent. It repeats which database was meant.
func (a *app) rerunCommand(words ...string) string {
	line := []string{"cardinal"}
	for _, w := range words {
		line = append(line, shellQuote(w))
	}
	for _, name := range []string{"config", "db", "keys"} {
		// A password in the database's URL is not for screens; whoever gave it knows it. Without the rest another database would be meant.
		if f := a.flags.Lookup(name); f.Changed {
			line = append(line, "--"+name, shellQuote(config.Redact(f.Value.String())))
		}
	}
	return strings.Join(line, " ")
}

// shellQuote is a word as a shell takes it.
func shellQuote(w string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@+=,", r)
	}
	if w != "" && strings.IndexFunc(w, func(r rune) bool { return !plain(r) }) < 0 {
		return w
	}
	return "'" + strings.ReplaceAll(sanitize(w), "'", `'\''`) + "'"
}

// printNote tells people something beside the answer; programs that read the answer do not see it.
func (a *app) printNote(format string, values ...any) {
	if !a.json {
		fmt.Fprintf(a.err, format+"\n", values...)
	}
}

// canPrompt reports whether somebody is there to be asked.
func (a *app) canPrompt() bool { return !a.noInput && term.IsTerminal(int(a.in.Fd())) }

// prompt writes a question where whoever sits at the terminal sees it, also when the errors go to a file.
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

// onClose has something closed when the command is over, last opened first.
func (a *app) onClose(f func()) { a.closers = append(a.closers, f) }

func (a *app) close() {
	for i := len(a.closers) - 1; i >= 0; i-- {
		a.closers[i]()
	}
	a.closers = nil
}
