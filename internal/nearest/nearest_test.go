package nearest

import (
	"strings"
	"testing"
)

func TestTo(t *testing.T) {
	names := []string{"email", "email_verified", "kind", "status"}
	for input, want := range map[string]string{
		"emai": "email", "Email": "email", "emial": "email", "email_verifed": "email_verified", "knd": "kind",
		"statu": "status", "": "", "password": "", "x": "", strings.Repeat("email", 20): "",
	} {
		if got := To(input, names); got != want {
			t.Errorf("To(%q): %q, want %q", input, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"user", "users", 1}, {"users lst", "users list", 1}, {"abc", "", 3}, {"kitten", "sitting", 3}} {
		if got := Distance(test.a, test.b); got != test.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
	}
}
