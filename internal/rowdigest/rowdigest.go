// Package rowdigest computes the digests of rows for the audit log, and has the compact text of the changed rows of an
// entry. An import writes an entry per user, and SQLite stores an entry of more than a thousand bytes on a second page,
// which every search of the table has to read.
package rowdigest

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

// CompactVersion is the format version of an audit entry with its changed rows as strings instead of objects.
const CompactVersion = 2

// blindIndexBytes is the length of a blind index, the key of an identifier.
const blindIndexBytes = 32

// Encode encodes changed rows as a JSON array of strings. Each has the table, the version, the version of the column
// list, the digest, and the key, unless the key is the id of the subject.
func Encode(rows []cardinal.RowDigest, subject uuid.UUID) []byte {
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
	return append(b, ']')
}

// Decode decodes the changed rows of an entry: a JSON array of objects, or of the strings of Encode.
func Decode(text []byte, subject uuid.UUID) ([]cardinal.RowDigest, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, err
	}
	rows := make([]cardinal.RowDigest, len(list))
	for i, text := range list {
		var err error
		if text[0] == '{' {
			err = json.Unmarshal(text, &rows[i])
		} else {
			rows[i], err = decodeCompact(text, subject.String())
		}
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

func decodeCompact(text []byte, subject string) (row cardinal.RowDigest, err error) {
	var compact string
	if err := json.Unmarshal(text, &compact); err != nil {
		return row, err
	}
	fields := append(strings.Split(compact, " "), "")
	if len(fields) < 5 {
		return row, fmt.Errorf("a changed row of %d parts", len(fields)-1)
	}
	row.Table, row.Key = fields[0], expandKey(fields[4], subject)
	if row.Version, err = strconv.ParseInt(fields[1], 10, 64); err != nil {
		return row, err
	}
	if row.Columns, err = strconv.Atoi(fields[2]); err != nil {
		return row, err
	}
	if fields[3] != "" { // otherwise the row was deleted
		row.Digest, err = base64.RawStdEncoding.DecodeString(fields[3])
	}
	return row, err
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
