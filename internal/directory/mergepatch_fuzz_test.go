package directory

import (
	"encoding/json"
	"reflect"
	"testing"
)

// FuzzMergePatch compares mergeObject with the procedure of RFC 7396, section 2.
func FuzzMergePatch(f *testing.F) {
	for _, pair := range [][2]string{{`{"a":"b"}`, `{"a":"c"}`}, {`{"a":"b"}`, `{"b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`}, {`{"a":["b"]}`, `{"a":"c"}`}, {`{"a":"c"}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`}, {`{"a":[{"b":"c"}]}`, `{"a":[1]}`}, {`{"e":null}`, `{"a":1}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`}, {`{"a":1}`, `{"a":{"b":{"c":1}}}`}, {`{}`, `{"":{}}`}} {
		f.Add([]byte(pair[0]), []byte(pair[1]))
	}
	f.Fuzz(func(t *testing.T, targetText, patchText []byte) {
		read := func(text []byte) (v map[string]any) {
			if json.Unmarshal(text, &v) != nil {
				return nil
			}
			return v
		}
		target, patch := read(targetText), read(patchText)
		if target == nil || patch == nil {
			return
		}
		got := mergeObject(target, &patch)
		if want := mergePatch(read(targetText), patch); !reflect.DeepEqual(any(got), want) {
			t.Errorf("%s patched by %s: %v, want %v", targetText, patchText, got, want)
		}
		if !reflect.DeepEqual(target, read(targetText)) || !reflect.DeepEqual(patch, read(patchText)) {
			t.Errorf("%s patched by %s: one of them was changed", targetText, patchText)
		}
		if again := mergeObject(got, &patch); !reflect.DeepEqual(again, got) {
			t.Errorf("%s patched twice by %s: %v, then %v", targetText, patchText, got, again)
		}
	})
}

// mergePatch is MergePatch of the RFC.
func mergePatch(target, patch any) any {
	fields, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, ok := target.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	for name, value := range fields {
		if value == nil {
			delete(object, name)
		} else {
			object[name] = mergePatch(object[name], value)
		}
	}
	return object
}
