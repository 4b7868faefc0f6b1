package directorytest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardinal"
)

// Value returns the value of a call, or ends the test with the error of the call: Value(call())(t).
func Value[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		NoError(t, err)
		return v
	}
}

// ErrorOf returns the error of a call that also returns a value.
func ErrorOf[T any](_ T, err error) error { return err }

// NoError ends the test when there is an error.
func NoError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ErrorCode returns the code of a refusal, or the places and codes of all invalid fields in order; "" for no error.
func ErrorCode(err error) string {
	var invalid *cardinal.InvalidInput
	var refusal *cardinal.Refusal
	var stale *cardinal.Stale
	switch {
	case err == nil:
		return ""
	case errors.As(err, &invalid):
		fieldErrors := make([]string, len(invalid.Errors))
		for i, f := range invalid.Errors {
			fieldErrors[i] = f.Pointer + f.Parameter + " " + f.Code
		}
		slices.Sort(fieldErrors)
		return strings.Join(fieldErrors, ", ")
	case errors.As(err, &refusal):
		if _, known := cardinal.FindCode(refusal.Code); !known {
			return refusal.Code + " (not in the catalogue)"
		}
		return refusal.Code
	case errors.As(err, &stale):
		return fmt.Sprintf("stale %d", stale.Version)
	case errors.Is(err, cardinal.ErrNotFound):
		return "not_found"
	}
	return err.Error()
}

// ExpectRefusal ends the test unless the code of an error is the expected one.
func ExpectRefusal(t testing.TB, err error, want string) {
	t.Helper()
	if got := ErrorCode(err); got != want {
		t.Fatalf("the error code is %q, want %q (%v)", got, want, err)
	}
}

// ExpectSameJSON reports an error when two values differ in what a caller of the API sees of them.
func ExpectSameJSON(t testing.TB, want, got any) {
	t.Helper()
	x, y := Value(json.Marshal(want))(t), Value(json.Marshal(got))(t)
	if diff := cmp.Diff(string(x), string(y)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
