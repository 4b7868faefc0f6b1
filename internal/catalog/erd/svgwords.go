package erd

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// The description in words stands in columns below the drawing.
const (
	wordsWidth = 420 // of a column, about
	wordsSize  = 11
	wordsLead  = 15 // from line to line
	wordsSpace = 28 // between columns, and between tables
)

// wordsPart is the finished lower part of a page.
type wordsPart struct {
	bytes.Buffer
	height int
}

// paragraph is text that is broken into lines.
type paragraph struct {
	lines  []string
	indent int
}

// words tells each table in words: what it is, its columns, its relations, its indexes.
func (p *page) words(width, top int) *wordsPart {
	columns := max(1, (width-wordsSpace)/(wordsWidth+wordsSpace))
	room := (width-wordsSpace)/columns - wordsSpace
	tables := p.layout.diagram.byArea()
	var told [][]paragraph
	total := 0
	for i := range tables {
		told = append(told, p.layout.diagram.tell(&tables[i], room))
		total += heightOfWords(told[i])
	}
	q := &page{palette: p.palette, colour: p.colour}
	heading := top + 30
	q.element("text", "In words", "x", wordsSpace, "y", heading, "role", "heading", "aria-level", 2, "font-family", prose, "font-size", 18,
		"font-weight", "bold", "fill", p.palette.text)
	start, lowest, filled := heading+20, heading, 0
	y := start
	for i, column := 0, 0; i < len(tables); i++ {
		height := heightOfWords(told[i])
		if c := min(columns-1, (filled+height/2)*columns/total); c != column {
			column, y = c, start
		}
		q.section(&tables[i], told[i], wordsSpace+column*(room+wordsSpace), y)
		y += height
		filled += height
		lowest = max(lowest, y)
	}
	part := &wordsPart{height: lowest - top + 20}
	q.WriteTo(part)
	return part
}

func heightOfWords(told []paragraph) int {
	lines := 0
	for _, t := range told {
		lines += len(t.lines)
	}
	return lines*wordsLead + wordsLead + 2*wordsSpace
}

// tell describes a table, broken into lines of a width.
func (d *Diagram) tell(t *Table, width int) []paragraph {
	told := []paragraph{paragraphOf(tableFacts(t), width, 0)}
	for i := range t.Columns {
		told = append(told, paragraphOf("• "+columnWords(t, i), width, 10))
	}
	for _, sentence := range d.relationWords(t) {
		told = append(told, paragraphOf("→ "+sentence, width, 10))
	}
	for _, i := range t.plainIndexes() {
		told = append(told, paragraphOf("– "+indexKind(i)+": "+keyText(i), width, 10))
	}
	return slices.DeleteFunc(told, func(p paragraph) bool { return len(p.lines) == 0 })
}

// columnWords are a column's name, type, whether it must be given, data class and meaning.
func columnWords(t *Table, i int) string {
	c := t.Columns[i]
	facts := []string{c.Type, presence(t, c)}
	if class := classOf(c); class != "" {
		facts = append(facts, class)
	}
	text := c.Name + ": " + strings.Join(facts, ", ") + "."
	if c.Meaning() != "" {
		text += " " + c.Meaning()
	}
	return text
}

// paragraphOf breaks text into lines. Characters are taken to be as wide as those of a fixed-width font, which hardly one is.
func paragraphOf(text string, width, indent int) paragraph {
	return paragraph{indent: indent, lines: wrap(text, int(float64(width-indent)/(advance*wordsSize)))}
}

// section writes the description of a table, with a link back to the drawing.
func (p *page) section(t *Table, told []paragraph, x, y int) {
	p.open("g", "id", "words-"+t.Name, "role", "region", "aria-labelledby", "name-"+t.Name,
		"font-family", prose, "font-size", wordsSize, "fill", p.palette.text)
	p.tag("rect", "x", x-10, "y", y, "width", 3, "height", heightOfWords(told)-wordsSpace, "fill", p.strong(t.Area))
	y += wordsLead
	p.open("a", "href", "#table-"+t.Name, "aria-label", t.Name+": back to the drawing")
	p.element("text", t.Name, "id", "name-"+t.Name, "x", x, "y", y, "role", "heading", "aria-level", 3,
		"font-size", 14, "font-weight", "bold", "fill", p.strong(t.Area))
	p.close("a")
	p.element("text", t.Area, "x", x+int(textWidth(t.Name, 14))+12, "y", y, "fill", p.palette.muted)
	y += 4
	for _, q := range told {
		fmt.Fprintf(p, "<text>")
		for i, l := range q.lines {
			y += wordsLead
			at := x
			if i > 0 {
				at += q.indent
			}
			fmt.Fprintf(p, "<tspan x=\"%d\" y=\"%d\">%s</tspan>\n", at, y, escaped(l))
		}
		fmt.Fprintf(p, "</text>\n")
	}
	p.close("g")
}
