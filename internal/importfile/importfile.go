// Package importfile reads users from files, one at a time in constant memory: JSON lines and CSV in Cardinal's own
// format, and exports of Auth0, Keycloak, Supabase, Kratos, Firebase and PocketBase. It reports all errors in the form
// of a row at once. Package directory checks whether the user can be created.
package importfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"cardinal"
)

// maxRow is the longest row, in bytes. All data that a user can have needs only a small part of it.
const maxRow = 64 << 10

// Options describe a file. With the zero Options the format is detected.
type Options struct {
	Format string // one of Formats, "" to detect it from the content
	// Map has the fields of columns of CSV by the names of the columns, "" to omit a column. The fields of other
	// columns are guessed. For another system's export it has attributes.NAME by the path of a member, like
	// user_metadata.team.
	Map map[string]string
	// Firebase has the hash parameters of the Firebase project. Without them, each password hash is an error of its
	// row.
	Firebase FirebaseHash
}

// Formats are the names of the formats.
var Formats = []string{"ndjson", "csv", "auth0", "keycloak", "supabase", "kratos", "firebase", "pocketbase"}

// ErrFile is the error of a file that cannot be read at all. Errors that wrap it have the reason and the correction.
var ErrFile = errors.New("import file")

// ColumnsError is an error in the columns of CSV. It is an ErrFile. Its message contains the names of the columns; in a
// file without a header these are data of the first user.
type ColumnsError struct{ message string }

// Error returns the reason and the correction.
func (e *ColumnsError) Error() string { return ErrFile.Error() + ": " + e.message }

// Unwrap makes every ColumnsError an ErrFile.
func (e *ColumnsError) Unwrap() error { return ErrFile }

// Row is one row of a file.
type Row struct {
	Number int64 // counted from 1
	Line   int64 // first line of the row, counted from 1
	Person cardinal.ImportRow
	Errors cardinal.FieldErrors // errors in the form of the row

	raw    []byte   // JSON
	record []string // CSV
}

// Reader reads rows.
type Reader struct {
	Format  string
	Columns []cardinal.ImportColumn // only for CSV

	number int64
	next   func(*Row) error
	csv    *csvReader
}

// Open starts to read a file. It returns an ErrFile for a file that cannot be read.
func Open(in io.Reader, o Options) (*Reader, error) {
	if o.Format != "" && !slices.Contains(Formats, o.Format) {
		return nil, fmt.Errorf("%w: there is no format %q; the formats are %s", ErrFile, o.Format,
			strings.Join(Formats, ", "))
	}
	b := bufio.NewReaderSize(in, maxRow+utf8.UTFMax)
	if bom, _ := b.Peek(3); bytes.Equal(bom, []byte("\uFEFF")) {
		b.Discard(3)
	}
	head, err := b.Peek(maxRow)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("read the file: %w", err)
	}
	text := bytes.TrimLeft(head, " \t\r\n")
	if len(text) == 0 {
		return nil, fmt.Errorf("%w: the file is empty", ErrFile)
	}
	isJSON := text[0] == '{' || text[0] == '['
	switch {
	case isJSON && o.Format != "csv":
		return openJSON(b, head, o)
	case !isJSON && (o.Format == "" || o.Format == "csv" || o.Format == "supabase"):
		return openCSV(b, head, o)
	}
	return nil, fmt.Errorf("%w: it is not %s: it begins with %q", ErrFile, o.Format, text[:1])
}

// Read reads the next row. It returns io.EOF after the last one. The slices of the row are valid until the next call.
// For a row with FieldErrors it returns nil.
func (r *Reader) Read(row *Row) error {
	*row = Row{record: row.record[:0]}
	if err := r.next(row); err != nil {
		return err
	}
	r.number++
	row.Number = r.number
	return nil
}

// ColumnOf returns the column of CSV that an error is in, like "column 3, mail". For other formats it returns "".
func (r *Reader) ColumnOf(f cardinal.FieldError) string {
	field, _, _ := strings.Cut(strings.TrimPrefix(f.Pointer, "/"), "/")
	for i, c := range r.Columns {
		if c.Field != "" && (c.Field == field || strings.HasPrefix(c.Field, field+".")) {
			return fmt.Sprintf("column %d, %s", i+1, c.Name)
		}
	}
	return ""
}

// addTooLong adds the error of a row that was skipped because of its length.
func (row *Row) addTooLong() {
	row.Errors.Add("", "row_too_long", fmt.Sprintf("%d KiB", maxRow>>10))
}
