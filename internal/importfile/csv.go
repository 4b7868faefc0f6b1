package importfile

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"cardinal"
)

func number(n int64) string { return strconv.FormatInt(n, 10) }

// csvRows reads records, and bounds how much one may take: a quote that is not closed would swallow the file.
type csvRows struct {
	*csv.Reader
	bounded *bounded
	comma   rune
	header  []string
	extras  []extra // of Supabase's table
	last    int64   // line of the last record
}

type bounded struct {
	in   io.Reader
	left int
}

var errUnclosed = errors.New("a row is too long")

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errUnclosed
	}
	n, err := b.in.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

func openCSV(in *bufio.Reader, head []byte, o Options) (*Reader, error) {
	first, _, _ := bytes.Cut(head, []byte("\n"))
	comma := ','
	for _, c := range ",;\t|" {
		if bytes.Count(first, []byte(string(c))) > bytes.Count(first, []byte(string(comma))) {
			comma = c
		}
	}
	limit := &bounded{in, 4 * maxRow}
	rows := &csvRows{Reader: csv.NewReader(limit), bounded: limit, comma: comma, last: 1}
	rows.Comma, rows.FieldsPerRecord, rows.ReuseRecord = comma, -1, true
	header, err := rows.Reader.Read()
	if err != nil {
		return nil, fmt.Errorf("%w: line 1: the names of the columns cannot be read", ErrFile)
	}
	for _, name := range header {
		rows.header = append(rows.header, strings.TrimSpace(name))
	}
	r := &Reader{Format: "csv", csv: rows}
	if o.Format == "supabase" || o.Format == "" && supabaseHeader(rows.header) {
		r.Format = "supabase"
	}
	told := o.Map
	if r.Format == "supabase" {
		if r.csv.extras, err = extrasOf(r.Format, told); err != nil {
			return nil, err
		}
		told = nil
	}
	if r.Columns, err = columnsOf(rows.header, sampleOf(head, comma), told); err != nil {
		return nil, err
	}
	r.next = func(row *Row) error { return r.nextRecord(row, o) }
	return r, nil
}

// sampleOf is the first record after the header, for guesses; nil when there is none.
func sampleOf(head []byte, comma rune) []string {
	peek := csv.NewReader(bytes.NewReader(head))
	peek.Comma, peek.FieldsPerRecord = comma, -1
	peek.Read()
	sample, err := peek.Read()
	if err != nil {
		return nil
	}
	return sample
}

func (r *Reader) nextRecord(row *Row, o Options) error {
	r.csv.bounded.left = 4 * maxRow
	record, err := r.csv.Reader.Read()
	var parse *csv.ParseError
	switch {
	case errors.Is(err, errUnclosed):
		return fmt.Errorf("%w: line %d: a row goes on for more than %d KiB; is a quote not closed?", ErrFile, r.csv.last+1, 4*maxRow>>10)
	case errors.As(err, &parse):
		row.Line = int64(parse.StartLine)
		row.record = append(row.record, record...)
		row.Faults.Add("", "row_malformed", fmt.Sprintf("put text with quotes into quotes and double the inner ones, see line %d, column %d", parse.Line, parse.Column))
		return nil
	case err != nil:
		return err
	}
	line, _ := r.csv.FieldPos(0)
	row.Line, r.csv.last = int64(line), int64(line)
	row.record = append(row.record, record...)
	switch {
	case len(record) != len(r.csv.header):
		row.Faults.Add("", "row_malformed", fmt.Sprintf("the header has %d columns, this row has %d", len(r.csv.header), len(record)))
		return nil
	case !utf8.ValidString(strings.Join(record, "")):
		row.Faults.Add("", "row_malformed", "write the file in UTF-8")
		return nil
	case r.Format == "supabase":
		row.raw = supabaseRecord(r.csv.header, record)
		converters["supabase"](row, o)
		row.take(r.csv.extras)
		return nil
	}
	for i, c := range r.Columns {
		if value := strings.TrimSpace(record[i]); c.Field != "" && value != "" {
			if message := set(&row.Person, c.Field, value); message != "" {
				row.Faults.Add("/"+strings.ReplaceAll(c.Field, ".", "/"), "field_type", message)
			}
		}
	}
	return nil
}

// set puts a text into a field; it returns what to do when it cannot.
func set(p *cardinal.ImportRow, field, value string) (message string) {
	switch field {
	case "id":
		id, err := uuid.Parse(value)
		if err != nil {
			return "a UUID"
		}
		p.ID = id
	case "created_at", "deleted_at", "password_set_at":
		t, ok := moment(value)
		if !ok {
			return "a time like 2026-03-14T09:26:53Z"
		}
		*map[string]**time.Time{"created_at": &p.CreatedAt, "deleted_at": &p.DeletedAt, "password_set_at": &p.PasswordSetAt}[field] = &t
	case "email_verified", "phone_verified", "must_change_password":
		yes, ok := truth(value)
		if !ok {
			return "true or false"
		}
		*map[string]*bool{"email_verified": &p.EmailVerified, "phone_verified": &p.PhoneVerified, "must_change_password": &p.MustChangePassword}[field] = yes
	case "display_name":
		p.DisplayName = strings.TrimSpace(p.DisplayName + " " + value) // given and family name may stand in two columns
	case "roles":
		for _, name := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(",;| ", r) }) {
			p.Roles = append(p.Roles, cardinal.ImportRole{Name: name})
		}
	case "preferences", "attributes":
		if json.Unmarshal([]byte(value), map[string]any{"preferences": &p.Preferences, "attributes": &p.Attributes}[field]) != nil {
			return "a JSON object"
		}
	default:
		return setText(p, field, value)
	}
	return ""
}

func setText(p *cardinal.ImportRow, field, value string) (message string) {
	if name, ok := strings.CutPrefix(field, "attributes."); ok {
		if p.Attributes == nil {
			p.Attributes = map[string]any{}
		}
		p.Attributes[name] = value
		return ""
	}
	*map[string]*string{"kind": &p.Kind, "status": &p.Status, "status_before_deletion": &p.StatusBeforeDeletion, "username": &p.Username, "email": &p.Email,
		"phone": &p.Phone, "avatar_url": &p.AvatarURL, "country": &p.Country, "locale": &p.Locale, "time_zone": &p.TimeZone, "password_hash": &p.PasswordHash}[field] = value
	return ""
}

func truth(s string) (yes, ok bool) {
	switch strings.ToLower(s) {
	case "true", "t", "yes", "y", "1":
		return true, true
	case "false", "f", "no", "n", "0":
		return false, true
	}
	return false, false
}

// moment reads a time as systems write it: RFC 3339, with a blank instead of the T, or a number of seconds or milliseconds.
func moment(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999-07", "2006-01-02 15:04:05", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case err != nil || n <= 0:
		return time.Time{}, false
	case n > 1e11:
		return time.UnixMilli(n).UTC(), true
	}
	return time.Unix(n, 0).UTC(), true
}
