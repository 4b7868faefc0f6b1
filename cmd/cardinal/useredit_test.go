package main

import (
	"slices"
	"testing"

	"github.com/spf13/cobra"

	"cardinal"
	"cardinal/internal/directory"
)

// TestEveryTextHasFlag checks that each text of a profile has a flag that changes it, and that this can be undone.
func TestEveryTextHasFlag(t *testing.T) {
	for _, f := range directory.ProfileFields {
		if f.Doc == "" {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			var texts cardinal.NewUser
			var preferences, attributes string
			c := &cobra.Command{}
			profileFlags(c, &texts, &preferences, &attributes)
			flag := "--" + profileFlag(f)
			if err := c.ParseFlags([]string{flag, "new"}); err != nil {
				t.Fatal(err)
			}
			var before cardinal.Profile
			*f.Text(&before) = "old"
			var in cardinal.ProfileChange
			undo := setTexts(c.Flags(), &texts, &before, &in)
			if want := []string{flag, "old"}; !slices.Equal(undo, want) {
				t.Errorf("undo is %q, want %q", undo, want)
			}
			if value := f.Change(&in).Value(); value == nil || *value != "new" {
				t.Errorf("the change is %v", value)
			}
		})
	}
}
