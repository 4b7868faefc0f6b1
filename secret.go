package cardinal

import (
	"errors"
	"fmt"
	"log/slog"
)

// Secret is a password, token or key in memory. It can be decoded from JSON but not encoded, and prints as [redacted].
// The standard library has two gaps: fmt does not call the methods of a value in an unexported field, and encoding/json
// writes the keys of a map without them. Do not print such a struct, and do not use a Secret as a key.
type Secret string

const redacted = "[redacted]"

// Reveal returns the secret itself, for the one place that needs it.
func (s Secret) Reveal() string { return string(s) }

// String hides the secret.
func (Secret) String() string { return redacted }

// GoString hides the secret.
func (Secret) GoString() string { return redacted }

// Format hides the secret under every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue hides the secret in logs.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

var errNoEncoding = errors.New("a secret cannot be encoded")

// MarshalJSON always fails: a secret has no JSON form.
func (Secret) MarshalJSON() ([]byte, error) { return nil, errNoEncoding }

// MarshalText always fails: encoding/xml uses it.
func (Secret) MarshalText() ([]byte, error) { return nil, errNoEncoding }

// MarshalBinary always fails: encoding/gob and caches use it.
func (Secret) MarshalBinary() ([]byte, error) { return nil, errNoEncoding }
