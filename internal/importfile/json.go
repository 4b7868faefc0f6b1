package importfile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// peopleArrays are the members of a document that hold its people.
var peopleArrays = map[string]bool{"users": true, "items": true, "identities": true, "data": true}

func openJSON(in *bufio.Reader, head []byte, o Options) (*Reader, error) {
	s := &scanner{in: in, line: 1}
	elements := s.line1
	switch head := bytes.TrimLeft(head, " \t\r\n"); {
	case head[0] == '[':
		s.space()
		s.byte()
		elements = s.element
	case !isLine(head):
		if err := s.seekPeople(); err != nil {
			return nil, err
		}
		elements = s.element
	}
	first, line, err := elements()
	if err != nil && err != io.EOF && !errors.Is(err, errTooLong) {
		return nil, err
	}
	first = bytes.Clone(first)
	r := &Reader{Format: o.Format}
	if r.Format == "" {
		r.Format = recognise(first)
	}
	convert, ok := converters[r.Format]
	switch {
	case !ok && len(o.Map) > 0:
		return nil, fmt.Errorf("%w: %s has Cardinal's own fields; --map is for CSV and for other systems' exports", ErrFile, r.Format)
	case !ok:
		convert = func(row *Row, _ Options) { readNative(row) }
	}
	extras, wrong := extrasOf(r.Format, o.Map)
	if wrong != nil {
		return nil, wrong
	}
	pending := true
	r.next = func(row *Row) error {
		raw, at, problem := first, line, err
		if !pending {
			raw, at, problem = elements()
		}
		pending = false
		if problem != nil && !errors.Is(problem, errTooLong) {
			return problem
		}
		row.raw, row.Line = raw, at
		switch {
		case problem != nil:
			row.raw = nil
			row.tooLong()
		case !utf8.Valid(raw):
			row.Faults.Add("", "row_malformed", "write the file in UTF-8")
		default:
			convert(row, o)
			row.take(extras)
		}
		return nil
	}
	return r, nil
}

// isLine reports whether the first line is an object by itself that holds no people: a person of Auth0 has identities, too.
func isLine(head []byte) bool {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	var members map[string]json.RawMessage
	if json.Unmarshal(line, &members) != nil {
		return bytes.ContainsRune(line, ':') && !bytes.Contains(line, []byte(`":[`)) && len(bytes.TrimSpace(line)) > 2 && bytes.HasSuffix(bytes.TrimSpace(line), []byte("}"))
	}
	for name, value := range members {
		if recognise(line) == "ndjson" && peopleArrays[name] && bytes.HasPrefix(bytes.TrimSpace(value), []byte("[")) {
			return false
		}
	}
	return true
}

// scanner cuts JSON into elements without keeping more than one.
type scanner struct {
	in   *bufio.Reader
	line int64
	kept []byte
}

var errTooLong = errors.New("longer than a row may be")

// line1 returns the next line that is not empty; a line is a person.
func (s *scanner) line1() ([]byte, int64, error) {
	for {
		at := s.line
		text, err := s.in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = s.in.ReadSlice('\n')
			}
			s.line++
			return nil, at, errTooLong
		}
		if err != nil && (err != io.EOF || len(text) == 0) {
			return nil, at, err
		}
		s.line++
		if text = bytes.TrimSpace(text); len(text) > 0 {
			return text, at, nil
		}
	}
}

func (s *scanner) byte() (byte, error) {
	c, err := s.in.ReadByte()
	if c == '\n' && err == nil {
		s.line++
	}
	return c, err
}

// space returns the next byte that is none, and leaves it to be read.
func (s *scanner) space() (byte, error) {
	for {
		c, err := s.byte()
		if err != nil {
			return 0, err
		}
		if !strings.ContainsRune(" \t\r\n", rune(c)) {
			return c, s.in.UnreadByte()
		}
	}
}

// element returns the next element of an array, io.EOF after the last.
func (s *scanner) element() ([]byte, int64, error) {
	c, err := s.space()
	if err == nil && c == ',' {
		s.byte()
		c, err = s.space()
	}
	if err != nil {
		return nil, s.line, s.broken("the list of people does not end", err)
	}
	if c == ']' {
		return nil, s.line, io.EOF
	}
	at := s.line
	raw, err := s.value(true)
	return raw, at, err
}

// value reads one value; kept is false for one that only has to be passed.
func (s *scanner) value(kept bool) ([]byte, error) {
	s.kept = s.kept[:0]
	depth, inText, escaped, long := 0, false, false, false
	for read := 0; ; read++ {
		c, err := s.byte()
		if err != nil {
			return nil, s.broken("a value does not end", err)
		}
		if depth == 0 && !inText && strings.IndexByte(",]} \t\r\n", c) >= 0 {
			if c == '\n' {
				s.line--
			}
			s.in.UnreadByte() // the end of a number or a word
			if read == 0 {
				return nil, s.broken("a value is missing", nil)
			}
			break
		}
		if kept && !long {
			if s.kept = append(s.kept, c); len(s.kept) > maxRow {
				long, s.kept = true, s.kept[:0]
			}
		}
		switch {
		case escaped:
			escaped = false
		case inText && c == '\\':
			escaped = true
		case c == '"':
			inText = !inText
		case inText:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
		if depth == 0 && !inText && (c == '"' || c == '}' || c == ']') {
			break
		}
	}
	if long {
		return nil, errTooLong
	}
	return s.kept, nil
}

// seekPeople passes the members of a document until the one that holds its people.
func (s *scanner) seekPeople() error {
	s.space()
	s.byte() // the brace
	for {
		c, err := s.space()
		if err == nil && c == ',' {
			s.byte()
			c, err = s.space()
		}
		if err != nil {
			return s.broken("the document does not end", err)
		}
		if c != '"' {
			return fmt.Errorf("%w: line %d: no list of people was found; expected lines of JSON, an array, or an object with users, identities or items", ErrFile, s.line)
		}
		raw, err := s.value(true)
		if err != nil {
			return err
		}
		var name string
		json.Unmarshal(raw, &name)
		if c, err = s.space(); err != nil || c != ':' {
			return s.broken("a colon is missing", err)
		}
		s.byte()
		if c, err = s.space(); err != nil {
			return s.broken("a value is missing", err)
		}
		if c == '[' && peopleArrays[name] {
			s.byte()
			return nil
		}
		if _, err := s.value(false); err != nil {
			return err
		}
	}
}

func (s *scanner) broken(what string, err error) error {
	if err != nil && err != io.EOF {
		return err
	}
	return fmt.Errorf("%w: line %d: %s", ErrFile, s.line, what)
}
