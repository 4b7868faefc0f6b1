package directory_test

import (
	"os"
	"testing"

	"cardinal/internal/directory/directorytest"
	"cardinal/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// Short names for the helpers that almost every test uses.

type (
	world = directorytest.World
	event = directorytest.Event
)

const (
	goodPassword  = directorytest.Password
	otherPassword = directorytest.OtherPassword
	wrongPassword = directorytest.WrongPassword
)

var (
	noError       = directorytest.NoError
	expectRefusal = directorytest.ExpectRefusal
	errorCode     = directorytest.ErrorCode
	newEmail      = directorytest.NewEmail
)

// value returns the value of a call, or ends the test with the error of the call.
func value[T any](v T, err error) func(testing.TB) T { return directorytest.Value(v, err) }

// errorOf returns the error of a call that also returns a value.
func errorOf[T any](v T, err error) error { return directorytest.ErrorOf(v, err) }
