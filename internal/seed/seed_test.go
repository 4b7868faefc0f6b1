package seed

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"cardinal"
	"cardinal/internal/normal"
)

// TestSameSeedSameUsers compares the users of two seeds with recorded hashes. `cardinal seed` can be repeated to
// continue an interrupted run, also with a later version, so the users of a seed must not change.
func TestSameSeedSameUsers(t *testing.T) {
	for seed, want := range map[uint64]string{
		42: "e6699f4f486b141f8286a282325b199d2b445a40dfc638ff452258720d0d0c6d",
		7:  "471d178b63b1bcfdde63d7b225c5f11ff7d17062e607fbe4166a44acf95f44d8",
	} {
		sum := sha256.New()
		for i, u := range People(1000, seed) {
			if again := Person(seed, i); !reflect.DeepEqual(u, again) {
				t.Fatalf("seed %d: user %d is %+v, and then %+v", seed, i, u, again)
			}
			text, err := json.Marshal(u)
			if err != nil {
				t.Fatal(err)
			}
			sum.Write(text)
		}
		if got := hex.EncodeToString(sum.Sum(nil)); got != want {
			t.Errorf("the users of seed %d have changed: %s", seed, got)
		}
	}
}

func TestOtherSeedOtherUsers(t *testing.T) {
	same := 0
	for i, u := range People(1000, 1) {
		if Person(2, i).DisplayName == u.DisplayName {
			same++
		}
	}
	if same > 20 {
		t.Errorf("%d of 1000 users have the same name with another seed", same)
	}
}

func TestPeopleStopsEarly(t *testing.T) {
	seen := 0
	for i := range People(10, 1) {
		if seen++; i == 3 {
			break
		}
	}
	if seen != 4 {
		t.Errorf("%d users, want 4", seen)
	}
}

func TestScriptsOfThousandUsers(t *testing.T) {
	scripts := map[string]int{}
	rtl, combining, decomposed, ideographic, joiner, astral, capital := 0, 0, 0, 0, 0, 0, 0
	for _, u := range People(1000, 42) {
		found := map[string]bool{}
		right, mark := false, false
		for _, r := range u.DisplayName {
			for name, table := range unicode.Scripts {
				if name != "Common" && name != "Inherited" && unicode.Is(table, r) {
					found[name] = true
				}
			}
			right = right || unicode.In(r, unicode.Hebrew, unicode.Arabic)
			mark = mark || unicode.Is(unicode.Mn, r)
		}
		for name := range found {
			scripts[name]++
		}
		count := func(n *int, is bool) {
			if is {
				*n++
			}
		}
		count(&rtl, right)
		count(&combining, mark)
		count(&decomposed, !norm.NFC.IsNormalString(u.DisplayName))
		count(&ideographic, strings.Contains(u.DisplayName, "\u3000"))
		count(&joiner, strings.Contains(u.DisplayName, "\u200c"))
		count(&astral, strings.ContainsFunc(u.DisplayName, func(r rune) bool { return r > 0xffff }))
		count(&capital, u.Email != strings.ToLower(u.Email))
	}
	t.Log(scripts)
	for _, name := range []string{"Latin", "Greek", "Cyrillic", "Armenian", "Georgian", "Hebrew", "Arabic",
		"Devanagari", "Bengali", "Tamil", "Thai", "Han", "Hiragana", "Katakana", "Hangul", "Ethiopic"} {
		if scripts[name] < 3 {
			t.Errorf("%d names in %s", scripts[name], name)
		}
	}
	for what, n := range map[string]int{
		"written right to left":                     rtl,
		"with combining marks":                      combining,
		"decomposed":                                decomposed,
		"with an ideographic space":                 ideographic,
		"with a zero-width non-joiner":              joiner,
		"outside the Basic Multilingual Plane":      astral,
		"with capital letters in the email address": capital,
	} {
		if n == 0 {
			t.Errorf("no name is %s", what)
		} else {
			t.Log(n, what)
		}
	}
}

