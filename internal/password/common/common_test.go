package common

import (
	"encoding/binary"
	"os"
	"strconv"
	"strings"
	"testing"
)

func TestLists(t *testing.T) {
	for name, list := range map[string]struct {
		text string
		min  int
	}{"short": {short, 99_990}, "long": {long, 99_990}, "words": {words, 49_990}} {
		if n := len(list.text) / fingerprintBytes; n < list.min || len(list.text)%fingerprintBytes != 0 {
			t.Errorf("%s has %d entries", name, n)
		}
		for i := fingerprintBytes; i < len(list.text); i += fingerprintBytes {
			if list.text[i-fingerprintBytes:i] >= list.text[i:i+fingerprintBytes] {
				t.Fatalf("%s is not sorted at %d", name, i)
			}
		}
	}
}

func TestOwnEntriesAreFound(t *testing.T) {
	text, err := os.ReadFile("own.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "# ") && !Contains(Fold(line)) {
			t.Errorf("%s is not found", line)
		}
	}
}

// TestFewTextsAreFoundByChance: the stated rate, with the margin of a sample of a million.
func TestFewTextsAreFoundByChance(t *testing.T) {
	found := 0
	for i := range 1_000_000 {
		if Contains("no password at all " + strconv.Itoa(i)) {
			found++
		}
	}
	if found > 60 { // 23 are expected
		t.Errorf("%d of a million texts were found", found)
	}
	if Fingerprint("x") != binary.BigEndian.Uint32([]byte{0x2d, 0x71, 0x16, 0x42}) {
		t.Error("the fingerprint is not the start of SHA-256")
	}
}
