package cardinal_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"cardinal"
)

func TestSecretIsRedacted(t *testing.T) {
	const text = "s3cret-canary"
	secret := cardinal.Secret(text)
	values := map[string]any{
		"value": secret, "pointer": &secret, "slice": []cardinal.Secret{secret},
		"map":   map[string]cardinal.Secret{"a": secret},
		"field": struct{ Password cardinal.Secret }{secret}, "error": fmt.Errorf("with %v", secret),
	}
	check := func(t *testing.T, out string) {
		t.Helper()
		for _, leak := range []string{text, text[:6], fmt.Sprintf("%x", text), fmt.Sprintf("%X", text),
			strings.Trim(fmt.Sprint([]byte(text)), "[]")} {
			if strings.Contains(out, leak) {
				t.Errorf("%q contains the secret", out)
			}
		}
	}
	for name, value := range values {
		t.Run(name, func(t *testing.T) {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "% x", "%q", "%d", "%c", "%U",
				"%10.3v"} {
				check(t, fmt.Sprintf(verb, value))
			}
			check(t, fmt.Sprint(value))
			var out bytes.Buffer
			slog.New(slog.NewTextHandler(&out, nil)).Info("x", "value", value)
			slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "value", value)
			slog.New(slog.NewJSONHandler(&out, nil)).With("value", value).Info("x")
			check(t, out.String())
			asJSON, _ := json.Marshal(value)
			check(t, string(asJSON))
			asXML, _ := xml.Marshal(value)
			check(t, string(asXML))
		})
	}
	t.Run("NoEncodedForm", func(t *testing.T) {
		if b, err := json.Marshal(secret); err == nil {
			t.Errorf("JSON: %s", b)
		}
		if b, err := secret.MarshalText(); err == nil {
			t.Errorf("text: %s", b)
		}
		if err := gob.NewEncoder(&bytes.Buffer{}).Encode(secret); err == nil {
			t.Error("gob has a form")
		}
	})
	t.Run("DecodedFromJSON", func(t *testing.T) {
		var decoded cardinal.Secret
		if err := json.Unmarshal([]byte(`"`+text+`"`), &decoded); err != nil || decoded.Reveal() != text {
			t.Errorf("%q, %v", decoded.Reveal(), err)
		}
	})
}
