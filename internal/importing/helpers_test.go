package importing_test

import (
	"io"
	"os"
	"strings"
	"testing"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/importfile"
	"cardinal/internal/importing"
	"cardinal/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// Short names for the helpers that almost every test uses.

type (
	world = directorytest.World
	event = directorytest.Event
)

const goodPassword = directorytest.Password

var (
	noError       = directorytest.NoError
	expectRefusal = directorytest.ExpectRefusal
)

// value returns the value of a call, or ends the test with the error of the call.
func value[T any](v T, err error) func(testing.TB) T { return directorytest.Value(v, err) }

// errorOf returns the error of a call that also returns a value.
func errorOf[T any](v T, err error) error { return directorytest.ErrorOf(v, err) }

// file is an import source in memory.
type file string

func (f file) Open() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(string(f))), nil }

// lines returns a file of JSON lines.
func lines(rows ...string) file { return file(strings.Join(rows, "\n") + "\n") }

// checkFile checks a file and returns the codes of its problems, by row.
func checkFile(t testing.TB, w *world, k directory.Desk, src importing.Source) (importing.Plan, map[int64][]string) {
	t.Helper()
	problems := map[int64][]string{}
	plan, err := importing.Check(t.Context(), k, src, importing.Options{Name: "people"},
		func(_ *importfile.Reader, row *importfile.Row, fieldErrors []cardinal.FieldError) error {
			for _, f := range fieldErrors {
				problems[row.Number] = append(problems[row.Number], strings.TrimPrefix(f.Pointer+" ", "/")+f.Code)
			}
			return nil
		}, noRows)
	noError(t, err)
	return plan, problems
}

// importFile imports a file as the operator.
func importFile(t testing.TB, w *world, src importing.Source) cardinal.ImportRun {
	t.Helper()
	k := w.Operator()
	plan, _ := checkFile(t, w, k, src)
	return value(importing.Run(t.Context(), k, src, importing.Options{Name: "people"}, plan, noProgress))(t)
}

// newImporter creates a user who is allowed to import and to grant the role auditor.
func newImporter(t testing.TB, w *world) (cardinal.User, directory.Desk) {
	t.Helper()
	u, _ := w.NewPerson(t)
	permissions := []string{"users.import", "roles.grant", "users.read", "roles.read", "settings.read", "audit.read"}
	w.Grant(t, u, w.NewRole(t, permissions...), nil)
	return u, w.DeskOf(u)
}

// noProgress and noRows ignore the progress of an import, ignoreRow a row with problems.
func noProgress(cardinal.ImportRun)                                              {}
func noRows(int64)                                                               {}
func ignoreRow(*importfile.Reader, *importfile.Row, []cardinal.FieldError) error { return nil }
