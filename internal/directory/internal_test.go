package directory

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/google/uuid"

	"cardinal"
)

func TestTokens(t *testing.T) {
	user, id := cardinal.NewID(), cardinal.NewID()
	made, text := NewToken(SessionPrefix, user, id)
	_, other := NewToken(SessionPrefix, user, id)
	if text == other {
		t.Error("two tokens are alike")
	}
	read, ok := ParseToken(SessionPrefix, text.Reveal())
	if !ok || read != made || read.UserID != user || read.ID != id {
		t.Errorf("read %+v, %t", read, ok)
	}
	if s := text.Reveal(); strings.Contains(s, string(made.Hash[:])) {
		t.Error("the token holds its hash")
	}
	for _, bad := range []string{"", "cs_", "ck_" + text.Reveal()[3:], text.Reveal() + "A", text.Reveal()[:len(text)-1], text.Reveal()[3:], text.Reveal()[:len(text)-1] + "=", text.Reveal()[:len(text)-1] + "\n"} {
		if _, ok := ParseToken(SessionPrefix, bad); ok {
			t.Errorf("%q is taken", bad)
		}
	}
	changed := []byte(text.Reveal())
	changed[len(changed)-10] ^= 1
	if read, ok := ParseToken(SessionPrefix, string(changed)); ok && read.Hash == made.Hash {
		t.Error("another secret has the same hash")
	}
}

// The cases of RFC 7396, appendix A, that are about objects.
func TestMergeObject(t *testing.T) {
	for _, c := range []struct{ target, patch, want string }{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`{"a":"b"}`, `{"a":{"b":{"c":null}}}`, `{"a":{"b":{}}}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
	} {
		var target, patch, want map[string]any
		for i, into := range []*map[string]any{&target, &patch, &want} {
			if err := json.Unmarshal([]byte([]string{c.target, c.patch, c.want}[i]), into); err != nil {
				t.Fatal(err)
			}
		}
		before, _ := json.Marshal(target)
		if got := mergeObject(target, &patch); !reflect.DeepEqual(got, want) {
			t.Errorf("%s with %s is %v, want %s", c.target, c.patch, got, c.want)
		}
		if after, _ := json.Marshal(target); string(before) != string(after) {
			t.Errorf("%s was changed in place", c.target)
		}
	}
	if got := mergeObject(map[string]any{"a": 1}, nil); len(got) != 0 {
		t.Errorf("cleared it is %v", got)
	}
}

func TestAddressPrefix(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2::": "2001:db8:1:2::/64", "": "", "nonsense": "", "192.0.2.7:80": "",
	} {
		if got := addressPrefix(address); got != want {
			t.Errorf("%q is %q, want %q", address, got, want)
		}
	}
}

func TestAsTyped(t *testing.T) {
	for _, c := range []struct{ typed, normal, want string }{{" Ann ", "ann", "Ann"}, {strings.Repeat("Ａ", 10), "aaaaaaaaaa", "aaaaaaaaaa"}, {"", "", ""}} {
		if got := AsTyped(c.typed, c.normal, 20); got != c.want {
			t.Errorf("%q is kept as %q, want %q", c.typed, got, c.want)
		}
	}
}

// Every explanation and refusal of this package has its page in the catalogue.
func TestExplanationsAreInTheCatalogue(t *testing.T) {
	for _, e := range constraintCodes {
		if _, ok := cardinal.FindCode(e.code); !ok {
			t.Errorf("%s is not in the catalogue", e.code)
		}
	}
}

func TestUniqueIDs(t *testing.T) {
	a, b := uuid.New(), uuid.New()
	if got := uniqueIDs([]uuid.UUID{a, b, a}); !reflect.DeepEqual(got, []uuid.UUID{a, b}) {
		t.Errorf("got %v", got)
	}
}
