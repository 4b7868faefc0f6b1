package importfile

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// csvReader reads records of a limited length. Without the limit, a missing closing quote would read the whole file
// into memory.
type csvReader struct {
	*csv.Reader
	limit    *limitedReader
	comma    rune
	header   []string
	extras   []extra // of Supabase's table
	lastLine int64   // line of the last record
}

// limitedReader returns errRowTooLong after remaining bytes.
type limitedReader struct {
	in        io.Reader
	remaining int
}

var errRowTooLong = errors.New("a row is too long")

func (l *limitedReader) Read(p []byte) (int, error) {
	if l.remaining <= 0 {
		return 0, errRowTooLong
	}
	n, err := l.in.Read(p[:min(len(p), l.remaining)])
	l.remaining -= n
	return n, err
}

func openCSV(in *bufio.Reader, head []byte, o Options) (*Reader, error) {
	firstLine, _, _ := bytes.Cut(head, []byte("\n"))
	comma := ','
	for _, c := range ",;\t|" {
		if bytes.Count(firstLine, []byte(string(c))) > bytes.Count(firstLine, []byte(string(comma))) {
			comma = c
		}
	}
	limit := &limitedReader{in, 4 * maxRow}
	records := &csvReader{Reader: csv.NewReader(limit), limit: limit, comma: comma, lastLine: 1}
	records.Comma, records.FieldsPerRecord, records.ReuseRecord = comma, -1, true
	header, err := records.Reader.Read()
	if err != nil {
		return nil, fmt.Errorf("%w: line 1: the names of the columns cannot be read", ErrFile)
	}
	for _, name := range header {
		records.header = append(records.header, strings.TrimSpace(name))
	}
	r := &Reader{Format: "csv", csv: records}
	if o.Format == "supabase" || o.Format == "" && isSupabaseHeader(records.header) {
		r.Format = "supabase"
	}
	fields := o.Map
	if r.Format == "supabase" {
		if r.csv.extras, err = parseExtras(r.Format, fields); err != nil {
			return nil, err
		}
		fields = nil
	}
	if r.Columns, err = mapColumns(records.header, firstRecord(head, comma), fields); err != nil {
		return nil, err
	}
	r.next = func(row *Row) error { return r.nextRecord(row, o) }
	return r, nil
}

// firstRecord returns the first record after the header, nil when there is none.
func firstRecord(head []byte, comma rune) []string {
	r := csv.NewReader(bytes.NewReader(head))
	r.Comma, r.FieldsPerRecord = comma, -1
	r.Read()
	record, err := r.Read()
	if err != nil {
		return nil
	}
	return record
}

func (r *Reader) nextRecord(row *Row, o Options) error {
	r.csv.limit.remaining = 4 * maxRow
	record, err := r.csv.Reader.Read()
	var syntax *csv.ParseError
	switch {
	case errors.Is(err, errRowTooLong):
		return fmt.Errorf("%w: line %d: a row is longer than %d KiB; look for a missing closing quote", ErrFile,
			r.csv.lastLine+1, 4*maxRow>>10)
	case errors.As(err, &syntax):
		row.Line = int64(syntax.StartLine)
		row.record = append(row.record, record...)
		row.Errors.Add("", "row_malformed", fmt.Sprintf("put a field that has quotes into quotes "+
			"and double the quotes "+
			"in it; see line %d, column %d", syntax.Line, syntax.Column))
		return nil
	case err != nil:
		return err
	}
	line, _ := r.csv.FieldPos(0)
	row.Line, r.csv.lastLine = int64(line), int64(line)
	row.record = append(row.record, record...)
	switch {
	case len(record) != len(r.csv.header):
		row.Errors.Add("", "row_malformed", fmt.Sprintf("the header has %d columns, this row has %d",
			len(r.csv.header), len(record)))
		return nil
	case !utf8.ValidString(strings.Join(record, "")):
		row.Errors.Add("", "row_malformed", "write the file in UTF-8")
		return nil
	case r.Format == "supabase":
		row.raw = supabaseJSON(r.csv.header, record)
		converters["supabase"](row, o)
		row.addExtras(r.csv.extras)
		return nil
	}
	for i, c := range r.Columns {
		if value := strings.TrimSpace(record[i]); c.Field != "" && value != "" {
			if want := setField(&row.Person, c.Field, value); want != "" {
				row.Errors.Add("/"+strings.ReplaceAll(c.Field, ".", "/"), "field_type", want)
			}
		}
	}
	return nil
}
