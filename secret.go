package cardinal

import (
	"errors"
	"fmt"
	"log/slog"
)

// Secret is a password or token on its way through. It can be read from JSON but has no JSON form, and prints as
// [redacted].
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

// MarshalJSON fails: a secret has no JSON form.
func (Secret) MarshalJSON() ([]byte, error) { return nil, errors.New("a secret has no JSON form") }
