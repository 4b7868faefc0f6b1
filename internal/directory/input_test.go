package directory

import (
	"strings"
	"testing"
)

func TestAsTyped(t *testing.T) {
	for _, c := range []struct{ typed, normal, want string }{{" Ann ", "ann", "Ann"},
		{strings.Repeat("Ａ", 10), "aaaaaaaaaa", "aaaaaaaaaa"}, {"", "", ""}} {
		if got := AsTyped(c.typed, c.normal, 20); got != c.want {
			t.Errorf("%q is stored as %q, want %q", c.typed, got, c.want)
		}
	}
}
