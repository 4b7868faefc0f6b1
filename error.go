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
	ErrNotFound        = errors.New("not found")         // or the caller is not allowed to know of it
	ErrConflict        = errors.New("conflict")          // the current state does not allow it
	ErrStale           = errors.New("stale")             // it was changed after the caller read it
	ErrForbidden       = errors.New("forbidden")         // the caller is authenticated and not allowed to do it
	ErrUnauthenticated = errors.New("unauthenticated")   // the caller is not authenticated
	ErrThrottled       = errors.New("too many attempts") // the caller must wait
	ErrBusy            = errors.New("busy")              // the service is at its limit
)

// FieldError is one error in an input: where it is, its code, and how to correct it. It never contains the input.
type FieldError struct {
	Pointer   string `json:"pointer,omitempty" doc:"JSON pointer into the body (RFC 6901)"`
	Parameter string `json:"parameter,omitempty" doc:"Name of the query or path parameter or header"`
	Code      string `json:"code" doc:"Stable code of the error"`
	Message   string `json:"message" doc:"How to correct it"`
}

// NewFieldError returns an error in an input of a code of the catalogue, with the values of the placeholders of its
// texts. It has no place: FieldErrors.AddError gives it one.
func NewFieldError(code string, values ...any) *FieldError {
	_, fix := mustFindCode(code).Expand(values...)
	return &FieldError{Code: code, Message: fix}
}

// ParameterError returns an error in a query or path parameter or in a header.
func ParameterError(parameter, code string, values ...any) FieldError {
	f := NewFieldError(code, values...)
	f.Parameter = parameter
	return *f
}

// Error returns the place, the code and how to correct it.
func (f *FieldError) Error() string {
	return strings.TrimSpace(f.Pointer+f.Parameter+" "+f.Code) + ": " + f.Message
}

// Is reports whether target is a FieldError of the same code.
func (f *FieldError) Is(target error) bool {
	t, ok := target.(*FieldError)
	return ok && t.Code == f.Code
}

// Unwrap makes every FieldError an ErrInvalid.
func (f *FieldError) Unwrap() error { return ErrInvalid }

// InvalidInput is an input with errors, all at once. It is an ErrInvalid.
type InvalidInput struct{ Errors []FieldError }

// Error lists the codes and places of the errors.
func (e *InvalidInput) Error() string {
	list := make([]string, len(e.Errors))
	for i, f := range e.Errors {
		list[i] = f.Pointer + f.Parameter + " " + f.Code
	}
	return "invalid: " + strings.Join(list, ", ")
}

// Unwrap makes every Invalid an ErrInvalid.
func (e *InvalidInput) Unwrap() error { return ErrInvalid }

// FieldErrors collects the errors in an input.
type FieldErrors []FieldError

// Add adds an error of the field at pointer, with the values of the placeholders of its texts.
func (f *FieldErrors) Add(pointer, code string, values ...any) {
	fieldError := NewFieldError(code, values...)
	fieldError.Pointer = pointer
	*f = append(*f, *fieldError)
}

// AddParameter adds an error of a query or path parameter or of a header.
func (f *FieldErrors) AddParameter(parameter, code string, values ...any) {
	*f = append(*f, ParameterError(parameter, code, values...))
}

// AddError adds a FieldError as the error of the field at pointer; nil adds nothing. Any other error is a programming
// error: what checks a field returns FieldErrors only.
func (f *FieldErrors) AddError(pointer string, err error) {
	if err == nil {
		return
	}
	var fieldError *FieldError
	if !errors.As(err, &fieldError) {
		panic(fmt.Sprintf("cardinal: the check of %s failed with a %T", pointer, err))
	}
	placed := *fieldError
	placed.Pointer = pointer
	*f = append(*f, placed)
}

// Err returns nil when there are no errors, an *Invalid otherwise.
func (f FieldErrors) Err() error {
	if len(f) == 0 {
		return nil
	}
	return &InvalidInput{Errors: f}
}

// FieldErrorsOf returns the errors in an input that an error lists; none when it is not an *Invalid.
func FieldErrorsOf(err error) []FieldError {
	var invalid *InvalidInput
	if errors.As(err, &invalid) {
		return invalid.Errors
	}
	return nil
}

// FieldErrorsOrError returns the errors in an input that an error lists, or any other error: one of the database, for
// example.
func FieldErrorsOrError(err error) ([]FieldError, error) {
	if fieldErrors := FieldErrorsOf(err); fieldErrors != nil {
		return fieldErrors, nil
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
