package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"cardinal/internal/nearest"
)

// unknownCommand returns the error for words that name no command below c, with the nearest command.
func unknownCommand(c *cobra.Command, words []string) error {
	typed := append(strings.Fields(c.CommandPath())[1:], words...)
	wrong := strings.Join(typed[:len(typed)-len(words)+1], " ")
	if meant := nearestCommand(c.Root(), typed); meant != "" {
		return usageError("", "unknown command %q. Did you mean %q?", wrong, meant)
	}
	return usageError("`"+c.CommandPath()+" --help` lists the commands.", "unknown command %q", wrong)
}

// nearestCommand returns the path of the command that is nearest to what was typed; "" when none is near.
func nearestCommand(root *cobra.Command, typed []string) string {
	best, least := "", 1<<30
	var visit func(c *cobra.Command, path []string)
	visit = func(c *cobra.Command, path []string) {
		// The words after the name of a command are its arguments.
		if n := len(path); n > 0 && n <= len(typed) && (n == len(typed) || !c.HasSubCommands()) {
			given, name := strings.Join(typed[:n], " "), strings.Join(path, " ")
			if d := nearest.Distance(given, name); d < least && d <= 1+len(given)/5 {
				best, least = name, d
			}
		}
		for _, below := range c.Commands() {
			if below.IsAvailableCommand() {
				visit(below, append(path[:len(path):len(path)], below.Name()))
			}
		}
	}
	visit(root, nil)
	return best
}

// nearestFlag returns the flag of c that is nearest to a name or that starts with it; "" when none is.
func nearestFlag(c *cobra.Command, name string) string {
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	for _, longer := range names {
		if strings.HasPrefix(longer, name+"-") {
			return longer
		}
	}
	return nearest.To(name, names)
}
