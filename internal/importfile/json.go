package importfile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// userLists are the members of a document that can contain its list of users.
var userLists = map[string]bool{"users": true, "items": true, "identities": true, "data": true}

func openJSON(in *bufio.Reader, head []byte, o Options) (*Reader, error) {
	s := &scanner{in: in, line: 1}
	next := s.nextLine
	switch head := bytes.TrimLeft(head, " \t\r\n"); {
	case head[0] == '[':
		s.skipSpace()
		s.readByte() // the bracket
		next = s.nextElement
	case !isJSONLines(head):
		if err := s.seekUsers(); err != nil {
			return nil, err
		}
		next = s.nextElement
	}
	first, line, err := next()
	if err != nil && err != io.EOF && !errors.Is(err, errTooLong) {
		return nil, err
	}
	first = bytes.Clone(first)
	r := &Reader{Format: o.Format}
	if r.Format == "" {
		r.Format = detectFormat(first)
	}
	convert, ok := converters[r.Format]
	switch {
	case !ok && len(o.Map) > 0:
		return nil, fmt.Errorf("%w: --map is only for CSV and for exports of other systems; the "+
			"format of the file is %s", ErrFile, r.Format)
	case !ok:
		convert = func(row *Row, _ Options) { parseNative(row) }
	}
	extras, mapErr := parseExtras(r.Format, o.Map)
	if mapErr != nil {
		return nil, mapErr
	}
	isFirst := true
	r.next = func(row *Row) error {
		raw, start, readErr := first, line, err
		if !isFirst {
			raw, start, readErr = next()
		}
		isFirst = false
		if readErr != nil && !errors.Is(readErr, errTooLong) {
			return readErr
		}
		row.raw, row.Line = raw, start
		switch {
		case readErr != nil:
			row.raw = nil
			row.addTooLong()
		case !utf8.Valid(raw):
			row.Errors.Add("", "row_malformed", "write the file in UTF-8")
		default:
			convert(row, o)
			row.addExtras(extras)
		}
		return nil
	}
	return r, nil
}

// isJSONLines reports whether the first line is one user, not a document with a list of users. A user of Auth0 also has
// a list with the name identities, so the format of the line is checked, too.
func isJSONLines(head []byte) bool {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	var members map[string]json.RawMessage
	if json.Unmarshal(line, &members) != nil {
		// An invalid line is a user when it looks like a complete object without a list.
		trimmed := bytes.TrimSpace(line)
		return bytes.ContainsRune(line, ':') && !bytes.Contains(line, []byte(`":[`)) && len(trimmed) > 2 &&
			bytes.HasSuffix(trimmed, []byte("}"))
	}
	for name, value := range members {
		if detectFormat(line) == "ndjson" && userLists[name] && bytes.HasPrefix(bytes.TrimSpace(value), []byte("[")) {
			return false
		}
	}
	return true
}
