package seal

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// secret is 32 bytes that print as [redacted] and have no JSON or text form.
//
// The bytes are behind two pointers because fmt does not ask the methods of a value that it reaches through an unexported
// field. It would print an array there, and for a verb such as %s also what one pointer points to; of two it prints an address.
type secret struct {
	b **[keyBytes]byte
}

// hide takes b over.
func hide(b *[keyBytes]byte) secret { return secret{&b} }

const (
	keyBytes = 32
	redacted = "[redacted]"
)

var errNoTextForm = errors.New("seal: a key has no text form")

// String returns [redacted].
func (secret) String() string { return redacted }

// GoString returns [redacted].
func (secret) GoString() string { return redacted }

// Format writes [redacted] for every verb.
func (secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns [redacted].
func (secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText always fails: a key has no text form.
func (secret) MarshalText() ([]byte, error) { return nil, errNoTextForm }

// MarshalJSON always fails: a key has no JSON form.
func (secret) MarshalJSON() ([]byte, error) { return nil, errNoTextForm }

// MarshalBinary always fails, for encoding/gob and caches.
func (secret) MarshalBinary() ([]byte, error) { return nil, errNoTextForm }

// IsZero reports whether the key was never set; using such a key panics.
func (s secret) IsZero() bool { return s.b == nil }

func (s secret) raw() []byte {
	if s.b == nil {
		panic("seal: use of a key that was never set")
	}
	return (*s.b)[:]
}
