package cardinal

import (
	"bytes"
	"encoding/json"
)

// Change is one field of a merge patch (RFC 7396): absent leaves the value, null clears it, anything else sets it.
type Change[T any] struct {
	present bool
	value   *T
}

// Set returns a Change to a value.
func Set[T any](v T) Change[T] { return Change[T]{present: true, value: &v} }

// Clear returns a Change to nothing.
func Clear[T any]() Change[T] { return Change[T]{present: true} }

// Present reports whether the field was given.
func (c Change[T]) Present() bool { return c.present }

// Value returns the new value; nil clears.
func (c Change[T]) Value() *T { return c.value }

// ValueOr returns the new value; other when the change clears.
func (c Change[T]) ValueOr(other T) T {
	if c.value == nil {
		return other
	}
	return *c.value
}

// IsZero reports whether the field is absent, so that omitzero leaves it out.
func (c Change[T]) IsZero() bool { return !c.present }

// UnmarshalJSON reads a value or null.
func (c *Change[T]) UnmarshalJSON(b []byte) error {
	c.present, c.value = true, nil
	if bytes.Equal(bytes.TrimSpace(b), []byte("null")) {
		return nil
	}
	c.value = new(T)
	return json.Unmarshal(b, c.value)
}

// MarshalJSON writes the value or null.
func (c Change[T]) MarshalJSON() ([]byte, error) { return json.Marshal(c.value) }
