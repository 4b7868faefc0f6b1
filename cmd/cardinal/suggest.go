package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// unknownCommand says that words name no command below c, and which command was meant.
func unknownCommand(c *cobra.Command, words []string) error {
	typed := append(strings.Fields(c.CommandPath())[1:], words...)
	wrong := strings.Join(typed[:len(typed)-len(words)+1], " ")
	if meant := nearestCommand(c.Root(), typed); meant != "" {
		return wrongUsage("", "unknown command %q. Did you mean %q?", wrong, meant)
	}
	return wrongUsage("`"+c.CommandPath()+" --help` lists what there is.", "unknown command %q", wrong)
}

// nearestCommand is the path of the command that is most like what was typed; "" when none is.
func nearestCommand(root *cobra.Command, typed []string) string {
	best, least := "", 1<<30
	var visit func(c *cobra.Command, path []string)
	visit = func(c *cobra.Command, path []string) {
		// What follows the command's own words are its arguments.
		if n := len(path); n > 0 && n <= len(typed) && (n == len(typed) || !c.HasSubCommands()) {
			said, meant := strings.Join(typed[:n], " "), strings.Join(path, " ")
			if d := distance(said, meant); d < least && d <= allowed(said) {
				best, least = meant, d
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

// nearestFlag is the flag of c that is most like a name, or goes on where it ends; "" when none is.
func nearestFlag(c *cobra.Command, name string) string {
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	for _, longer := range names {
		if strings.HasPrefix(longer, name+"-") {
			return longer
		}
	}
	return nearest(names, name)
}

func nearest(names []string, typed string) string {
	best, least := "", 1<<30
	for _, name := range names {
		d := distance(typed, name)
		if d < least && d <= allowed(typed) {
			best, least = name, d
		}
	}
	return best
}

// allowed is how many letters may be wrong in a word that is still recognised.
func allowed(typed string) int { return 1 + len(typed)/5 }

// distance is how many letters must be put in, taken out or changed to get from a to b (Levenshtein), ASCII in mind.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
