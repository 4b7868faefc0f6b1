package cardinal_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"cardinal"
)

// FuzzChange: a field of a merge patch is absent, null or a value, and is written as it was read.
func FuzzChange(f *testing.F) {
	for _, text := range []string{
		`{}`, `{"a":null}`, `{"a":"x"}`, `{"a": null }`, `{"a":""}`, `{"a":1}`, `{"a":"null"}`, `{"A":"x"}`, `{"a":{}}`,
		`null`, `[]`,
	} {
		f.Add([]byte(text))
	}
	type patch struct {
		A cardinal.Change[string] `json:"a,omitzero"`
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var p patch
		if json.Unmarshal(text, &p) != nil {
			return
		}
		if !p.A.Present() && p.A.Value() != nil {
			t.Fatalf("%s: absent, and has a value", text)
		}
		written, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var again patch
		if err := json.Unmarshal(written, &again); err != nil || again.A.Present() != p.A.Present() ||
			(again.A.Value() == nil) != (p.A.Value() == nil) {
			t.Fatalf("%s is written as %s", text, written)
		}
		if p.A.Value() != nil && *again.A.Value() != *p.A.Value() {
			t.Fatalf("%s is written as %s", text, written)
		}
		if bare := bytes.TrimSpace(text); bytes.Equal(bare, []byte(`{}`)) && p.A.Present() {
			t.Fatal("an absent field is present")
		}
	})
}