func TestFieldsAreFilled(t *testing.T) {
	const all = 5000
	usernames, phones, verified, local, domains := 0, 0, 0, 0, 0
	for i, u := range People(all, 7) {
		if u.DisplayName == "" || u.Email == "" || u.Country == "" || u.Locale == "" || u.TimeZone == "" ||
			u.Preferences["theme"] == nil || u.Preferences["notifications"] == nil {
			t.Fatalf("user %d has an empty field: %+v", i, u)
		}
		if u.Password != "" || len(u.Attributes) > 0 || u.PhoneVerified && u.Phone == "" {
			t.Fatalf("user %d: %+v", i, u)
		}
		count := func(n *int, is bool) {
			if is {
				*n++
			}
		}
		count(&usernames, u.Username != "")
		count(&phones, u.Phone != "")
		count(&verified, u.EmailVerified)
		l, d, _ := strings.Cut(u.Email, "@")
		count(&local, strings.ContainsFunc(l, func(r rune) bool { return r >= utf8.RuneSelf }))
		count(&domains, strings.HasSuffix(strings.ToLower(d), ".example"))
	}
	for _, share := range []struct {
		what     string
		n        int
		from, to float64
	}{
		{"user names", usernames, .45, .55},
		{"phones", phones, .3, .5},
		{"verified addresses", verified, .85, .95},
		{"local parts that are not ASCII", local, .05, .3},
		{"domains under .example", domains, .1, .4},
	} {
		if f := float64(share.n) / all; f < share.from || f > share.to {
			t.Errorf("%s: %.2f of all", share.what, f)
		}
	}
}

// TestNormalFormsAreUnique checks that all identifiers are valid and that their normal forms are different: two
// spellings of one identifier would belong to the same user.
func TestNormalFormsAreUnique(t *testing.T) {
	const all = 100_000
	emails, phones, usernames := make(map[string]int, all), make(map[string]int, all), make(map[string]int, all)
	unique := func(seen map[string]int, i int, text string, form func(string) (string, error)) {
		t.Helper()
		key, err := form(text)
		if err != nil {
			t.Fatalf("user %d: %q: %v", i, text, err)
		}
		if other, twice := seen[key]; twice {
			t.Fatalf("users %d and %d share %q", other, i, key)
		}
		seen[key] = i
	}
	names := map[string]bool{}
	places := map[string]bool{}
	for i, u := range People(all, 42) {
		unique(emails, i, u.Email, normal.Email)
		if u.Phone != "" {
			unique(phones, i, u.Phone, normal.Phone)
		}
		if u.Username != "" {
			unique(usernames, i, u.Username, normal.Username)
		}
		name, err := normal.Text(u.DisplayName, 200)
		if err != nil {
			t.Fatalf("user %d: %q: %v", i, u.DisplayName, err)
		}
		names[name] = true
		place := u.Locale + " " + u.TimeZone + " " + u.Country
		if !places[place] {
			places[place] = true
			if got, err := normal.Locale(u.Locale); err != nil || got != u.Locale {
				t.Errorf("%s: %q %v", u.Locale, got, err)
			}
			if _, err := normal.TimeZone(u.TimeZone); err != nil {
				t.Errorf("%s: %v", u.TimeZone, err)
			}
			if len(u.Country) != 2 || !strings.HasSuffix(u.Locale, u.Country) {
				t.Errorf("%s in %s", u.Locale, u.Country)
			}
		}
	}
	t.Logf("%d different names, %d places", len(names), len(places))
}

// TestReservedDomainsOnly checks that no address or phone number can belong to a real person.
func TestReservedDomainsOnly(t *testing.T) {
	for i, u := range People(5000, 3) {
		email, err := normal.Email(u.Email)
		if err != nil {
			t.Fatalf("%s: %v", u.Email, err)
		}
		_, domain, _ := strings.Cut(email, "@")
		isReserved := slices.Contains([]string{"example.com", "example.org", "example.net"}, domain) ||
			strings.HasSuffix(domain, ".example")
		if !isReserved {
			t.Errorf("user %d: the domain %s is not reserved", i, domain)
		}
		if u.Phone == "" {
			continue
		}
		if phone, err := normal.Phone(u.Phone); err != nil || !strings.HasPrefix(phone, "+999") {
			t.Errorf("user %d: the number %s is not reserved (%v)", i, phone, err)
		}
	}
}

func TestNamesAreParsed(t *testing.T) {
	for _, c := range parsedCultures() {
		if _, err := idna.Lookup.ToASCII(c.domain); err != nil || !strings.HasSuffix(c.domain, ".example") {
			t.Errorf("%s: %v", c.domain, err)
		}
		for sex := range 2 {
			if len(c.given[sex]) < 6 || len(c.family[sex]) < 6 {
				t.Errorf("%s has too few names", c.domain)
			}
			for _, n := range append(append(append([]name{}, c.given[sex]...), c.family[sex]...), c.middle[sex]...) {
				if n.latin == "" || strings.Trim(n.latin, "abcdefghijklmnopqrstuvwxyz") != "" {
					t.Errorf("%s has the transliteration %q", n.text, n.latin)
				}
				if strings.ContainsAny(n.text, "=|_") {
					t.Errorf("%s contains a character of the syntax", n.text)
				}
			}
		}
	}
}

func BenchmarkPerson(b *testing.B) {
	b.ReportAllocs()
	var u cardinal.NewUser
	for i := 0; b.Loop(); i++ {
		u = Person(42, i)
	}
	_ = u
}
