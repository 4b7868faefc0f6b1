package normal

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"cardinal"
)

// acceptedCase is a rule with spellings that all have the same normal form.
type acceptedCase struct {
	name string
	want string
	from []string
}

// refusedCase is a rule with inputs that have no normal form.
type refusedCase struct {
	name string
	code string
	from []string
}

func checkAccepted(t *testing.T, f func(string) (string, error), rules []acceptedCase) {
	t.Helper()
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			for _, in := range append(rule.from, rule.want) {
				got, err := f(in)
				if err != nil || got != rule.want {
					t.Errorf("%+q = %+q, %v; want %+q", in, got, err, rule.want)
				}
			}
		})
	}
}

func checkRefused(t *testing.T, f func(string) (string, error), rules []refusedCase) {
	t.Helper()
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			for _, in := range rule.from {
				got, err := f(in)
				var refused *cardinal.FieldError
				if !errors.As(err, &refused) {
					t.Errorf("%+q = %+q, %v; want %s", in, got, err, rule.code)
					continue
				}
				if refused.Code != rule.code || got != "" {
					t.Errorf("%+q = %+q, %s; want %s", in, got, refused.Code, rule.code)
				}
			}
		})
	}
}

// normalForms has all functions, for the tests of the rules that they have in common.
var normalForms = map[string]func(string) (string, error){
	"Email":      Email,
	"Phone":      Phone,
	"Username":   Username,
	"Identifier": func(s string) (string, error) { _, n, err := Identifier(s); return n, err },
	"Text":       func(s string) (string, error) { return Text(s, 200) },
	"Password":   Password,
	"AvatarURL":  AvatarURL,
	"Locale":     Locale,
	"TimeZone":   TimeZone,
}

func TestAllFunctions(t *testing.T) {
	for name, f := range normalForms {
		t.Run(name, func(t *testing.T) {
			for rule, in := range map[string]string{
				"InvalidUTF8Refused": "ann\xff@example.com",
				"NULRefused":         "ann\x00@example.com",
				"Over4KiBRefused":    strings.Repeat("7", maxInput+1),
				"EmptyRefused":       "",
			} {
				t.Run(rule, func(t *testing.T) {
					got, err := f(in)
					var refused *cardinal.FieldError
					if got != "" || !errors.As(err, &refused) {
						t.Fatalf("got %q, %v; want a *cardinal.FieldError", got, err)
					}
				})
			}
			t.Run("ErrorOmitsInput", func(t *testing.T) {
				_, err := f("canary\x01canary canary")
				if err == nil || strings.Contains(err.Error(), "canary") {
					t.Errorf("error is %v", err)
				}
			})
		})
	}
}

func TestError(t *testing.T) {
	t.Run("ErrorsIsComparesCodes", func(t *testing.T) {
		_, err := Text("too long", 3)
		if !errors.Is(err, &cardinal.FieldError{Code: "text_too_long"}) ||
			errors.Is(err, &cardinal.FieldError{Code: "text_empty"}) {
			t.Errorf("errors.Is does not compare the code of %v", err)
		}
	})
}

// fuzz checks the properties of all normal forms.
func fuzz(f *testing.F, normal func(string) (string, error), maxBytes int, seeds ...string) {
	for _, s := range seeds {
		f.Add(s)
	}
	for _, s := range []string{
		"", " ", "a", "\x00", "\xff", "ann@example.com", "Ａｎｎ＠ｅｘａｍｐｌｅ．ｃｏｍ", "o\u0308@bu\u0308cher.example",
		"ΑΣ", "İI", "ǅ", "ﬀ", "ß", "ẞ", "\u0345\u0301", "\u1e9b\u0323", "א1", "1א", "ا\u200cب", "क\u094d\u200dष",
		"👩\u200d👩\u200d👧", "🏴\U000E0067\U000E0062\U000E007F", "\u202e", "\u3000x\u00a0", "xn--bcher-kva.example",
		"a@xn--", "a@xn--a.b",
		strings.Repeat("e\u0301", 40), "a" + strings.Repeat("\u0301", 70), "+44 20 7946 0018", "００４４",
		"https://EXAMPLE.com/%41?q=ü",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		once, err := normal(in)
		if err != nil {
			var refused *cardinal.FieldError
			if once != "" || !errors.As(err, &refused) {
				t.Fatalf("%+q: error with result %q, %v", in, once, err)
			}
			return
		}
		if once == "" || !utf8.ValidString(once) || strings.ContainsRune(once, 0) || len(once) > maxBytes {
			t.Fatalf("%+q: the normal form is %+q", in, once)
		}
		twice, err := normal(once)
		if err != nil || twice != once {
			t.Fatalf("%+q: once %+q, twice %+q, %v", in, once, twice, err)
		}
	})
}

// TestConcurrentUse is for the race detector: the documentation of x/text warns that some casers have state.
func TestConcurrentUse(t *testing.T) {
	for name, f := range normalForms {
		for range 4 {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				for range 50 {
					_, _ = f("ＡΣrene\u0301@bu\u0308cher.example")
				}
			})
		}
	}
}
