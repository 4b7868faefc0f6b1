package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"cardinal"
)

// The exit codes, the same for every command; `cardinal help exit-codes` explains them.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2 // or consent is missing
	exitNotFound    = 3
	exitNotAllowed  = 4
	exitConflict    = 5
	exitProblems    = 6 // cardinal check found some
	exitInterrupted = 130
)

// exitCode is the one place that turns an error into an exit code.
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

// isInterrupted reports whether an error is the work of a signal. Whatever a driver calls it, what fails after one was cut by
// it; but for what Cardinal itself has words for.
func isInterrupted(ctx context.Context, err error) bool {
	var cmdErr *commandError
	return errors.Is(context.Cause(ctx), errInterrupted) && !(errors.As(err, &cmdErr) && cmdErr.kind == nil)
}

// commandError is an error that says what to do about it. It is an error of its kind; without a kind it is a plain failure.
type commandError struct {
	kind    error
	code    string
	message string
	fix     string
}

func (e *commandError) Error() string { return e.message }

func (e *commandError) Unwrap() error { return e.kind }

// usageError is a command that cannot be meant as it stands.
func usageError(fix, format string, values ...any) error {
	return &commandError{kind: cardinal.ErrInvalid, code: "usage", message: fmt.Sprintf(format, values...), fix: fix}
}

// notFoundError is something that was named and is not there.
func notFoundError(what, name, fix string) error {
	return &commandError{kind: cardinal.ErrNotFound, code: "not_found", message: fmt.Sprintf("there is no %s %q", what, name), fix: fix}
}

// silentError is a command that has said all there is to say; only its exit code is left.
type silentError struct{ kind error }

func (silentError) Error() string { return "no" }

func (e silentError) Unwrap() error { return e.kind }

// errorReport is an error as people and programs are cmdErr of it.
type errorReport struct {
	Code    string           `json:"code"`
	Message string           `json:"message"`
	Errors  []cardinal.Fault `json:"errors,omitempty"`
	Fix     string           `json:"fix,omitempty"`
}

func errorReportOf(ctx context.Context, err error) errorReport {
	var (
		cmdErr  *commandError
		invalid *cardinal.Invalid
		refusal *cardinal.Refusal
	)
	switch {
	case isInterrupted(ctx, err):
		return errorReport{Code: "interrupted", Message: "interrupted", Fix: "What was done before is kept; run it again for the rest."}
	case errors.As(err, &cmdErr):
		return errorReport{Code: cmdErr.code, Message: cmdErr.message, Fix: cmdErr.fix}
	case errors.As(err, &invalid):
		return errorReport{Code: "validation_failed", Message: problemCount(len(invalid.Faults)), Errors: invalid.Faults, Fix: "Nothing was changed. Correct this and run it again."}
	case errors.As(err, &refusal):
		return errorReport{Code: refusal.Code, Message: refusal.Explanation, Fix: "Nothing was changed. " + refusal.Fix}
	case errors.Is(err, cardinal.ErrStale):
		return errorReport{Code: "stale", Message: "somebody changed it at the same moment", Fix: "Nothing was changed. Run it again."}
	case errors.Is(err, cardinal.ErrNotFound):
		return errorReport{Code: "not_found", Message: "there is no such thing", Fix: "Check the names and ids; the list commands show what there is."}
	case errors.Is(err, cardinal.ErrBusy):
		return errorReport{Code: "busy", Message: err.Error(), Fix: "Try again in a moment."}
	}
	return errorReport{Code: "failed", Message: err.Error(), Fix: "`cardinal db status` and `cardinal config show --origin` tell what it works with."}
}

func problemCount(n int) string {
	if n == 1 {
		return "there is a problem"
	}
	return fmt.Sprintf("there are %d problems", n)
}

// printError writes an error to w: for people, all faults at once and what to do in the last line; or as JSON.
func printError(w io.Writer, p errorReport, asJSON bool) {
	if asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		_ = encoder.Encode(map[string]errorReport{"error": p}) // nobody is left to be cmdErr
		return
	}
	text := "error: " + p.Message + "\n"
	for _, f := range p.Errors {
		text += "  " + flagName(f) + ": " + f.Message + "\n"
	}
	if p.Fix != "" {
		text += p.Fix + "\n"
	}
	_, _ = io.WriteString(w, text)
}

// flagName names the flag that an input's fault is about: /display_name is --display-name.
func flagName(f cardinal.Fault) string {
	if f.Parameter != "" {
		return f.Parameter
	}
	return strings.NewReplacer("_", "-", "/", " ").Replace(strings.TrimPrefix(strings.TrimPrefix(f.Pointer, "/profile"), "/"))
}
