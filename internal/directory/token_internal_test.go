package directory

import (
	"strings"
	"testing"

	"cardinal"
)

func TestParseToken(t *testing.T) {
	user, id := cardinal.NewID(), cardinal.NewID()
	token, text := NewToken(SessionPrefix, user, id)
	_, other := NewToken(SessionPrefix, user, id)
	if text == other {
		t.Error("two tokens are equal")
	}
	read, ok := ParseToken(SessionPrefix, text.Reveal())
	if !ok || read != token || read.UserID != user || read.ID != id {
		t.Errorf("read %+v, %t", read, ok)
	}
	if s := text.Reveal(); strings.Contains(s, string(token.Hash[:])) {
		t.Error("the token contains its hash")
	}
	for _, bad := range []string{"", "cs_", "ck_" + text.Reveal()[3:], text.Reveal() + "A", text.Reveal()[:len(text)-1],
		text.Reveal()[3:], text.Reveal()[:len(text)-1] + "=", text.Reveal()[:len(text)-1] + "\n"} {
		if _, ok := ParseToken(SessionPrefix, bad); ok {
			t.Errorf("%q is valid", bad)
		}
	}
	changed := []byte(text.Reveal())
	changed[len(changed)-10] ^= 1
	if read, ok := ParseToken(SessionPrefix, string(changed)); ok && read.Hash == token.Hash {
		t.Error("another secret has the same hash")
	}
}
