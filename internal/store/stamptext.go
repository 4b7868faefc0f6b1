package store

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"cardinal"
)

// compactEntry is the format version of an audit entry with its changed rows as strings instead of objects. An import
// writes an entry per user, and SQLite stores an entry of more than a thousand bytes on a second page, which every
// search of the table has to read.
const compactEntry = 2

// compactRows encodes changed rows as a JSON array of strings. Each has the table, the version, the version of the
// column list, the digest, and the key, unless the key is the id of the subject.
func compactRows(rows []cardinal.RowDigest, subject uuid.UUID) jsonText {
	b := append(make([]byte, 0, 128*len(rows)), '[')
	for i, r := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), r.Table...), ' ')
		b = append(strconv.AppendInt(b, r.Version, 10), ' ')
		b = append(strconv.AppendInt(b, int64(r.Columns), 10), ' ')
		b = base64.RawStdEncoding.AppendEncode(b, r.Digest)
		if key := compactKey(r.Key, subject.String()); key != "" {
			b = append(append(b, ' '), key...)
		}
		b = append(b, '"')
	}
	return jsonText(append(b, ']'))
}

// compactKey omits the id of the subject at the beginning of a key, and encodes a key of 32 bytes in hex as base64.
func compactKey(key, subject string) string {
	if rest, ok := strings.CutPrefix(key, subject); ok {
		return rest
	}
	if index, err := hex.DecodeString(key); err == nil && len(index) == blindIndexBytes {
		// This alphabet has no /, with which the rest of a subject's key begins.
		return base64.RawURLEncoding.EncodeToString(index)
	}
	return key
}

// blindIndexBytes is the length of a blind index, the key of an identifier.
const blindIndexBytes = 32

// expandKey is the reverse of compactKey.
func expandKey(key, subject string) string {
	if key == "" || key[0] == '/' {
		return subject + key
	}
	if index, err := base64.RawURLEncoding.DecodeString(key); err == nil && len(index) == blindIndexBytes {
		return hex.EncodeToString(index)
	}
	return key
}

// rowDigestsInto scans the changed rows of an entry in either format. The subject must be scanned before.
type rowDigestsInto struct{ of *EventRecord }

func (s rowDigestsInto) Scan(v any) error {
	var list []json.RawMessage
	if err := (jsonInto{&list}).Scan(v); err != nil {
		return err
	}
	s.of.ChangedRows = make([]cardinal.RowDigest, len(list))
	for i, text := range list {
		into := &s.of.ChangedRows[i]
		if text[0] == '{' {
			if err := json.Unmarshal(text, into); err != nil {
				return err
			}
			continue
		}
		var short string
		if err := json.Unmarshal(text, &short); err != nil {
			return err
		}
		if err := parseCompactRow(short, s.of.SubjectID.String(), into); err != nil {
			return err
		}
	}
	return nil
}

func parseCompactRow(text, subject string, into *cardinal.RowDigest) (err error) {
	fields := append(strings.Split(text, " "), "")
	if len(fields) < 5 {
		return fmt.Errorf("a changed row of %d parts", len(fields)-1)
	}
	into.Table, into.Key = fields[0], expandKey(fields[4], subject)
	if into.Version, err = strconv.ParseInt(fields[1], 10, 64); err != nil {
		return err
	}
	if into.Columns, err = strconv.Atoi(fields[2]); err != nil {
		return err
	}
	if fields[3] != "" { // otherwise the row was deleted
		into.Digest, err = base64.RawStdEncoding.DecodeString(fields[3])
	}
	return err
}
