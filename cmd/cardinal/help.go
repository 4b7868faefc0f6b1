package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// rootHelp is what bare `cardinal` says.
const rootHelp = `Cardinal: user management in one binary

  cardinal serve                                         run the service, data in ./cardinal-data
  cardinal admin add ada@example.com --password-stdin    make an administrator
  cardinal users create --email bob@example.com          make a user
  cardinal users list --status active --json             list users as JSON
  cardinal roles grant bob@example.com support           grant a role
  cardinal access explain bob@example.com users.read     who may do what, and why
  cardinal audit list --user bob@example.com             what happened
  cardinal check                                         is the database what it should be

All commands: cardinal --help   ·   exit codes, formats: cardinal help exit-codes, cardinal help formats
`

// helpTopics are what help explains beside the commands.
var helpTopics = map[string]string{
	"formats": `Every command takes --json, every list --csv. The text for people may change between releases, JSON may not:
fields appear, none goes or changes its meaning.

  --json                   everything, as JSON; a list is {"data":[…],"has_more":false}
  --fields id,email        these fields only, in this order; in JSON, CSV and tables alike
  --fields profile.locale  fields of fields are joined by dots

With --json an error is JSON too, on standard error: {"error":{"code":…,"message":…,"errors":[…],"fix":…}}.
`,
	"exit-codes": `  0    it worked
  1    it failed
  2    it was not understood, has faults, or needs consent
  3    there is no such thing
  4    it is not allowed; for access check: no
  5    the state of things forbids it, or somebody changed it at the same moment
  6    the check found problems
  130  it was interrupted
`,
	"accepted-findings": `What the owner of a database accepts of what "cardinal check" finds stands in a file, ./cardinal-check.ignore or that of --accept:
one finding a line, with the check's id, the object and the reason. * is any run of characters; an object with a space stands in quotes.

  # Numbers from before 2019
  G01  legacy_orders           its key is the printed number
  G24  "index orders_old_ix"   goes with the next release
  G33  tmp_*                   made anew every night

Accepted findings are counted, not shown. A line that names nothing which was found is told, so that the list does not rot.
`,
}

// root puts the commands under the one that has the flags of all.
func (a *app) root(below ...*cobra.Command) *cobra.Command {
	cobra.EnableCommandSorting = false // the tree has an order
	c := group("cardinal", "User management in one binary", below...)
	c.Long = c.Short + ".\n\nThe commands open the database by themselves, as the operator; no server needs to run."
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
	a.flags.BoolVar(&a.json, "json", false, "print JSON, errors too")
	a.flags.StringSliceVar(&a.fields, "fields", nil, "print only these `FIELDS`, separated by commas")
	a.flags.BoolVar(&a.noInput, "no-input", false, "never ask, fail instead")
	a.configFlags(a.flags)
	c.PersistentPreRunE = func(*cobra.Command, []string) error {
		if a.json && a.csv {
			return usageError("Give one of them.", "--json and --csv are two forms")
		}
		return nil
	}
	return c
}

// flagError explains a flag that cannot be read, after the command that it was meant for if that is what is wrong.
func flagError(c *cobra.Command, err error) error {
	if words := c.Flags().Args(); len(words) > 0 && c.HasSubCommands() {
		return unknownCommand(c, words)
	}
	if name, found := strings.CutPrefix(err.Error(), "unknown flag: --"); found {
		if meant := nearestFlag(c, name); meant != "" {
			return usageError("", "unknown flag \"--%s\". Did you mean \"--%s\"?", name, meant)
		}
	}
	return usageError("`"+c.CommandPath()+" --help` lists the flags.", "%s", err.Error())
}

// help explains a command or a topic.
func (a *app) help() *cobra.Command {
	c := &cobra.Command{Use: "help [COMMAND or TOPIC]", Short: "Explain a command, formats, exit-codes or accepted-findings", Args: cobra.ArbitraryArgs}
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

// writeHelp writes all about a command, examples first. It is no text/template: that would keep the linker from leaving out
// what is not used.
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
		fmt.Fprintf(w, "\nFlags:\n%s", own.FlagUsages())
	}
	fmt.Fprintf(w, "\nFlags of every command:\n%s", c.Root().PersistentFlags().FlagUsages())
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
			for _, leaf := range below.Commands() {
				names = append(names, leaf.Name())
			}
			line += ": " + strings.Join(names, ", ")
		}
		fmt.Fprintf(w, "  %-14s %s\n", below.Name(), line)
	}
}

// completion writes a shell's completion script.
func (a *app) completion() *cobra.Command {
	c := command("completion bash|zsh|fish|powershell", "Write the completion script of a shell",
		"  source <(cardinal completion bash)\n  cardinal completion fish > ~/.config/fish/completions/cardinal.fish", nil)
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
		return usageError("Choose one of "+strings.Join(c.ValidArgs, ", ")+".", "there is no completion for %q", args[0])
	}
	return c
}

// buildInfo is what a program is, for `cardinal version`.
type buildInfo struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (a *app) version() *cobra.Command {
	return command("version", "Say which version this is", "", func(context.Context, []string) error {
		b := currentBuild()
		if a.json || len(a.fields) > 0 {
			return printItem(a, b, "version", "go", "platform")
		}
		_, err := fmt.Fprintf(a.out, "cardinal %s (%s, %s)\n", b.Version, b.Go, b.Platform)
		return err
	})
}
