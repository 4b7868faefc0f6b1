package schema

import (
	"fmt"
	"regexp"
	"strings"
)

// Scan is the parsed script of a backfill. It scans a table in the order of its primary key, which consists of ids. The
// statement changes the rows of one batch: {batch} in it is replaced by the condition for these rows.
type Scan struct {
	Table     string
	Key       []string // the columns of the primary key
	Statement string
}

const scanHeading = `-- backfill: `

var scanHeadingPattern = regexp.MustCompile(`^` + scanHeading + `(\w+) \(([\w, ]+)\)`)

// Scan parses the script of a backfill.
func (m Migration) Scan() (Scan, error) {
	head := scanHeadingPattern.FindStringSubmatch(m.Script)
	if head == nil || !strings.Contains(m.Script, "{batch}") {
		return Scan{}, fmt.Errorf("migration %s does not begin with %sTABLE (KEY, ...), or has no {batch}",
			m, scanHeading)
	}
	statement := strings.TrimRight(m.Script, "; \n")
	return Scan{Table: head[1], Key: strings.Split(head[2], ", "), Statement: statement}, nil
}

// Parameters are the placeholders of a key, as "($3, $4)".
func (s Scan) Parameters(first int) string {
	names := make([]string, len(s.Key))
	for i := range names {
		names[i] = fmt.Sprintf("$%d", first+i)
	}
	return "(" + strings.Join(names, ", ") + ")"
}

// Columns are the columns of the key, as "user_id, id".
func (s Scan) Columns() string { return strings.Join(s.Key, ", ") }
