package seal

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestKeysAreRedacted(t *testing.T) {
	// The bytes are letters, so that %s would print a leak, too.
	raw := []byte("abcdefghijklmnopqrstuvwxyzABCDEF")
	key := Key{newSecret((*[keyBytes]byte)(bytes.Clone(raw)))}
	kek, err := parseKEK(raw)
	if err != nil {
		t.Fatal(err)
	}
	ring := &Keyring{keks: map[[32]byte]KEK{}}
	ring.Add(kek)
	// fmt does not call the methods of values in unexported fields.
	type holder struct {
		key  Key
		kek  *KEK
		keks []KEK
	}
	values := map[string]any{
		"key": key, "pointer": &key, "kek": kek, "slice": []Key{key}, "map": map[string]KEK{"a": kek},
		"exported field": struct{ K Key }{key}, "unexported field": holder{key, &kek, []KEK{kek}}, "keyring": ring,
		"derived": key.Derive("x", nil), "error": fmt.Errorf("with %v", key),
	}
	leaks := []string{
		string(raw[:8]), hex.EncodeToString(raw[:8]), strings.ToUpper(hex.EncodeToString(raw[:8])), "97 98 99",
		"0x61, 0x62", "97, 98",
		base64.StdEncoding.EncodeToString(raw[:9]), "1100001 1100010", "141 142", "'a' 'b'", "U+0061 U+0062", "61 62",
	}
	check := func(t *testing.T, out string) {
		t.Helper()
		for _, leak := range leaks {
			if strings.Contains(out, leak) {
				t.Errorf("%q contains the key", out)
			}
		}
	}
	for name, value := range values {
		t.Run(name, func(t *testing.T) {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "% x", "%q", "%d", "%o", "%b", "%c",
				"%U", "%t", "%p", "%10.3v"} {
				check(t, fmt.Sprintf(verb, value))
			}
			check(t, fmt.Sprint(value))
			var out bytes.Buffer
			slog.New(slog.NewTextHandler(&out, nil)).Info("x", "value", value)
			slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "value", value)
			slog.New(slog.NewTextHandler(&out, nil)).With("value", value).Info("x")
			check(t, out.String())
			encoded, _ := json.Marshal(value)
			check(t, string(encoded))
		})
	}
	if key.String() != redacted || key.GoString() != redacted || key.LogValue().String() != redacted {
		t.Error("a method returns something else")
	}
	for name, marshal := range map[string]func() ([]byte, error){"text": kek.MarshalText, "JSON": kek.MarshalJSON,
		"binary": kek.MarshalBinary} {
		if b, err := marshal(); err == nil || b != nil {
			t.Errorf("has the %s form %s", name, b)
		}
	}
	for _, value := range []any{key, kek, &key} {
		if got := fmt.Sprintf("%v %s %#v %x", value, value, value,
			value); got != strings.TrimSpace(strings.Repeat("[redacted] ", 4)) {
			t.Errorf("prints as %s", got)
		}
		if b, err := json.Marshal(value); err == nil {
			t.Errorf("has the JSON form %s", b)
		}
		if b, err := json.Marshal(map[string]any{"value": value}); err == nil {
			t.Errorf("has the JSON form %s", b)
		}
		if err := gob.NewEncoder(&bytes.Buffer{}).Encode(value); err == nil {
			t.Error("has a gob form")
		}
	}
}
