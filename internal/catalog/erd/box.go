package erd

import (
	"math"
	"slices"
	"strings"
)

// All measures are in pixels of the drawing. Whatever a line can touch stands on a grid of unit, so that lines run on it.
const (
	unit       = 7
	lineUnits  = 2 // height of a line in a box
	titleUnits = 3 // height of a box's title

	fontSize, smallSize, titleSize = 11, 9.5, 12

	inset         = 7
	textInset     = 34 // of a column's name: the signs stand before it
	relationInset = 20
	maxNoteWidth  = 30 * unit // of a box, as far as only its indexes need more
)

// charWidth is the width of a character of a fixed-width font of size 1; of the usual ones none is wider.
const charWidth = 0.603

// box is a table as it is drawn. Its place and size are in units.
type box struct {
	table      *Table
	lines      []line
	notes      []string // what is said below the columns, before it is broken into lines
	x, y, w, h int
}

type lineKind int

const (
	columnLine lineKind = iota
	relationLine
	noteLine
)

// line is a line of text in a box.
type line struct {
	kind     lineKind
	text     string
	right    string // at the right edge
	relation int    // of the diagram, on a relationLine

	isKey, isNullable, isEncrypted bool
	class                          string
}

func newBox(d *Diagram, t *Table) *box {
	b := &box{table: t}
	for _, c := range t.Columns {
		l := line{kind: columnLine, text: c.Name, right: typeAbbreviations.Replace(c.Type), class: c.Class(), isEncrypted: c.IsSealed(),
			isNullable: !c.NotNull, isKey: slices.Contains(t.PrimaryKey(), c.Name)}
		l.isNullable = l.isNullable && !l.isKey
		l.right += b.marks(c.Name, l.isNullable)
		b.lines = append(b.lines, l)
		for i, r := range d.Relations {
			if r.From == t.Name && lastColumn(t, r.Columns) == c.Name {
				b.lines = append(b.lines, line{kind: relationLine, text: "→ " + r.To + ": " + r.Short(), relation: i})
			}
		}
	}
	for _, i := range t.secondaryIndexes() {
		if len(i.Columns) == 1 && i.Columns[0] != "" && i.Predicate == "" {
			continue // said by the column's mark
		}
		b.notes = append(b.notes, indexKind(i)+" "+indexText(i))
	}
	if t.PartitionKey != "" {
		b.notes = append(b.notes, "partitioned by "+t.PartitionKey)
	}
	b.measure()
	return b
}

// marks follow a column's type: ? for a column that may be empty, U and I for a unique rule or an index on it alone.
func (b *box) marks(column string, isNullable bool) string {
	var text string
	if isNullable {
		text = "?"
	}
	isUnique, isIndexed := false, false
	for _, i := range b.table.secondaryIndexes() {
		if len(i.Columns) == 1 && i.Columns[0] == column && i.Predicate == "" {
			isUnique, isIndexed = isUnique || i.Unique, true
		}
	}
	switch {
	case isUnique:
		text += " U"
	case isIndexed:
		text += " I"
	}
	return text
}

// lastColumn is the column of a foreign key that the table names last: below it the relation is told.
func lastColumn(t *Table, columns []string) string {
	var last string
	for _, c := range t.Columns {
		if slices.Contains(columns, c.Name) {
			last = c.Name
		}
	}
	return last
}

// measure gives the box the size that its text needs. What is said of indexes is broken into lines rather than making it wide.
func (b *box) measure() {
	width := textWidth(b.table.Name, titleSize) + 2*inset
	for _, l := range b.lines {
		if l.kind == relationLine {
			width = max(width, relationInset+textWidth(l.text, smallSize)+inset)
		} else {
			width = max(width, textInset+textWidth(l.text+" "+l.right, fontSize)+inset)
		}
	}
	for _, note := range b.notes {
		width = max(width, min(maxNoteWidth, textWidth(note, smallSize)+2*inset))
	}
	b.w = int(math.Ceil(width / unit))
	maxChars := int(float64(b.w*unit-2*inset) / (charWidth * smallSize))
	for _, note := range b.notes {
		for i, text := range wrap(note, maxChars-2) {
			if i > 0 {
				text = "  " + text
			}
			b.lines = append(b.lines, line{kind: noteLine, text: text})
		}
	}
	b.h = titleUnits + lineUnits*len(b.lines) + 1
}

// lineY is the middle of a line, in units.
func (b *box) lineY(i int) int { return b.y + titleUnits + lineUnits*i + 1 }

// relationY is the middle of the line that tells of a relation, in units.
func (b *box) relationY(relation int) int {
	return b.lineY(slices.IndexFunc(b.lines, func(l line) bool { return l.kind == relationLine && l.relation == relation }))
}

func textWidth(text string, size float64) float64 {
	return float64(len([]rune(text))) * charWidth * size
}

// wrap breaks text into lines of at most so many characters. A longer word stands alone on a line.
func wrap(text string, maxChars int) []string {
	var lines []string
	var line string
	for _, word := range strings.Fields(text) {
		if line != "" && len([]rune(line+" "+word)) > maxChars {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
