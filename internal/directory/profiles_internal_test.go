package directory

import (
	"encoding/json"
	"reflect"
	"testing"
)

// TestMergeObject has the cases of RFC 7396, appendix A, about objects.
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
		t.Errorf("cleared, it is %v", got)
	}
}
