package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory/directorytest"
)

// FuzzCheckJSON: only a JSON text that all parsers read in the same way is accepted.
func FuzzCheckJSON(f *testing.F) {
	for _, text := range []string{`{}`, `[]`, `null`, `{"a":1}`, `{"a":{"b":[1,2.5e3,true,null,"x"]}}`,
		`"\ud83d\ude00"`, `"\ud800"`, `"\udc00\ud800"`, `"\\ud800"`, `"\\\ud800"`, `{"a":1,"\u0061":2}`,
		`[1,]`, `{"a":1,}`, `{"a"}`, `{"a":}`, `{1:2}`, `[1 2]`, `{"a":1}{}`, ` {} `, "\xff", "\"\xed\xa0\x80\"",
		`"\u0000"`, "\x00", `"\x"`, `1e999`, `-0`, `01`, `tru`, "\ufeff{}", `"` + "\n" + `"`, `"\u12"`, `[[[[[[[[`,
		strings.Repeat("[", 32) + strings.Repeat("]", 32), strings.Repeat("[", 33) + strings.Repeat("]", 33),
		`{"a":[{"a":1},{"a":2}]}`, `]`, `{]`, ``, ` `, `"�"`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		bad := checkJSON(text)
		valid := json.Valid(text)
		if bad == "" && !valid {
			t.Fatalf("%q is accepted and is not JSON", text)
		}
		if !valid {
			return
		}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		var value any
		if err := decoder.Decode(&value); err != nil {
			t.Fatalf("%q is valid and cannot be read: %v", text, err)
		}
		replaced := bytes.Count([]byte(texts(value)), []byte("\ufffd")) > bytes.Count(text,
			[]byte("\ufffd"))+strings.Count(strings.ToLower(string(text)), `\ufffd`)
		isSafe := utf8.Valid(text) && !replaced && !strings.Contains(texts(value), "\x00") &&
			depth(value) <= maxNesting && !hasDuplicateName(text)
		if isSafe && bad != "" {
			t.Fatalf("%q is unambiguous and is refused: %s", text, bad)
		}
		if !isSafe && bad == "" {
			t.Fatalf("%q is accepted", text)
		}
	})
}

// texts returns all strings in a value, with the names.
func texts(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		var all strings.Builder
		for _, item := range v {
			all.WriteString(texts(item))
		}
		return all.String()
	case map[string]any:
		var all strings.Builder
		for name, item := range v {
			all.WriteString(name + texts(item))
		}
		return all.String()
	}
	return ""
}

func depth(v any) int {
	most := 0
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			most = max(most, depth(item))
		}
	case map[string]any:
		for _, item := range v {
			most = max(most, depth(item))
		}
	default:
		return 0
	}
	return most + 1
}

// hasDuplicateName reports whether an object of a valid text has a name twice. It is independent of checkJSON.
func hasDuplicateName(text []byte) bool {
	decoder := json.NewDecoder(bytes.NewReader(text))
	var object func() bool
	object = func() bool {
		token, err := decoder.Token()
		if err != nil {
			return false
		}
		isDuplicate := false
		switch token {
		case json.Delim('{'):
			names := map[string]bool{}
			for decoder.More() {
				name, _ := decoder.Token()
				text, _ := name.(string)
				isDuplicate = isDuplicate || names[text]
				names[text] = true
				isDuplicate = object() || isDuplicate
			}
			_, _ = decoder.Token()
		case json.Delim('['):
			for decoder.More() {
				isDuplicate = object() || isDuplicate
			}
			_, _ = decoder.Token()
		}
		return isDuplicate
	}
	decoder.UseNumber()
	return object()
}

// FuzzIfMatch: a version has exactly one form.
func FuzzIfMatch(f *testing.F) {
	for _, text := range []string{`"1"`, `"0"`, `"9223372036854775807"`, `"9223372036854775808"`, `W/"1"`, `"01"`,
		`"-1"`, `"+1"`, `1`, `""`, `"`, `"1`, `*`, `"1", "2"`, ` "1"`, `"1" `, `"1_0"`, `""1""`} {
		f.Add(text)
	}
	o := &huma.Operation{}
	f.Fuzz(func(t *testing.T, text string) {
		r := httptest.NewRequest(http.MethodPatch, "/", nil)
		r.Header["If-Match"] = []string{text}
		var v IfMatchVersion
		errs := v.Resolve(humago.NewContext(o, r, httptest.NewRecorder()))
		digits, quoted := strings.CutPrefix(text, `"`)
		digits, closed := strings.CutSuffix(digits, `"`)
		version, err := strconv.ParseInt(digits, 10, 64)
		good := quoted && closed && err == nil && version >= 0 && strconv.FormatInt(version, 10) == digits
		if good != (len(errs) == 0) || good && v.version != version {
			t.Fatalf("%q: %v, version %d", text, errs, v.version)
		}
	})
}

