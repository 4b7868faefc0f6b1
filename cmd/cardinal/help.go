package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// rootHelp is what `cardinal` prints without arguments.
const rootHelp = `Cardinal: user management in one binary

  cardinal serve                                         run the service, data in ./cardinal-data
  cardinal admin add ada@example.com --password-stdin    create an administrator
  cardinal users create --email bob@example.com          create a user
  cardinal users list --status active --json             list users as JSON
  cardinal roles grant bob@example.com support           grant a role
  cardinal access explain bob@example.com users.read     explain what a user is allowed to do
  cardinal audit list --user bob@example.com             show the audit log of a user
  cardinal check                                         check the schema and data of the database

All commands: cardinal --help   ·   exit codes, formats: cardinal help exit-codes, cardinal help formats
`

// helpTopics are the topics that help explains in addition to the commands.
var helpTopics = map[string]string{
	"formats": `Every command takes --json, and every list takes --csv. The text output can change between releases.
JSON is stable: fields are added, but never removed or changed in meaning.

  --json                   everything, as JSON; a list is {"data":[…],"has_more":false}
  --fields id,email        only these fields, in this order; for JSON, CSV and tables
  --fields profile.locale  nested fields are joined by dots
  --csv                    for people: an apostrophe precedes a text that a spreadsheet would take for a formula
  --csv --exact            for programs: every text exactly as it is, like JSON. Files with problem rows are exact too

With --json, errors are JSON too, on standard error: {"error":{"code":…,"message":…,"errors":[…],"fix":…}}.
`,
	"exit-codes": `  0    success
  1    error
  2    invalid usage or input, or confirmation required
  3    not found
  4    not allowed; for access check: no
  5    conflict with the current state, or with a change at the same time
  6    the check found problems
  130  interrupted
`,
	"accepted-findings": `"cardinal check" reads the findings that the owner of the database accepts from
./cardinal-check.ignore, or from the file that --accept names. Each line has one finding: the id of the check, the
object and the reason. * matches any characters. An object with a space is quoted.

  # Numbers from before 2019
  G01  legacy_orders           its key is the printed number
  G24  "index orders_old_ix"   dropped in the next release
  G33  tmp_*                   created again every night

Accepted findings are counted, not listed. A line that matches no finding is reported, so that outdated lines are
noticed.
`,
}

// root returns the root command, with the flags of every command.
func (a *app) root(below ...*cobra.Command) *cobra.Command {
	cobra.EnableCommandSorting = false // keep the order of the tree
	c := group("cardinal", "User management in one binary", below...)
	c.Long = c.Short + ".\n\n" +
		"The commands open the database directly, as the operator. The service does not need to run."
	unknown := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unknown(c, args)
		}
		_, err := io.WriteString(a.out, rootHelp)
		return err
	}
	c.SilenceErrors, c.SilenceUsage = true, true
	c.CompletionOptions.DisableDefaultCmd = true
	c.SetOut(a.out)
	c.SetErr(a.err)
	c.SetHelpCommand(below[len(below)-1])
	c.SetHelpFunc(func(c *cobra.Command, _ []string) { writeHelp(a.out, c) })
	c.SetFlagErrorFunc(flagError)
	a.flags = c.PersistentFlags()
	a.flags.BoolVar(&a.json, "json", false, "print JSON, including errors")
	a.flags.StringSliceVar(&a.fields, "fields", nil, "print only these `FIELDS`, separated by commas")
	a.flags.BoolVar(&a.noInput, "no-input", false, "never ask, return an error instead")
	a.configFlags(a.flags)
	c.PersistentPreRunE = func(*cobra.Command, []string) error {
		if a.json && a.csv {
			return usageError("Give one of them.", "--json and --csv exclude each other")
		}
		if a.exact && !a.csv {
			return usageError("Add --csv: JSON is always exact.", "--exact is only for --csv")
		}
		return nil
	}
	return c
}

// flagError explains a flag that cannot be parsed. When the command itself is unknown, that is the error.
func flagError(c *cobra.Command, err error) error {
	if words := c.Flags().Args(); len(words) > 0 && c.HasSubCommands() {
		return unknownCommand(c, words)
	}
	if name, found := strings.CutPrefix(err.Error(), "unknown flag: --"); found {
		if meant := nearestFlag(c, name); meant != "" {
			return usageError("", "unknown flag \"--%s\". Did you mean \"--%s\"?", name, meant)
		}
	}
	message := err.Error()
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		message = fmt.Sprintf("invalid value %q of --%s", invalid.GetValue(), invalid.GetFlag().Name)
	}
	return usageError("`"+c.CommandPath()+" --help` lists the flags.", "%s", message)
}

