package directory

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"

	"cardinal"
)

// FuzzToken: only one text is the token of some bytes.
func FuzzToken(f *testing.F) {
	id := cardinal.NewID()
	for _, prefix := range []string{SessionPrefix, APIKeyPrefix, SetupPrefix} {
		_, text := NewToken(prefix, id, cardinal.NewID())
		good := text.Reveal()
		for _, text := range []string{good, good[:len(good)-1], good + "=", good + "A", strings.ToUpper(good), good[3:],
			" " + good, good + "\n", prefix, ""} {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		read := 0
		for _, prefix := range []string{SessionPrefix, APIKeyPrefix, SetupPrefix} {
			got, ok := ParseToken(prefix, text)
			if !ok {
				continue
			}
			read++
			raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(text, prefix))
			if err != nil || len(raw) != tokenBytes || prefix+base64.RawURLEncoding.EncodeToString(raw) != text {
				t.Fatalf("%q is valid as a token", text)
			}
			if string(got.UserID[:]) != string(raw[:16]) || string(got.ID[:]) != string(raw[16:32]) ||
				got.Hash != sha256.Sum256(raw[32:]) {
				t.Fatalf("%q is read as another token", text)
			}
		}
		if read > 1 {
			t.Fatalf("%q is valid as two kinds of token", text)
		}
	})
}