// FuzzCursor: only a cursor that was signed for the list is valid, byte for byte.
func FuzzCursor(f *testing.F) {
	d := directorytest.OpenURL(f, "sqlite:"+filepath.Join(f.TempDir(), "cardinal.db"),
		filepath.Join(f.TempDir(), "keys"))
	last := uuid.MustParse("0198c0de-0000-7000-8000-000000000000")
	good := d.Cursor("/v1/users?", last)
	f.Add("/v1/users?", good)
	f.Add("/v1/roles?", good)
	for _, text := range []string{"", "A", good[:len(good)-1], good + "A", good + "=", strings.ToLower(good),
		strings.Repeat("A", 38)} {
		f.Add("/v1/users?", text)
	}
	f.Fuzz(func(t *testing.T, scope, text string) {
		id, ok := d.ParseCursor(scope, text)
		if want := d.Cursor(scope, id); ok && want != text {
			t.Fatalf("%q is read as %q", text, want)
		}
		if ok != (scope == "/v1/users?" && text == good) {
			// Another valid cursor needs the key.
			t.Fatalf("scope %q, cursor %q: %t", scope, text, ok)
		}
	})
}

// TestErrorKinds checks the statuses of the kinds of error.
func TestErrorKinds(t *testing.T) {
	later := func(code string) error { return cardinal.Refuse(code).After(1500 * time.Millisecond) }
	a := New(nil, Options{})
	for _, test := range []struct {
		err    error
		status int
		code   string
		header string
		value  string
	}{
		{cardinal.ErrNotFound, 404, "not_found", "", ""},
		{&cardinal.Stale{Version: 7}, 412, "version_stale", "ETag", `"7"`},
		{cardinal.ErrForbidden, 403, "forbidden", "", ""},
		{cardinal.ErrUnauthenticated, 401, "not_signed_in", "Www-Authenticate", `Bearer realm="cardinal"`},
		{later("too_many_attempts"), 429, "too_many_attempts", "Retry-After", "2"},
		{later("busy"), 503, "busy", "Retry-After", "2"},
		{cardinal.ErrBusy, 503, "busy", "Retry-After", "1"},
		{context.DeadlineExceeded, 503, "busy", "Retry-After", "1"},
		{cardinal.Refuse("last_user_with_role"), 409, "last_user_with_role", "", ""},
		{io.ErrUnexpectedEOF, 500, "internal", "", ""},
	} {
		p := a.problemOf(context.Background(), test.err)
		if p.Status != test.status || p.Code != test.code || test.header != "" &&
			p.header.Get(test.header) != test.value {
			t.Errorf("%v: %d %s %v", test.err, p.Status, p.Code, p.header)
		}
		if strings.Contains(p.Detail, "EOF") {
			t.Errorf("the answer contains internal details: %s", p.Detail)
		}
	}
}

// TestAccepts checks Accept headers (RFC 9110, section 12.5.1).
func TestAccepts(t *testing.T) {
	for accept, want := range map[string]bool{"": true, "*/*": true, "application/*": true, "application/json": true,
		"application/json; charset=utf-8": true, "text/html, */*;q=0.1": true, "APPLICATION/JSON": true,
		"application/problem+json": true, "text/html": false, "application/json;q=0": false,
		"application/json;q=0.000": false, "application/json;q=0, */*": false, "*/*;q=0, application/json": true,
		"json":                   false,
		"application/*;q=0, */*": false, ",": true, "application/json;q=x": false, "text/*;q=1": false} {
		if got := accepts([]string{accept}, jsonRanges); got != want {
			t.Errorf("Accept %q: %t", accept, got)
		}
	}
	if !accepts(nil, jsonRanges) || !accepts([]string{"text/html", "application/json"}, jsonRanges) {
		t.Error("no Accept header, or two of them")
	}
}
