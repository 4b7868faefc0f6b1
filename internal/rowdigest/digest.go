package rowdigest

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash"
	"time"

	"github.com/google/uuid"
)

// JSON is JSON that is stored in a column.
type JSON string

// Sum computes the digest of a row as it is stored: SHA-256 over the table, the version of its list of columns, and the
// name, type and value of each column.
func Sum(table string, version int, columns []string, values []any) []byte {
	h := sha256.New()
	digestField(h, 't', []byte(table))
	digestField(h, 'v', binary.BigEndian.AppendUint32(nil, uint32(version))) // #nosec G115 -- a small constant number
	for i, v := range values {
		digestField(h, 'c', []byte(columns[i]))
		digestValue(h, v)
	}
	return h.Sum(nil)
}

func digestField(h hash.Hash, tag byte, b []byte) {
	var head [5]byte
	head[0] = tag
	binary.BigEndian.PutUint32(head[1:], uint32(len(b))) // #nosec G115 -- a value is shorter than 4 GiB
	h.Write(head[:])
	h.Write(b)
}

func digestValue(h hash.Hash, v any) {
	switch v := v.(type) {
	case nil:
		digestField(h, '0', nil)
	case uuid.UUID:
		digestField(h, 'u', v[:])
	case *uuid.UUID:
		digestPointer(h, v)
	case string:
		digestField(h, 's', []byte(v))
	case *string:
		digestPointer(h, v)
	case []byte:
		if v == nil {
			digestField(h, '0', nil)
			return
		}
		digestField(h, 'b', v)
	case int64:
		// #nosec G115 -- the bits of the number are hashed
		digestField(h, 'i', binary.BigEndian.AppendUint64(nil, uint64(v)))
	case bool:
		digestField(h, 'f', []byte{map[bool]byte{true: 1}[v]})
	case time.Time:
		digestField(h, 'd', binary.BigEndian.AppendUint64(nil, uint64(v.UnixMicro())))
	case *time.Time:
		digestPointer(h, v)
	case JSON:
		digestField(h, 'j', []byte(v))
	default:
		panic(fmt.Sprintf("rowdigest: a digest of a %T is not supported", v))
	}
}

func digestPointer[T any](h hash.Hash, p *T) {
	if p == nil {
		digestValue(h, nil)
		return
	}
	digestValue(h, *p)
}

// Canonical returns a value in the form that digests use and that both engines return unchanged: Go's, with sorted
// keys, and zero without a sign, because PostgreSQL does not store that.
func Canonical(v any) (JSON, error) {
	b, err := json.Marshal(withoutSignOfZero(v))
	return JSON(b), err
}

func withoutSignOfZero(v any) any {
	switch v := v.(type) {
	case float64:
		return v + 0 // -0 + 0 is 0
	case map[string]any:
		if v == nil {
			return v
		}
		object := make(map[string]any, len(v))
		for name := range v {
			object[name] = withoutSignOfZero(v[name])
		}
		return object
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = withoutSignOfZero(v[i])
		}
		return list
	}
	return v
}
