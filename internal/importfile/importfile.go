// Package importfile reads people out of files, one at a time and in constant memory: JSON lines and CSV in Cardinal's own format,
// and what Auth0, Keycloak, Supabase, Kratos, Firebase and PocketBase export. It finds what is wrong with the form of a row, all of it
// at once; whether a person may be made of it is the directory's to say.
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

// maxRow is the longest row, in bytes: what a person may have fits many times.
const maxRow = 64 << 10

// Options say how to read a file; the zero Options find out.
type Options struct {
	Format string // one of Formats, "" to recognise it by its content
	// Map has for CSV the fields by column, "" to leave a column out; what is not named is guessed. For another system's export it has
	// attributes.NAME by the path of a member, like user_metadata.team.
	Map map[string]string
	// Firebase is the project's hash configuration, as Firebase shows it; without it Firebase's passwords are left out as faulty.
	Firebase FirebaseHash
}

// Formats are the names of the formats.
var Formats = []string{"ndjson", "csv", "auth0", "keycloak", "supabase", "kratos", "firebase", "pocketbase"}

// ErrFile says that a file cannot be read at all; the error says why and what to do.
var ErrFile = errors.New("import file")

// ColumnsError says what is wrong with the columns of CSV, by their names: without a line of names those are the first person's data.
// It is an ErrFile.
type ColumnsError struct{ message string }

// Error says what is wrong.
func (e *ColumnsError) Error() string { return ErrFile.Error() + ": " + e.message }

// Unwrap makes it an ErrFile.
func (e *ColumnsError) Unwrap() error { return ErrFile }

// Row is one row of a file.
type Row struct {
	Number int64 // counted from 1
	Line   int64 // in which it begins
	Person cardinal.ImportRow
	Faults cardinal.Faults // of its form

	raw    []byte   // JSON
	record []string // CSV
}

// Reader reads rows.
type Reader struct {
	Format  string
	Columns []cardinal.ImportColumn // of CSV

	number int64
	next   func(*Row) error
	csv    *csvRows
}

// Open begins to read a file. It returns an ErrFile for one that it can make nothing of.
func Open(in io.Reader, o Options) (*Reader, error) {
	if o.Format != "" && !slices.Contains(Formats, o.Format) {
		return nil, fmt.Errorf("%w: there is no format %q; choose one of %s", ErrFile, o.Format, strings.Join(Formats, ", "))
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
		return nil, fmt.Errorf("%w: it is empty", ErrFile)
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

// Read returns the next row, io.EOF after the last. Its slices are good until the next call. A row with Faults is no error.
func (r *Reader) Read(row *Row) error {
	*row = Row{record: row.record[:0]}
	if err := r.next(row); err != nil {
		return err
	}
	r.number++
	row.Number = r.number
	return nil
}

// Place says which column of CSV a fault is about: "column 3, mail"; "" elsewhere.
func (r *Reader) Place(f cardinal.Fault) string {
	field, _, _ := strings.Cut(strings.TrimPrefix(f.Pointer, "/"), "/")
	for i, c := range r.Columns {
		if c.Field != "" && (c.Field == field || strings.HasPrefix(c.Field, field+".")) {
			return fmt.Sprintf("column %d, %s", i+1, c.Name)
		}
	}
	return ""
}

// tooLong is a row that was skipped unread.
func (row *Row) tooLong() {
	row.Faults.Add("", "row_too_long", fmt.Sprintf("%d KiB", maxRow>>10))
}
