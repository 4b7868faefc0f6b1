package api_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"cardinal"
	"cardinal/internal/api"
)

// TestCodesGolden compares the catalogue of errors with a golden file, so that each change of a text is in the diff
// of a review.
func TestCodesGolden(t *testing.T) {
	const golden = "testdata/codes.txt"
	var text strings.Builder
	for _, c := range cardinal.Codes {
		fmt.Fprintf(&text, "%s (%d)\n  %s\n", c.Name, api.NewProblem(c.Name).Status, c.Title)
		if c.Explanation != "" {
			fmt.Fprintf(&text, "  why: %s\n", c.Explanation)
		}
		fmt.Fprintf(&text, "  fix: %s\n\n", c.Fix)
	}
	if *update {
		if err := os.WriteFile(golden, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if text.String() != string(want) {
		difference := firstDifference([]byte(text.String()), want)
		t.Errorf("the catalogue is not %s any more (%s). %s", golden, difference, howToUpdate)
	}
}
