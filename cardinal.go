// Package cardinal is the vocabulary of a user management service: one noun per file, with what a client can see of it.
// It uses no database and no network, so every layer above can use it.
//
// A User is an identity with a status and nothing else. Its personal data is in its Profile and its Contacts, the ways
// to sign in are in credentials and Sessions, its permissions in Grants of Roles that have Permissions, and what
// happened in AuditEvents. The one who asks is an Actor, and every actor is a row in users: persons, services with API
// keys, the operator, anonymous callers, and Cardinal itself.
//
// Rules are one layer up (internal/directory), records below it (internal/store). See ARCHITECTURE.md.
package cardinal

import (
	"time"

	"github.com/google/uuid"
)

// NewID returns a UUIDv7 (RFC 9562, section 5.7): it sorts by the time when it was created, and contains that time to
// the millisecond.
func NewID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// IDAt returns the lowest UUIDv7 of a time, the bound of a time range over ids.
func IDAt(t time.Time) uuid.UUID {
	ms := t.UnixMilli()
	id := uuid.UUID{
		// #nosec G115 -- the lowest byte of each shift is meant
		byte(ms >> 40), byte(ms >> 32), byte(ms >> 24), byte(ms >> 16), byte(ms >> 8), byte(ms), 0x70, 0, 0x80,
	}
	return id
}

// TimeOf returns the time that a UUIDv7 contains, in UTC, to the millisecond.
func TimeOf(id uuid.UUID) time.Time {
	ms := int64(id[0])<<40 | int64(id[1])<<32 | int64(id[2])<<24 | int64(id[3])<<16 | int64(id[4])<<8 | int64(id[5])
	return time.UnixMilli(ms).UTC()
}

// MaxID is above every id: where a list from the newest starts.
var MaxID = uuid.Max

// Page selects one page of a list in the order of ids.
type Page struct {
	Limit      int       // most items, 1 to 200
	After      uuid.UUID // the last id of the previous page, exclusive; uuid.Nil starts at the beginning
	Descending bool      // from the newest
}

// List is one page of items, and whether more follow.
type List[T any] struct {
	Data    []T
	HasMore bool
	After   uuid.UUID // where the next page starts, when that is not after the last item of this one
}

// Count is how many items a list has: exact up to a limit, an estimate above it.
type Count struct {
	Value   int64 `json:"value"`
	IsExact bool  `json:"is_exact"`
}

// PageOf returns a page of what a reader found: one item more than the limit when there are more.
func PageOf[T any](found []T, limit int) List[T] {
	if len(found) > limit {
		return List[T]{Data: found[:limit], HasMore: true}
	}
	return List[T]{Data: found}
}
