package cardinal

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// The kinds of error. Everything that refuses a caller wraps one of them. Any other error is an error of the service.
var (
	ErrInvalid         = errors.New("invalid")           // the input has errors, all of them listed
	ErrNotFound        = errors.New("not found")         // it does not exist, or the caller is not allowed to know of it
	ErrConflict        = errors.New("conflict")          // the current state does not allow it
	ErrStale           = errors.New("stale")             // it was changed after the caller read it
	ErrForbidden       = errors.New("forbidden")         // the caller is authenticated and not allowed to do it
	ErrUnauthenticated = errors.New("unauthenticated")   // the caller is not authenticated
	ErrThrottled       = errors.New("too many attempts") // the caller must wait
	ErrBusy            = errors.New("busy")              // the service is at its limit
)

// Fault is one error in an input: where it is, its code, and how to correct it. It never contains the input.
type Fault struct {
	Pointer   string `json:"pointer,omitempty" doc:"JSON pointer into the body (RFC 6901)"`
	Parameter string `json:"parameter,omitempty" doc:"Name of the query or path parameter or header"`
	Code      string `json:"code" doc:"Stable code of the error"`
	Message   string `json:"message" doc:"How to correct it"`
}

// NewFault returns an error in an input of a code of the catalogue, with the values of the placeholders of its texts.
// It has no place: Faults.AddError gives it one.
func NewFault(code string, values ...any) *Fault {
	_, fix := mustFindCode(code).Expand(values...)
	return &Fault{Code: code, Message: fix}
}

// ParameterFault returns an error in a query or path parameter or in a header.
func ParameterFault(parameter, code string, values ...any) Fault {
	f := NewFault(code, values...)
	f.Parameter = parameter
	return *f
}

// Error returns the place, the code and how to correct it.
func (f *Fault) Error() string {
	return strings.TrimSpace(f.Pointer+f.Parameter+" "+f.Code) + ": " + f.Message
}

// Is reports whether target is a Fault of the same code.
func (f *Fault) Is(target error) bool {
	t, ok := target.(*Fault)
	return ok && t.Code == f.Code
}

// Unwrap makes every Fault an ErrInvalid.
func (f *Fault) Unwrap() error { return ErrInvalid }

// Invalid is an input with errors, all at once. It is an ErrInvalid.
type Invalid struct{ Faults []Fault }

// Error lists the codes and places of the errors.
func (e *Invalid) Error() string {
	list := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		list[i] = f.Pointer + f.Parameter + " " + f.Code
	}
	return "invalid: " + strings.Join(list, ", ")
}

// Unwrap makes every Invalid an ErrInvalid.
func (e *Invalid) Unwrap() error { return ErrInvalid }

// Faults collects the errors in an input.
type Faults []Fault

// Add adds an error of the field at pointer, with the values of the placeholders of its texts.
func (f *Faults) Add(pointer, code string, values ...any) {
	fault := NewFault(code, values...)
	fault.Pointer = pointer
	*f = append(*f, *fault)
}

// AddParameter adds an error of a query or path parameter or of a header.
func (f *Faults) AddParameter(parameter, code string, values ...any) {
	*f = append(*f, ParameterFault(parameter, code, values...))
}

// AddError adds a Fault as the error of the field at pointer; nil adds nothing. Any other error is a programming error:
// what checks a field returns Faults only.
func (f *Faults) AddError(pointer string, err error) {
	if err == nil {
		return
	}
	var fault *Fault
	if !errors.As(err, &fault) {
		panic(fmt.Sprintf("cardinal: the check of %s failed with a %T", pointer, err))
	}
	placed := *fault
	placed.Pointer = pointer
	*f = append(*f, placed)
}

// Err returns nil when there are no errors, an *Invalid otherwise.
func (f Faults) Err() error {
	if len(f) == 0 {
		return nil
	}
	return &Invalid{Faults: f}
}

// FaultsOf returns the errors in an input that an error lists; none when it is not an *Invalid.
func FaultsOf(err error) []Fault {
	var invalid *Invalid
	if errors.As(err, &invalid) {
		return invalid.Faults
	}
	return nil
}

// FaultsOrError returns the errors in an input that an error lists, or any other error: one of the database, for example.
func FaultsOrError(err error) ([]Fault, error) {
	if faults := FaultsOf(err); faults != nil {
		return faults, nil
	}
	return nil, err
}

// Refusal refuses a request, with a code of the catalogue. It is an error of its Kind. Its texts contain no personal
// data.
type Refusal struct {
	Kind        error
	Code        string
	Title       string        // what is wrong
	Explanation string        // why, with values
	Fix         string        // what to do, with values
	RetryAfter  time.Duration // when an ErrThrottled or ErrBusy says when to retry; 0 otherwise
}

// Refuse returns the Refusal of a code, with the values of the placeholders of its texts.
func Refuse(code string, values ...any) *Refusal {
	c := mustFindCode(code)
	explanation, fix := c.Expand(values...)
	return &Refusal{Kind: c.Kind, Code: code, Title: c.Title, Explanation: explanation, Fix: fix}
}

// After sets when to retry.
func (r *Refusal) After(d time.Duration) *Refusal {
	r.RetryAfter = d
	return r
}

// Error returns the code, the explanation and the fix.
func (r *Refusal) Error() string { return r.Code + ": " + r.Message() }

// Message returns the explanation and the fix.
func (r *Refusal) Message() string { return strings.TrimSpace(r.Explanation + " " + r.Fix) }

// Unwrap returns the kind.
func (r *Refusal) Unwrap() error { return r.Kind }

// Stale is a change to something that was changed after the caller read it. It is an ErrStale.
type Stale struct{ Version int64 } // the current version

// Error returns the current version.
func (s *Stale) Error() string { return fmt.Sprintf("stale: the version is %d now", s.Version) }

// Unwrap makes every Stale an ErrStale.
func (s *Stale) Unwrap() error { return ErrStale }
