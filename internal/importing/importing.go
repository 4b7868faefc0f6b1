// Package importing imports users from files, and exports them in the same format. Its functions take the caller's
// desk.
//
// An import has these steps:
//
//   - Check reads the whole file and writes nothing. It reports every row with problems and counts what an import
//     would do.
//   - Run reads the file again, builds the rows of each new user and writes them in batches. Resume continues an
//     import that was interrupted.
//   - Undo erases the users that an import created, except those that have changed or signed in since.
//
// The command line does this with a file of its own. A file that is uploaded over HTTP is still needed after its
// request: Upload stores it in the database in encrypted chunks, and the job imports.run checks it, writes it after
// Start, and undoes it after StartUndo, by the same code. The service works with the permissions that the requesting
// user has at that time.
//
// Every step that a user requests passes directory.Change, which checks the permission and appends an audit event:
// upload, start, finish, undo and export, and also the end of an import that failed or whose files expired. Two kinds
// of writes do not pass it:
//
//   - The batches of new users. An import writes 1,000 users per transaction, while Change writes one change with one
//     event. An event cannot be left out here either: it is one of the rows of each new user (store.NewPerson), next
//     to the profile and the contacts. The permissions are checked in each of these transactions (requireBatch).
//   - The chunks of an uploaded file and the progress of its check (updateRun). They do not change a user.
package importing

import (
	"io"

	"cardinal"
	"cardinal/internal/importfile"
)

// Source is a file that can be read more than once.
type Source interface {
	// Open returns a reader of the file from its beginning.
	Open() (io.ReadCloser, error)
}

// Options say how a file is read.
type Options struct {
	Name string // of the file, for the list of imports
	File importfile.Options
}

// OnInvalidRow is called with each row that has problems.
type OnInvalidRow func(r *importfile.Reader, row *importfile.Row, fieldErrors []cardinal.FieldError) error

// batchSize is how many rows are in memory and in a transaction together. Tests set a smaller one.
var batchSize = 1000
