package normal

import (
	"cardinal"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// equal is a rule's table of spellings: every one of them has the same normal form.
type equal struct {
	name string
	want string
	from []string
}

// refused is a rule's table of inputs that have no normal form.
type refused struct {
	name string
	code string
	from []string
}

func checkEqual(t *testing.T, f func(string) (string, error), rules []equal) {
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

func checkRefused(t *testing.T, f func(string) (string, error), rules []refused) {
	t.Helper()
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			for _, in := range rule.from {
				got, err := f(in)
				var refusal *cardinal.Fault
				if !errors.As(err, &refusal) {
					t.Errorf("%+q = %+q, %v; want %s", in, got, err, rule.code)
					continue
				}
				if refusal.Code != rule.code || got != "" {
					t.Errorf("%+q = %+q, %s; want %s", in, got, refusal.Code, rule.code)
				}
			}
		})
	}
}

// everything names each function, for the rules that hold for all of them.
var everything = map[string]func(string) (string, error){
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

func TestEveryFunction(t *testing.T) {
	for name, f := range everything {
		t.Run(name, func(t *testing.T) {
			for rule, in := range map[string]string{
				"RefusesInvalidUTF8": "ann\xff@example.com",
				"RefusesNUL":         "ann\x00@example.com",
				"RefusesOver4KiB":    strings.Repeat("7", maxInput+1),
				"RefusesEmpty":       "",
			} {
				t.Run(rule, func(t *testing.T) {
					got, err := f(in)
					var refusal *cardinal.Fault
					if got != "" || !errors.As(err, &refusal) {
						t.Fatalf("got %q, %v; want a *cardinal.Fault", got, err)
					}
				})
			}
			t.Run("NeverRepeatsTheInput", func(t *testing.T) {
				_, err := f("canary\x01canary canary")
				if err == nil || strings.Contains(err.Error(), "canary") {
					t.Errorf("error is %v", err)
				}
			})
		})
	}
}

func TestError(t *testing.T) {
	t.Run("MatchesByCode", func(t *testing.T) {
		_, err := Text("too long", 3)
		if !errors.Is(err, &cardinal.Fault{Code: "text_too_long"}) || errors.Is(err, &cardinal.Fault{Code: "text_empty"}) {
			t.Errorf("errors.Is does not go by the code of %v", err)
		}
	})
}

// fuzz holds f to what every normal form promises.
func fuzz(f *testing.F, normal func(string) (string, error), maxBytes int, seeds ...string) {
	for _, s := range seeds {
		f.Add(s)
	}
	for _, s := range []string{
		"", " ", "a", "\x00", "\xff", "ann@example.com", "Ａｎｎ＠ｅｘａｍｐｌｅ．ｃｏｍ", "o\u0308@bu\u0308cher.example",
		"ΑΣ", "İI", "ǅ", "ﬀ", "ß", "ẞ", "\u0345\u0301", "\u1e9b\u0323", "א1", "1א", "ا\u200cب", "क\u094d\u200dष",
		"👩\u200d👩\u200d👧", "🏴\U000E0067\U000E0062\U000E007F", "\u202e", "\u3000x\u00a0", "xn--bcher-kva.example", "a@xn--", "a@xn--a.b",
		strings.Repeat("e\u0301", 40), "a" + strings.Repeat("\u0301", 70), "+44 20 7946 0018", "００４４", "https://EXAMPLE.com/%41?q=ü",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		once, err := normal(in)
		if err != nil {
			var refusal *cardinal.Fault
			if once != "" || !errors.As(err, &refusal) {
				t.Fatalf("%+q: refused with %q, %v", in, once, err)
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

// TestConcurrentUse means something under -race: x/text warns that some of its casers keep state.
func TestConcurrentUse(t *testing.T) {
	for name, f := range everything {
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
