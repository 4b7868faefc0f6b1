package erd

import (
	"math"
	"slices"
	"strings"

	"github.com/rivo/uniseg"
)

// All sizes are in pixels of the drawing. Boxes and the ends of lines are on a grid of this unit, so that lines can
// follow the grid.
const (
	unit       = 7
	lineUnits  = 2 // height of a line in a box
	titleUnits = 3 // height of a box's title

	fontSize, smallSize, titleSize = 11, 9.5, 12

	inset         = 7
	textInset     = 34 // of a column's name: the signs are on its left
	relationInset = 20
	maxNoteWidth  = 30 * unit // of a box that is wider only because of its notes
)

// charWidth is the width of a character of a monospaced font of size 1. No usual font is wider.
const charWidth = 0.603

// box is the drawing of a table. Its position and size are in units.
type box struct {
	table      *Table
	lines      []line
	notes      []string // texts below the columns, before they are wrapped
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
	right    string // text at the right edge
	relation int    // index of the relation, for a relationLine

	isKey, isNullable, isEncrypted bool
	class                          string
}

func newBox(d *Diagram, t *Table) *box {
	b := &box{table: t}
	for _, c := range t.Columns {
		l := line{kind: columnLine, text: c.Name, right: typeAbbreviations.Replace(c.Type), class: c.Class(),
			isEncrypted: c.IsEncrypted(), isNullable: !c.NotNull, isKey: slices.Contains(t.PrimaryKey(), c.Name)}
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
			continue // shown by the column's mark
		}
		b.notes = append(b.notes, indexKind(i)+" "+indexText(i))
	}
	if t.PartitionKey != "" {
		b.notes = append(b.notes, "partitioned by "+t.PartitionKey)
	}
	b.measure()
	return b
}

// marks returns the marks after a column's type: ? for a nullable column, U for a unique column, I for an indexed
// column. Only indexes on this column alone count.
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

// lastColumn returns the last column of a foreign key in the order of the table. The relation's line is below it.
func lastColumn(t *Table, columns []string) string {
	var last string
	for _, c := range t.Columns {
		if slices.Contains(columns, c.Name) {
			last = c.Name
		}
	}
	return last
}

// measure sets the size of the box from its text. Notes are wrapped instead of making the box wider than maxNoteWidth.
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

// lineY returns the middle of a line, in units.
func (b *box) lineY(i int) int { return b.y + titleUnits + lineUnits*i + 1 }

// relationY returns the middle of the line of a relation, in units.
func (b *box) relationY(relation int) int {
	return b.lineY(slices.IndexFunc(b.lines, func(l line) bool {
		return l.kind == relationLine && l.relation == relation
	}))
}

// textWidth returns the width of text in a monospaced font of a size. Wide characters, such as Chinese ones and emoji,
// count twice; combining marks do not count.
func textWidth(text string, size float64) float64 {
	return float64(uniseg.StringWidth(text)) * charWidth * size
}

// wrap breaks text into lines of at most maxChars columns of a monospaced font. A longer word is on a line of its own.
func wrap(text string, maxChars int) []string {
	var lines []string
	var line string
	for _, word := range strings.Fields(text) {
		if line != "" && uniseg.StringWidth(line+" "+word) > maxChars {
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
