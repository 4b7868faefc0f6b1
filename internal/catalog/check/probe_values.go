package check

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"cardinal"
	"cardinal/internal/catalog"
)

// candidates returns values to try in a column: mostly invalid ones, and values of other columns and rows, which are
// invalid in this place.
func (p *prober) candidates(t *catalog.Table, c *catalog.Column, r row) []string {
	if p.candidateCache[c] == nil {
		p.candidateCache[c] = append(p.referencedValues(t, *c), p.invalidValues(*c)...)
	}
	pool := slices.Clone(p.candidateCache[c])
	switch strings.ToLower(c.Type) {
	case "uuid", "blob":
		pool = append(pool, p.asVersion4(r[c.Name]), p.freshID(r[c.Name]))
	}
	for _, other := range t.Columns {
		if other.Type == c.Type {
			pool = append(pool, r[other.Name])
		}
	}
	seen := map[string]bool{"": true, r[c.Name]: true}
	return slices.DeleteFunc(pool, func(v string) bool {
		defer func() { seen[v] = true }()
		return seen[v]
	})
}

// invalidValues returns values that some rule about a type refuses.
func (p *prober) invalidValues(c catalog.Column) []string {
	clear, short := p.bytesLiteral([]byte("clear text that is long enough to pass for ciphertext"), false),
		p.bytesLiteral([]byte{1}, false)
	hash := p.bytesLiteral(make([]byte, 32), false) // for example of a token, without a key
	system := p.bytesLiteral(cardinal.SystemID[:], true)
	switch strings.ToLower(c.Type) {
	case "text":
		return []string{"''", "'nosuch'", "'NOT A CODE!'", quoteLiteral(strings.Repeat("x", 2000)), "'[]'", "'{}'",
			"'{'", "'5f4dcc3b5aa765d61d8327deb882cf99'", "NULL"}
	case "jsonb":
		return []string{"'[]'", "'{}'", "'null'", "'1'", "NULL"}
	case "boolean":
		return []string{"TRUE", "FALSE", "NULL"}
	case "timestamp with time zone":
		return []string{"'1970-01-01T00:00:01Z'", "'9000-01-01T00:00:00Z'", "NULL"}
	case "uuid":
		return []string{system, "NULL"}
	case "bytea":
		return []string{clear, short, hash, "NULL"}
	case "blob":
		return []string{clear, short, hash, system, "NULL"}
	}
	numbers := []string{"-1", "0", "1", "2", "1000001", "1000000000", "NULL"}
	if p.engine == "sqlite" { // times and booleans are numbers on SQLite
		numbers = append(numbers, "1000000", "253402300800000000", "250000000000000000")
	}
	return numbers
}

// referencedValues returns the values that a column can refer to.
func (p *prober) referencedValues(t *catalog.Table, c catalog.Column) (values []string) {
	for _, k := range t.ForeignKeys() {
		if i := slices.Index(k.Columns, c.Name); i >= 0 {
			for _, other := range p.rows[k.References] {
				values = append(values, other[k.ReferencedColumns[i]])
			}
		}
	}
	return values
}

// freshValue returns a value of the same form that no row has.
func (p *prober) freshValue(c catalog.Column, like, text string) string {
	switch strings.ToLower(c.Type) {
	case "text":
		return text
	case "uuid":
		return p.freshID(like)
	case "bytea", "blob":
		if len(like) == len("X'")+2*16+len("'") {
			return p.freshID(like)
		}
		p.freshCount++
		b := binary.BigEndian.AppendUint32(nil, uint32(p.freshCount)+1<<24) // #nosec G115 -- a count of probes
		if text := p.bytesLiteral(b, false); len(like) >= len(p.bytesLiteral(make([]byte, 32), false)) {
			tail := text[len(text)-len("00000000'"):]
			return like[:len(like)-len(tail)] + tail // the bytes before can be a form
		}
		return p.bytesLiteral(append(b, make([]byte, 28)...), false)
	case "timestamp with time zone":
		return "'2001-01-01T00:00:00Z'"
	}
	p.freshCount++
	return fmt.Sprint(1000 + p.freshCount)
}

// freshID returns an id of the same millisecond as another one, so that it belongs to the same month.
func (p *prober) freshID(like string) string {
	p.freshCount++
	if len(like) < 30 {
		like = p.sampleID
	}
	tail := fmt.Sprintf("%08X'", uint32(p.freshCount)+1<<24) // #nosec G115 -- a count of probes
	if p.engine == "postgres" {
		tail = strings.ToLower(tail)
	}
	return like[:len(like)-len(tail)] + tail
}

// asVersion4 returns an id of the same month that is not a UUIDv7.
func (p *prober) asVersion4(id string) string {
	at := len("'00000000-0000-")
	if p.engine == "sqlite" {
		at = len("X'000000000000")
	}
	if len(id) < at+10 {
		return ""
	}
	return id[:at] + "4" + id[at+1:]
}
