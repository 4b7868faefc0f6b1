package cardinal

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// The kinds of error. Everything that refuses a caller wraps one of them; anything else is a fault of the service.
var (
	ErrInvalid         = errors.New("invalid")           // the input has faults, all of them listed
	ErrNotFound        = errors.New("not found")         // no such thing, or none that the caller may know of
	ErrConflict        = errors.New("conflict")          // the state of things does not allow it
	ErrStale           = errors.New("stale")             // somebody changed it since the caller read it
	ErrForbidden       = errors.New("forbidden")         // the caller is known and may not
	ErrUnauthenticated = errors.New("unauthenticated")   // the caller is not known
	ErrThrottled       = errors.New("too many attempts") // later
	ErrBusy            = errors.New("busy")              // the service is at its limit just now
)

// Fault is one thing wrong with an input: where, what kind, and what to do. It never repeats the input.
type Fault struct {
	Pointer   string `json:"pointer,omitempty" doc:"JSON pointer into the body (RFC 6901)"`
	Parameter string `json:"parameter,omitempty" doc:"Name of the query or path parameter or header"`
	Code      string `json:"code" doc:"Stable code of the fault"`
	Message   string `json:"message" doc:"What to do"`
}

// Invalid is an input with faults, all at once. It is an ErrInvalid.
type Invalid struct{ Faults []Fault }

// Error lists the codes and places of the faults.
func (e *Invalid) Error() string {
	said := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		said[i] = f.Pointer + f.Parameter + " " + f.Code
	}
	return "invalid: " + strings.Join(said, ", ")
}

// Unwrap makes every Invalid an ErrInvalid.
func (e *Invalid) Unwrap() error { return ErrInvalid }

// Faults collects what is wrong with an input.
type Faults []Fault

// Add notes a fault of the field at pointer.
func (f *Faults) Add(pointer, code, message string) {
	*f = append(*f, Fault{Pointer: pointer, Code: code, Message: message})
}

// Err returns nil when there are no faults, an *Invalid otherwise.
func (f Faults) Err() error {
	if len(f) == 0 {
		return nil
	}
	return &Invalid{Faults: f}
}

// Refusal is a refusal with a stable code and a sentence that says what to do. It is an error of its Kind.
type Refusal struct {
	Kind       error
	Code       string        // one of Codes
	Message    string        // for people, without personal data
	RetryAfter time.Duration // when ErrThrottled or ErrBusy says when to come back; 0 otherwise
}

// Refuse returns a Refusal of a kind.
func Refuse(kind error, code, format string, args ...any) *Refusal {
	return &Refusal{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Error says the kind and the sentence.
func (r *Refusal) Error() string { return r.Kind.Error() + ": " + r.Message }

// Unwrap returns the kind.
func (r *Refusal) Unwrap() error { return r.Kind }

// Stale is a change to something that somebody changed since the caller read it. It is an ErrStale.
type Stale struct{ Version int64 } // the version it has now

// Error says the version now.
func (s *Stale) Error() string { return fmt.Sprintf("stale: the version is %d now", s.Version) }

// Unwrap makes every Stale an ErrStale.
func (s *Stale) Unwrap() error { return ErrStale }
