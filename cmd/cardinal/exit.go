package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"cardinal"
)

// The exit codes, the same for every command; `cardinal help exit-codes` explains them.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2 // or confirmation is missing
	exitNotFound    = 3
	exitNotAllowed  = 4
	exitConflict    = 5
	exitProblems    = 6 // cardinal check found problems
	exitInterrupted = 130
)

// exitCode maps an error to an exit code. No other code does.
func exitCode(ctx context.Context, err error) int {
	switch {
	case err == nil:
		return exitOK
	case isInterrupted(ctx, err):
		return exitInterrupted
	case errors.Is(err, cardinal.ErrInvalid):
		return exitUsage
	case errors.Is(err, cardinal.ErrNotFound):
		return exitNotFound
	case errors.Is(err, cardinal.ErrForbidden), errors.Is(err, cardinal.ErrUnauthenticated):
		return exitNotAllowed
	case errors.Is(err, cardinal.ErrConflict), errors.Is(err, cardinal.ErrStale):
		return exitConflict
	case errors.Is(err, errProblemsFound):
		return exitProblems
	}
	return exitFailed
}

// isInterrupted reports whether a signal caused an error. After a signal every error counts as caused by it, because
// drivers report a cancelled statement in many ways. The exception is a commandError without a kind: Cardinal returned
// it on purpose.
func isInterrupted(ctx context.Context, err error) bool {
	var cmdErr *commandError
	return errors.Is(context.Cause(ctx), errInterrupted) && !(errors.As(err, &cmdErr) && cmdErr.kind == nil)
}

// commandError is an error with a message and a fix. It wraps its kind; without a kind the exit code is 1.
type commandError struct {
	kind    error
	code    string
	message string
	fix     string
}

func (e *commandError) Error() string { return e.message }

func (e *commandError) Unwrap() error { return e.kind }

// usageError returns the error of an invalid command line.
func usageError(fix, format string, values ...any) error {
	return &commandError{kind: cardinal.ErrInvalid, code: "usage", message: fmt.Sprintf(format, values...), fix: fix}
}

// notFoundError returns the error for a name or an id that does not exist.
func notFoundError(what, name, fix string) error {
	message := fmt.Sprintf("there is no %s %q", what, name)
	return &commandError{kind: cardinal.ErrNotFound, code: "not_found", message: message, fix: fix}
}

// silentError sets the exit code without a message: the command has already printed its result.
type silentError struct{ kind error }

func (e silentError) Error() string { return e.kind.Error() }

func (e silentError) Unwrap() error { return e.kind }

// errorReport is an error as it is printed.
type errorReport struct {
	Code    string                `json:"code"`
	Message string                `json:"message"`
	Errors  []cardinal.FieldError `json:"errors,omitempty"`
	Fix     string                `json:"fix,omitempty"`

	Candidates []candidate `json:"candidates,omitempty"` // the users that an unverified address could mean
}

func errorReportOf(ctx context.Context, err error) errorReport {
	var (
		cmdErr  *commandError
		invalid *cardinal.InvalidInput
		refusal *cardinal.Refusal

		unverified *unverifiedError
	)
	switch {
	case isInterrupted(ctx, err):
		return errorReport{Code: "interrupted", Message: "interrupted",
			Fix: "The work done so far is kept. Run the command again to continue."}
	case errors.As(err, &cmdErr):
		return errorReport{Code: cmdErr.code, Message: cmdErr.message, Fix: cmdErr.fix}
	case errors.As(err, &unverified):
		return unverified.report()
	case errors.As(err, &invalid):
		return errorReport{Code: "validation_failed", Message: problemCount(len(invalid.Errors)),
			Errors: invalid.Errors, Fix: "Nothing was changed. Correct this and run it again."}
	case errors.As(err, &refusal):
		return refusalReport(refusal)
	case errors.Is(err, cardinal.ErrStale):
		return errorReport{Code: "stale", Message: "another change was made at the same time",
			Fix: "Nothing was changed. Run it again."}
	case errors.Is(err, cardinal.ErrNotFound):
		return errorReport{Code: "not_found", Message: "not found",
			Fix: "Check the names and ids. The list commands show those that exist."}
	case errors.Is(err, cardinal.ErrBusy):
		return errorReport{Code: "busy", Message: err.Error(), Fix: "Try again in a moment."}
	}
	return errorReport{Code: "failed", Message: err.Error(),
		Fix: "Check the database with `cardinal db status` and the configuration with `cardinal config show --origin`."}
}

// refusalReport reports a refusal with the texts of the catalogue. The title stands for an empty explanation. When the
// caller has to wait, the fix gives the time, because the text of the catalogue names an HTTP header.
func refusalReport(r *cardinal.Refusal) errorReport {
	message, fix := r.Explanation, r.Fix
	if message == "" {
		message = r.Title + "."
	}
	if errors.Is(r, cardinal.ErrBusy) || errors.Is(r, cardinal.ErrThrottled) {
		fix = "Try again in a moment."
		if r.RetryAfter > 0 {
			fix = fmt.Sprintf("Try again in %d s.", int64(math.Ceil(r.RetryAfter.Seconds())))
		}
	}
	return errorReport{Code: r.Code, Message: message, Fix: "Nothing was changed. " + fix}
}

func problemCount(n int) string {
	if n == 1 {
		return "there is a problem"
	}
	return fmt.Sprintf("there are %d problems", n)
}

// printError writes an error to w: as text, with every problem on a line and the fix in the last one; or as JSON.
func printError(w io.Writer, p errorReport, asJSON bool) {
	if asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		_ = encoder.Encode(map[string]errorReport{"error": p}) // there is no other place to report it
		return
	}
	text := "error: " + p.Message + "\n"
	for _, f := range p.Errors {
		text += "  " + flagName(f) + ": " + f.Message + "\n"
	}
	for _, c := range p.Candidates {
		text += fmt.Sprintf("  %s  %s, given by %s, created %s\n", c.UserID, c.Status, c.GivenBy,
			c.CreatedAt.UTC().Format(time.DateTime+"Z"))
	}
	if p.Fix != "" {
		text += p.Fix + "\n"
	}
	_, _ = io.WriteString(w, text)
}

// flagName returns the name of the flag or field that an error in the input is about: display-name for /display_name.
func flagName(f cardinal.FieldError) string {
	if f.Parameter != "" {
		return f.Parameter
	}
	name := strings.TrimPrefix(strings.TrimPrefix(f.Pointer, "/profile"), "/")
	return strings.NewReplacer("_", "-", "/", " ").Replace(name)
}