// help explains a command or a topic.
func (a *app) help() *cobra.Command {
	c := &cobra.Command{Use: "help [COMMAND or TOPIC]", Args: cobra.ArbitraryArgs,
		Short: "Explain a command, formats, exit-codes or accepted-findings"}
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 1 && helpTopics[args[0]] != "" {
			_, err := io.WriteString(a.out, helpTopics[args[0]])
			return err
		}
		meant, rest, err := c.Root().Find(args)
		if err != nil || len(rest) > 0 {
			return unknownCommand(c.Root(), args)
		}
		meant.InitDefaultHelpFlag()
		return meant.Help()
	}
	c.ValidArgsFunction = func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		at, _, err := c.Root().Find(args)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var names []string
		for _, below := range at.Commands() {
			names = append(names, below.Name()+"\t"+below.Short)
		}
		if len(args) == 0 {
			names = slices.AppendSeq(names, maps.Keys(helpTopics))
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
	return c
}

const helpWidth = 120 // columns of the descriptions of flags

// writeHelp writes the help page of a command, examples first. It does not use text/template, because the linker could
// then not remove unused methods from the binary.
func writeHelp(w io.Writer, c *cobra.Command) {
	about := c.Long
	if about == "" {
		about = c.Short + "."
	}
	fmt.Fprintln(w, about)
	if c.Example != "" {
		fmt.Fprintf(w, "\nExamples:\n%s\n", c.Example)
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\nCommands:\n")
		writeCommands(w, c)
	} else {
		fmt.Fprintf(w, "\nUsage:\n  %s\n", c.UseLine())
	}
	if own := c.LocalNonPersistentFlags(); own.HasAvailableFlags() && c.HasParent() {
		fmt.Fprintf(w, "\nFlags:\n%s", own.FlagUsagesWrapped(helpWidth))
	}
	fmt.Fprintf(w, "\nFlags of every command:\n%s", c.Root().PersistentFlags().FlagUsagesWrapped(helpWidth))
}

// writeCommands lists the commands below c: two levels of them, for the root.
func writeCommands(w io.Writer, c *cobra.Command) {
	for _, below := range c.Commands() {
		if !below.IsAvailableCommand() && below.Name() != "help" {
			continue
		}
		line := below.Short
		if below.HasAvailableSubCommands() {
			var names []string
			for _, sub := range below.Commands() {
				names = append(names, sub.Name())
			}
			line += ": " + strings.Join(names, ", ")
		}
		fmt.Fprintf(w, "  %-14s %s\n", below.Name(), line)
	}
}

// completion returns the command that writes a shell's completion script.
func (a *app) completion() *cobra.Command {
	c := command("completion bash|zsh|fish|powershell", "Write a shell completion script",
		"  source <(cardinal completion bash)\n"+
			"  cardinal completion fish > ~/.config/fish/completions/cardinal.fish", nil)
	c.ValidArgs = []string{"bash", "zsh", "fish", "powershell"}
	c.RunE = func(c *cobra.Command, args []string) error {
		switch root := c.Root(); args[0] {
		case "bash":
			return root.GenBashCompletionV2(a.out, true)
		case "zsh":
			return root.GenZshCompletion(a.out)
		case "fish":
			return root.GenFishCompletion(a.out, true)
		case "powershell":
			return root.GenPowerShellCompletionWithDesc(a.out)
		}
		return usageError("Use one of these: "+strings.Join(c.ValidArgs, ", ")+".",
			"there is no completion for %q", args[0])
	}
	return c
}

// buildInfo describes the program, for `cardinal version`.
type buildInfo struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (a *app) version() *cobra.Command {
	return command("version", "Print the version", "", func(context.Context, []string) error {
		b := currentBuild()
		if a.json || len(a.fields) > 0 {
			return printItem(a, b, "version", "go", "platform")
		}
		_, err := fmt.Fprintf(a.out, "cardinal %s (%s, %s)\n", b.Version, b.Go, b.Platform)
		return err
	})
}
