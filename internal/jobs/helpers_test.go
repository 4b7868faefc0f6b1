package jobs_test

import (
	"testing"

	"cardinal/internal/directory/directorytest"
)

// Short names for the helpers that almost every test uses.

type world = directorytest.World

var (
	noError       = directorytest.NoError
	expectRefusal = directorytest.ExpectRefusal
)

// value returns the value of a call, or ends the test with the error of the call.
func value[T any](v T, err error) func(testing.TB) T { return directorytest.Value(v, err) }

// errorOf returns the error of a call that also returns a value.
func errorOf[T any](v T, err error) error { return directorytest.ErrorOf(v, err) }
