package importfile

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"strings"

	"cardinal"
)

// Problems writes rows that have problems as the file had them, with the problems beside them: as CSV with one more column, or as
// lines of JSON with one more member. Corrected, that file can be imported.
type Problems struct {
	reader *Reader
	out    io.Writer
	csv    *csv.Writer
}

// problemField is the column or member that holds the problems; a reader leaves it out.
const problemField = "problems"

// Problems begins such a file for what r reads.
func (r *Reader) Problems(out io.Writer) *Problems { return &Problems{reader: r, out: out} }

// Extension is that of the file: csv or ndjson.
func (r *Reader) Extension() string {
	if r.csv != nil {
		return "csv"
	}
	return "ndjson"
}

// Write adds the row just read, with its faults.
func (p *Problems) Write(row *Row, faults []cardinal.Fault) error {
	if p.reader.csv == nil {
		_, err := p.out.Write(append(row.WithProblems(faults), '\n'))
		return err
	}
	if p.csv == nil {
		p.csv = csv.NewWriter(p.out)
		p.csv.Comma = p.reader.csv.comma
		if err := p.csv.Write(append(p.reader.csv.header[:len(p.reader.csv.header):len(p.reader.csv.header)], problemField)); err != nil {
			return err
		}
	}
	record := append([]string{}, row.record...)
	for len(record) < len(p.reader.csv.header) {
		record = append(record, "")
	}
	return p.csv.Write(append(record[:len(p.reader.csv.header)], inWords(faults)))
}

// Flush writes what is held back.
func (p *Problems) Flush() error {
	if p.csv == nil {
		return nil
	}
	p.csv.Flush()
	return p.csv.Error()
}

func inWords(faults []cardinal.Fault) string {
	said := make([]string, len(faults))
	for i, f := range faults {
		said[i] = strings.TrimPrefix(strings.TrimPrefix(f.Pointer, "/")+": ", ": ") + f.Message
	}
	return strings.Join(said, "; ")
}

// WithProblems is the row as JSON, with its faults as one more member: a row that is no object stands as a text beside them.
func (row *Row) WithProblems(faults []cardinal.Fault) []byte {
	said, _ := json.Marshal(faults) // texts always encode
	var object map[string]json.RawMessage
	raw := bytes.TrimSpace(row.raw)
	if json.Unmarshal(raw, &object) == nil && bytes.HasSuffix(raw, []byte("}")) {
		delete(object, problemField)
		comma := ","
		if len(object) == 0 {
			comma = ""
		}
		var one bytes.Buffer
		if json.Compact(&one, raw) == nil && !bytes.Contains(one.Bytes(), []byte(`"`+problemField+`":`)) {
			text := one.Bytes()
			return append(append(append(bytes.Clone(text[:len(text)-1]), comma+`"`+problemField+`":`...), said...), '}')
		}
		object[problemField] = said
		text, _ := json.Marshal(object)
		return text
	}
	text, _ := json.Marshal(map[string]any{"line": row.Line, "row": strings.Join(append(row.record, string(raw)), ","), problemField: json.RawMessage(said)})
	return text
}
