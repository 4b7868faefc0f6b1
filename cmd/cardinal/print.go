package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"cardinal"
)

// listPage is a list as JSON: the shape of a page of the HTTP API, with the id after which the next page starts.
type listPage[T any] struct {
	Data    []T    `json:"data"`
	HasMore bool   `json:"has_more"`
	Next    string `json:"next,omitempty"` // for --after
}

// pageFlags are the flags of a list that is read in pages.
type pageFlags struct {
	limit int
	after string
}

// check is called before the database is opened.
func (p pageFlags) check() error {
	if p.limit < 1 {
		return usageError("Give 1 or more.", "--limit %d is too small", p.limit)
	}
	if _, err := uuid.Parse(p.after); p.after != "" && err != nil {
		return usageError("Give the id that the previous list printed.", "--after is not a valid id")
	}
	return nil
}

const maxPageSize = 200 // the limit of the directory

// paginate reads page after page until it has the number of items that --limit gives.
func paginate[T any](p pageFlags, descending bool, id func(T) uuid.UUID,
	fetch func(cardinal.Page) (cardinal.List[T], error),
) (listPage[T], error) {
	out := listPage[T]{Data: []T{}}
	page := cardinal.Page{Descending: descending}
	if p.after != "" {
		page.After = uuid.MustParse(p.after) // validated by check
	}
	for {
		page.Limit = min(maxPageSize, p.limit-len(out.Data))
		found, err := fetch(page)
		if err != nil {
			return out, err
		}
		out.Data = append(out.Data, found.Data...)
		out.HasMore = found.HasMore
		if !found.HasMore {
			return out, nil
		}
		if page.After = found.After; page.After == uuid.Nil {
			page.After = id(out.Data[len(out.Data)-1])
		}
		if len(out.Data) >= p.limit {
			out.Next = page.After.String()
			return out, nil
		}
	}
}

// printList prints a list in the format that the flags choose. columns are the fields of the table without --fields.
func printList[T any](a *app, l listPage[T], columns ...string) error {
	if len(a.fields) > 0 {
		if err := checkFields(reflect.TypeFor[T](), a.fields); err != nil {
			return err
		}
		columns = a.fields
	}
	if a.json {
		if len(a.fields) == 0 {
			return a.printJSON(l)
		}
		data := make([]json.RawMessage, len(l.Data))
		for i, v := range l.Data {
			o, err := toObject(v)
			if err != nil {
				return err
			}
			if data[i], err = selectFields(o, columns); err != nil {
				return err
			}
		}
		return a.printJSON(listPage[json.RawMessage]{Data: data, HasMore: l.HasMore, Next: l.Next})
	}
	rows := make([][]string, len(l.Data))
	for i, v := range l.Data {
		o, err := toObject(v)
		if err != nil {
			return err
		}
		for _, name := range columns {
			text := displayText(o, name, a.csv)
			if a.csv && !a.exact {
				text = spreadsheetText(text)
			}
			rows[i] = append(rows[i], text)
		}
	}
	if a.csv {
		return a.printCSV(columns, rows)
	}
	if len(rows) == 0 {
		a.printNote("none")
		return nil
	}
	if err := a.printTable(columns, rows); err != nil {
		return err
	}
	if l.Next != "" {
		a.printNote("there are more: --after %s", l.Next)
	}
	return nil
}

// printItem prints one object: one field per line, or JSON.
func printItem[T any](a *app, v T, lines ...string) error {
	if len(a.fields) > 0 {
		if err := checkFields(reflect.TypeFor[T](), a.fields); err != nil {
			return err
		}
		lines = a.fields
	}
	o, err := toObject(v)
	if err != nil {
		return err
	}
	if a.json {
		if len(a.fields) == 0 {
			return a.printJSON(v)
		}
		selected, err := selectFields(o, lines)
		if err != nil {
			return err
		}
		return a.printJSON(selected)
	}
	var rows [][]string
	for _, name := range lines {
		if text := displayText(o, name, false); text != "" {
			rows = append(rows, []string{fieldLabel(name), text})
		}
	}
	return writeTable(a.out, rows)
}

// printChanged prints what a command changed and the command that undoes it; undo is "" when that is not possible.
func printChanged[T any](a *app, v T, undo, format string, values ...any) error {
	if a.json || len(a.fields) > 0 {
		return printChangedItem(a, v, undo)
	}
	fmt.Fprintf(a.out, format+"\n", values...)
	line := "This cannot be undone."
	if undo != "" {
		line = "undo: " + undo
	}
	_, err := fmt.Fprintln(a.out, line)
	return err
}

// printChangedItem prints the object after the change, with the undo command as one more field.
func printChangedItem[T any](a *app, v T, undo string) error {
	if len(a.fields) > 0 {
		return printItem(a, v)
	}
	text, err := encodeJSON(v)
	if err != nil {
		return err
	}
	if undo != "" {
		line, err := encodeJSON(undo)
		if err != nil {
			return err
		}
		text = append(append(append(text[:len(text)-1], `,"undo":`...), line...), '}')
	}
	return a.printJSON(json.RawMessage(text))
}

func (a *app) printJSON(v any) error {
	text, err := encodeJSON(v)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err = a.out.Write(b.Bytes())
	return err
}

func (a *app) printCSV(columns []string, rows [][]string) error {
	w := csv.NewWriter(a.out)
	if err := w.Write(columns); err != nil {
		return err
	}
	return w.WriteAll(rows)
}

// spreadsheetText returns a text that a spreadsheet does not take for a formula (OWASP, CSV Injection): names are input
// of users, and a formula can send other cells away.
func spreadsheetText(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		return "'" + text
	}
	return text
}

func (a *app) printTable(columns []string, rows [][]string) error {
	headers := make([]string, len(columns))
	for i, name := range columns {
		headers[i] = strings.ToUpper(fieldLabel(name))
	}
	return writeTable(a.out, append([][]string{headers}, rows...))
}

// fieldLabel returns the last part of a field's name, with spaces for underscores.
func fieldLabel(name string) string {
	return strings.ReplaceAll(name[strings.LastIndexByte(name, '.')+1:], "_", " ")
}

// cellText returns a JSON value as text: exact for CSV, shortened and sanitized for tables.
func cellText(v any, exact bool) string {
	switch v := v.(type) {
	case nil:
		return ""
	case bool:
		if exact {
			return strconv.FormatBool(v)
		}
		return map[bool]string{true: "yes", false: "no"}[v]
	case json.Number:
		return v.String()
	case string:
		if exact {
			return v
		}
		if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return t.UTC().Format("2006-01-02 15:04:05Z")
		}
		return sanitize(v)
	case []any:
		if !exact && !slices.ContainsFunc(v, isNested) {
			parts := make([]string, len(v))
			for i, part := range v {
				parts[i] = cellText(part, false)
			}
			return strings.Join(parts, ", ")
		}
	}
	text, err := encodeJSON(v)
	if err != nil || string(text) == "{}" || string(text) == "[]" {
		return ""
	}
	if exact {
		return string(text)
	}
	return sanitize(string(text))
}

func isNested(v any) bool {
	switch v.(type) {
	case []any, map[string]any:
		return true
	}
	return false
}

// sanitize replaces control characters and bidirectional formatting characters: names and user agents are input of
// users, and must not move the terminal's cursor or reverse its text.
func sanitize(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 || r == 0x2028 ||
			r == 0x2029 {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
