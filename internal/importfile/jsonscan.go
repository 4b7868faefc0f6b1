package importfile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// scanner splits JSON into the elements of one array, or into lines, and keeps only one element in memory. It does not
// validate the elements.
//
// It stays our own until encoding/json/jsontext is released, which in Go 1.26 still needs GOEXPERIMENT=jsonv2: its
// Decoder reads single values of a stream and can replace the scanner. encoding/json's Decoder has no limit for the
// length of a value, and no line numbers.
type scanner struct {
	in   *bufio.Reader
	line int64
	buf  []byte
}

var errTooLong = errors.New("row too long")

// nextLine returns the next line that is not empty, and its number. Each line is a user.
func (s *scanner) nextLine() ([]byte, int64, error) {
	for {
		start := s.line
		text, err := s.in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = s.in.ReadSlice('\n')
			}
			s.line++
			return nil, start, errTooLong
		}
		if err != nil && (err != io.EOF || len(text) == 0) {
			return nil, start, err
		}
		s.line++
		if text = bytes.TrimSpace(text); len(text) > 0 {
			return text, start, nil
		}
	}
}

func (s *scanner) readByte() (byte, error) {
	c, err := s.in.ReadByte()
	if c == '\n' && err == nil {
		s.line++
	}
	return c, err
}

// skipSpace skips white space and returns the next byte without consuming it.
func (s *scanner) skipSpace() (byte, error) {
	for {
		c, err := s.readByte()
		if err != nil {
			return 0, err
		}
		if !strings.ContainsRune(" \t\r\n", rune(c)) {
			return c, s.in.UnreadByte()
		}
	}
}

// nextElement returns the next element of an array and the line of its start. It returns io.EOF after the last one.
func (s *scanner) nextElement() ([]byte, int64, error) {
	c, err := s.skipSpace()
	if err == nil && c == ',' {
		s.readByte()
		c, err = s.skipSpace()
	}
	if err != nil {
		return nil, s.line, s.syntaxError("the list of users is not complete", err)
	}
	if c == ']' {
		return nil, s.line, io.EOF
	}
	start := s.line
	raw, err := s.readValue(true)
	return raw, start, err
}

// readValue reads one value. With keep false it only skips the value. The bytes are valid until the next call.
func (s *scanner) readValue(keep bool) ([]byte, error) {
	s.buf = s.buf[:0]
	depth, inString, escaped, tooLong := 0, false, false, false
	for read := 0; ; read++ {
		c, err := s.readByte()
		if err != nil {
			return nil, s.syntaxError("a value is not complete", err)
		}
		if depth == 0 && !inString && strings.IndexByte(",]} \t\r\n", c) >= 0 {
			if c == '\n' {
				s.line--
			}
			s.in.UnreadByte() // the end of a number or a word
			if read == 0 {
				return nil, s.syntaxError("a value is missing", nil)
			}
			break
		}
		if keep && !tooLong {
			if s.buf = append(s.buf, c); len(s.buf) > maxRow {
				tooLong, s.buf = true, s.buf[:0]
			}
		}
		switch {
		case escaped:
			escaped = false
		case inString && c == '\\':
			escaped = true
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
		if depth == 0 && !inString && (c == '"' || c == '}' || c == ']') {
			break
		}
	}
	if tooLong {
		return nil, errTooLong
	}
	return s.buf, nil
}

// seekUsers skips the members of a document until the list of its users.
func (s *scanner) seekUsers() error {
	s.skipSpace()
	s.readByte() // the brace
	for {
		c, err := s.skipSpace()
		if err == nil && c == ',' {
			s.readByte()
			c, err = s.skipSpace()
		}
		if err != nil {
			return s.syntaxError("the document is not complete", err)
		}
		if c != '"' {
			return s.syntaxError("there is no list of users; expected are JSON lines, an array, or an object with "+
				"users, items, identities or data", nil)
		}
		raw, err := s.readValue(true)
		if err != nil {
			return err
		}
		var name string
		json.Unmarshal(raw, &name)
		if c, err = s.skipSpace(); err != nil || c != ':' {
			return s.syntaxError("a colon is missing", err)
		}
		s.readByte()
		if c, err = s.skipSpace(); err != nil {
			return s.syntaxError("a value is missing", err)
		}
		if c == '[' && userLists[name] {
			s.readByte()
			return nil
		}
		if _, err := s.readValue(false); err != nil {
			return err
		}
	}
}

// syntaxError returns an ErrFile with a problem and the current line, or err when reading failed.
func (s *scanner) syntaxError(problem string, err error) error {
	if err != nil && err != io.EOF {
		return err
	}
	return fmt.Errorf("%w: line %d: %s", ErrFile, s.line, problem)
}
