package importfile

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"slices"
	"strings"

	"cardinal"
)

// ProblemsWriter writes the rows with errors as they are in the file, together with their errors: as CSV with one more
// column, or as JSON lines with one more member. After corrections that file can be imported.
type ProblemsWriter struct {
	reader *Reader
	out    io.Writer
	csv    *csv.Writer
}

// problemsField is the column or member with the errors. A Reader ignores it.
const problemsField = "problems"

// ProblemsWriter returns a writer for the rows with errors of r.
func (r *Reader) ProblemsWriter(out io.Writer) *ProblemsWriter {
	return &ProblemsWriter{reader: r, out: out}
}

// Extension returns the extension of the name of that file: csv or ndjson.
func (r *Reader) Extension() string {
	if r.csv != nil {
		return "csv"
	}
	return "ndjson"
}

// Write writes the row that was read last, with its errors.
func (p *ProblemsWriter) Write(row *Row, fieldErrors []cardinal.FieldError) error {
	if p.reader.csv == nil {
		_, err := p.out.Write(append(row.jsonWithProblems(fieldErrors), '\n'))
		return err
	}
	if p.csv == nil {
		p.csv = csv.NewWriter(p.out)
		p.csv.Comma = p.reader.csv.comma
		if err := p.csv.Write(append(slices.Clone(p.reader.csv.header), problemsField)); err != nil {
			return err
		}
	}
	record := append([]string{}, row.record...)
	for len(record) < len(p.reader.csv.header) {
		record = append(record, "")
	}
	return p.csv.Write(append(record[:len(p.reader.csv.header)], describeErrors(fieldErrors)))
}

// Flush writes buffered rows.
func (p *ProblemsWriter) Flush() error {
	if p.csv == nil {
		return nil
	}
	p.csv.Flush()
	return p.csv.Error()
}

func describeErrors(fieldErrors []cardinal.FieldError) string {
	descriptions := make([]string, len(fieldErrors))
	for i, f := range fieldErrors {
		descriptions[i] = strings.TrimPrefix(strings.TrimPrefix(f.Pointer, "/")+": ", ": ") + f.Message
	}
	return strings.Join(descriptions, "; ")
}

// jsonWithProblems returns the row as JSON with its errors as one more member. A row that is not an object is a string
// in a member of a new object.
func (row *Row) jsonWithProblems(fieldErrors []cardinal.FieldError) []byte {
	problems, _ := json.Marshal(fieldErrors) // strings never fail
	var object map[string]json.RawMessage
	raw := bytes.TrimSpace(row.raw)
	if json.Unmarshal(raw, &object) == nil && bytes.HasSuffix(raw, []byte("}")) {
		delete(object, problemsField)
		comma := ","
		if len(object) == 0 {
			comma = ""
		}
		var compact bytes.Buffer
		if json.Compact(&compact, raw) == nil &&
			!bytes.Contains(compact.Bytes(), []byte(`"`+problemsField+`":`)) {
			text := compact.Bytes()
			return append(append(append(bytes.Clone(text[:len(text)-1]), comma+`"`+problemsField+`":`...), problems...),
				'}')
		}
		object[problemsField] = problems
		text, _ := json.Marshal(object)
		return text
	}
	text, _ := json.Marshal(map[string]any{
		"line": row.Line, "row": strings.Join(append(row.record, string(raw)), ","),
		problemsField: json.RawMessage(problems),
	})
	return text
}
