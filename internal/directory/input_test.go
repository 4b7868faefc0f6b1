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

func TestInputContact(t *testing.T) {
	for _, c := range []struct{ kind, value, want, code string }{
		{"email", " Ann@Example.COM ", "ann@example.com", ""},
		{"phone", "+44 20 7946 0018", "+442079460018", ""},
		{"email", "ann", "", "email_format"},
		{"pager", "ann@example.com", "", "contact_kind_unknown"},
		{"", "ann@example.com", "", "contact_kind_unknown"},
	} {
		var check Input
		got, code := check.Contact("/value", c.kind, c.value), ""
		if len(check.FieldErrors) > 0 {
			code = check.FieldErrors[0].Code
		}
		if got != c.want || code != c.code || len(check.FieldErrors) > 1 {
			t.Errorf("%s %q is %q with %v, want %q with %q", c.kind, c.value, got, check.FieldErrors, c.want, c.code)
		}
	}
}
