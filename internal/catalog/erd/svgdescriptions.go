package erd

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// The descriptions of the tables are in columns below the drawing.
const (
	descriptionWidth = 420 // approximate width of a column
	descriptionSize  = 11
	lineHeight       = 15 // distance between lines
	spacing          = 28 // between columns and between tables
)

// descriptionPart is the lower part of a page.
type descriptionPart struct {
	bytes.Buffer
	height int
}

// paragraph is wrapped text.
type paragraph struct {
	lines  []string
	indent int
}

// descriptions writes the description of each table: its comment, columns, relations and indexes.
func (p *page) descriptions(width, top int) *descriptionPart {
	columns := max(1, (width-spacing)/(descriptionWidth+spacing))
	room := (width-spacing)/columns - spacing
	tables := p.layout.diagram.byArea()
	var paragraphs [][]paragraph
	total := 0
	for i := range tables {
		paragraphs = append(paragraphs, p.layout.diagram.describe(&tables[i], room))
		total += descriptionHeight(paragraphs[i])
	}
	q := &page{palette: p.palette, colour: p.colour}
	heading := top + 30
	q.element("text", "Descriptions", "x", spacing, "y", heading, "role", "heading", "aria-level", 2,
		"font-family", sansSerif, "font-size", 18, "font-weight", "bold", "fill", p.palette.text)
	start, lowest, filled := heading+20, heading, 0
	y := start
	for i, column := 0, 0; i < len(tables); i++ {
		height := descriptionHeight(paragraphs[i])
		if c := min(columns-1, (filled+height/2)*columns/total); c != column {
			column, y = c, start
		}
		q.section(&tables[i], paragraphs[i], spacing+column*(room+spacing), y)
		y += height
		filled += height
		lowest = max(lowest, y)
	}
	part := &descriptionPart{height: lowest - top + 20}
	q.WriteTo(part)
	return part
}

func descriptionHeight(paragraphs []paragraph) int {
	lines := 0
	for _, t := range paragraphs {
		lines += len(t.lines)
	}
	return lines*lineHeight + lineHeight + 2*spacing
}

// describe returns the description of a table, wrapped to a width.
func (d *Diagram) describe(t *Table, width int) []paragraph {
	paragraphs := []paragraph{paragraphOf(tableSummary(t), width, 0)}
	for i := range t.Columns {
		paragraphs = append(paragraphs, paragraphOf("• "+columnSentence(t, i), width, 10))
	}
	for _, sentence := range d.relationSentences(t) {
		paragraphs = append(paragraphs, paragraphOf("→ "+sentence, width, 10))
	}
	for _, i := range t.secondaryIndexes() {
		paragraphs = append(paragraphs, paragraphOf("– "+indexKind(i)+": "+indexText(i), width, 10))
	}
	return slices.DeleteFunc(paragraphs, func(p paragraph) bool { return len(p.lines) == 0 })
}

// columnSentence returns a column's name, type, presence, data class and meaning.
func columnSentence(t *Table, i int) string {
	c := t.Columns[i]
	facts := []string{c.Type, presence(t, c)}
	if class := className(c); class != "" {
		facts = append(facts, class)
	}
	text := c.Name + ": " + strings.Join(facts, ", ") + "."
	if c.Description() != "" {
		text += " " + c.Description()
	}
	return text
}

// paragraphOf wraps text. It assumes the character width of a monospaced font; hardly any character of the actual font
// is wider.
func paragraphOf(text string, width, indent int) paragraph {
	return paragraph{indent: indent, lines: wrap(text, int(float64(width-indent)/(charWidth*descriptionSize)))}
}

// section writes the description of a table, with a link back to the drawing.
func (p *page) section(t *Table, paragraphs []paragraph, x, y int) {
	p.open("g", "id", "description-"+t.Name, "role", "region", "aria-labelledby", "name-"+t.Name,
		"font-family", sansSerif, "font-size", descriptionSize, "fill", p.palette.text)
	p.tag("rect", "x", x-10, "y", y, "width", 3, "height", descriptionHeight(paragraphs)-spacing,
		"fill", p.strong(t.Area))
	y += lineHeight
	p.open("a", "href", "#table-"+t.Name, "aria-label", t.Name+": back to the drawing")
	p.element("text", t.Name, "id", "name-"+t.Name, "x", x, "y", y, "role", "heading", "aria-level", 3,
		"font-size", 14, "font-weight", "bold", "fill", p.strong(t.Area))
	p.close("a")
	p.element("text", t.Area, "x", x+int(textWidth(t.Name, 14))+12, "y", y, "fill", p.palette.muted)
	y += 4
	for _, q := range paragraphs {
		fmt.Fprintf(p, "<text>")
		for i, l := range q.lines {
			y += lineHeight
			at := x
			if i > 0 {
				at += q.indent
			}
			fmt.Fprintf(p, "<tspan x=\"%d\" y=\"%d\">%s</tspan>\n", at, y, escapeXML(l))
		}
		fmt.Fprintf(p, "</text>\n")
	}
	p.close("g")
}
