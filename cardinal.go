// Package cardinal holds the words of a user management service: one noun a file, with the rules of its own fields and
// what may be asked of it. It knows no database and no network, so every floor above can speak it.
//
// The map, in prose. A User is an identity with a status and nothing else; what is personal about it stands in its
// Profile and its Contacts, how it proves itself in credentials and Sessions, what it may do in Grants of Roles that
// hold Permissions, and what happened in AuditEvents. Whoever asks is an Actor, and every actor is a row in users:
// people, services with API keys, the operator's shell, strangers, and Cardinal itself.
//
// Rules live one floor up (internal/directory), records two (internal/store). ARCHITECTURE.md draws the house.
package cardinal

import (
	"time"

	"github.com/google/uuid"
)

// NewID returns a UUIDv7 (RFC 9562, section 5.7): it sorts by the moment it was made, and says that moment to the
// millisecond.
func NewID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// IDAt returns the lowest UUIDv7 of a moment, the bound of a time range over ids.
func IDAt(t time.Time) uuid.UUID {
	ms := t.UnixMilli()
	id := uuid.UUID{byte(ms >> 40), byte(ms >> 32), byte(ms >> 24), byte(ms >> 16), byte(ms >> 8), byte(ms), 0x70, 0, 0x80}
	return id
}

// TimeOf returns the moment a UUIDv7 carries, in UTC, to the millisecond.
func TimeOf(id uuid.UUID) time.Time {
	ms := int64(id[0])<<40 | int64(id[1])<<32 | int64(id[2])<<24 | int64(id[3])<<16 | int64(id[4])<<8 | int64(id[5])
	return time.UnixMilli(ms).UTC()
}

// MaxID is above every id: where a walk from the newest starts.
var MaxID = uuid.Max

// Page is one page of a list, walked by id: After is exclusive, and Descending walks from the newest.
type Page struct {
	Limit      int       // most items, 1 to 200
	After      uuid.UUID // the last id of the page before; uuid.Nil starts at the beginning
	Descending bool
}

// List is one page of things and whether more follow.
type List[T any] struct {
	Data    []T
	HasMore bool
	After   uuid.UUID // where the next page begins, when that is not after the last thing of this one
}

// Count is how many things a list has. Beyond a bound nobody counts them: it is an estimate then.
type Count struct {
	Value   int64 `json:"value"`
	IsExact bool  `json:"is_exact"`
}

// PageOf cuts what a reader returned, one more than asked for when there are more, to a page.
func PageOf[T any](found []T, limit int) List[T] {
	if len(found) > limit {
		return List[T]{Data: found[:limit], HasMore: true}
	}
	return List[T]{Data: found}
}
