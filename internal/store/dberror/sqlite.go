package dberror

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"modernc.org/sqlite"

	"cardinal"
	"cardinal/internal/store/schema"
)

// Result codes, https://www.sqlite.org/rescode.html.
const (
	sqliteBusy       = 5
	sqliteReadonly   = 8
	sqliteFull       = 13
	sqliteConstraint = 19
)

// IsSQLiteBusy reports whether another connection has locked the database.
func IsSQLiteBusy(err error) bool {
	var lite *sqlite.Error
	return errors.As(err, &lite) && lite.Code()&0xff == sqliteBusy
}

// uniqueViolationText matches the columns of an index, or the name of an index over an expression.
var uniqueViolationText = regexp.MustCompile(`UNIQUE constraint failed: (?:index '([a-z_]+)'|([a-z_., ]+))`)

// SQLite classifies an error of SQLite. It finds the name of a violated constraint: for a CHECK, SQLite reports its
// name; the triggers write the name before a colon; for a unique index SQLite reports only the columns, and for a
// foreign key nothing.
func SQLite(err error) error {
	var lite *sqlite.Error
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &lite):
		return fmt.Errorf("%s%w", methodOf(err), err)
	}
	text, method, code := lite.Error(), methodOf(err), sqliteCode(lite)
	switch lite.Code() & 0xff {
	case sqliteConstraint:
		name := "unknown"
		if m := uniqueViolationText.FindStringSubmatch(text); m != nil {
			if name = m[1]; name == "" {
				name = uniqueConstraintName(strings.TrimSpace(m[2]))
			}
		} else if strings.Contains(text, "FOREIGN KEY") {
			name = "foreign_key"
		} else if _, rest, ok := strings.Cut(text, "CHECK constraint failed: "); ok {
			name, _, _ = strings.Cut(rest, " ")
		} else if _, rest, ok := strings.Cut(text, "NOT NULL constraint failed: "); ok {
			column, _, _ := strings.Cut(rest, " ")
			name = strings.ReplaceAll(column, ".", "_") + "_not_null"
		} else if m := regexp.MustCompile(`([a-z_]+): `).FindAllStringSubmatch(text, -1); m != nil {
			name = m[len(m)-1][1]
		}
		return &Violation{Constraint: name, method: method, code: code}
	case sqliteBusy:
		return fmt.Errorf("%s%w: another process is writing to the database", method, cardinal.ErrBusy)
	case sqliteFull:
		return fmt.Errorf("%w: the disk is full", cardinal.ErrBusy)
	case sqliteReadonly:
		return fmt.Errorf("%w: the database file is read-only", cardinal.ErrBusy)
	}
	return &codeError{method, code}
}

// sqliteCode is the result code with its name.
func sqliteCode(lite *sqlite.Error) string {
	text := fmt.Sprintf("SQLite: code %d", lite.Code())
	if name, ok := sqlite.ErrorCodeString[lite.Code()&0xff]; ok {
		text += " (" + name + ")"
	}
	return text
}

var (
	uniqueConstraintNames     map[string]string
	uniqueConstraintNamesOnce sync.Once
)

// uniqueConstraintName looks up the name of the constraint on some columns, given as "table.a, table.b", in the text of
// the schema.
func uniqueConstraintName(columns string) string {
	uniqueConstraintNamesOnce.Do(func() {
		uniqueConstraintNames = map[string]string{}
		definition := regexp.MustCompile(`(?m)^CREATE TABLE (\w+)` +
			`|CONSTRAINT (\w+) (?:PRIMARY KEY|UNIQUE) \(([\w, ]+)\)` +
			`|^CREATE UNIQUE INDEX (\w+) ON (\w+) \(([\w, ]+)\)`)
		for _, f := range schema.Embedded("sqlite") {
			table := ""
			for _, m := range definition.FindAllStringSubmatch(f.Script, -1) {
				name, of, list := m[2], table, m[3]
				switch {
				case m[1] != "":
					table = m[1]
					continue
				case m[4] != "":
					name, of, list = m[4], m[5], m[6]
				}
				parts := strings.Split(list, ", ")
				for i := range parts {
					parts[i] = of + "." + parts[i]
				}
				uniqueConstraintNames[strings.Join(parts, ", ")] = name
			}
		}
	})
	if name, ok := uniqueConstraintNames[columns]; ok {
		return name
	}
	return "unique " + columns
}
