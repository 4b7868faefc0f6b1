package seal

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// secret is a key of 32 bytes that prints as [redacted] and has no JSON, text or binary form.
//
// It is not a cardinal.Secret, which is a string: fmt does not call the methods of a value in an unexported field, and
// would print a string or an array there, and for verbs such as %s also the target of one pointer. Of two pointers it
// prints an address. Keys are always in unexported fields, so the value has a pointer to a pointer to the bytes.
type secret struct {
	b **[keyBytes]byte
}

// newSecret returns the secret with the bytes of b. The caller must not use b after that.
func newSecret(b *[keyBytes]byte) secret { return secret{&b} }

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

// MarshalBinary always fails: encoding/gob and caches use it.
func (secret) MarshalBinary() ([]byte, error) { return nil, errNoTextForm }

// IsZero reports whether there is no key. Using such a value panics.
func (s secret) IsZero() bool { return s.b == nil }

func (s secret) raw() []byte {
	if s.b == nil {
		panic("seal: use of a key that is not set")
	}
	return (*s.b)[:]
}
