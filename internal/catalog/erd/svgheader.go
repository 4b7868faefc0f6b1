package erd

import "fmt"

// The header consists of the title and a legend of three lines. The drawing is at least as wide as the header.
const (
	headerHeight = 84
	headerWidth  = 1220
	legendLeft   = 200
)

// header writes the title and the legend.
func (p *page) header(width int) {
	d := p.layout.diagram
	p.element("text", d.Title, "x", spacing, "y", 28, "role", "heading", "aria-level", 1, "font-family", sansSerif,
		"font-size", 20, "font-weight", "bold", "fill", p.palette.text)
	p.element("text", count(len(d.Tables), "table")+", "+count(len(d.Relations), "relation"),
		"x", spacing, "y", 48, "font-family", sansSerif, "font-size", 12, "fill", p.palette.muted)
	p.open("g", "font-family", sansSerif, "font-size", descriptionSize, "fill", p.palette.text)
	p.areaLegend(width, 28)
	p.columnLegend(48)
	p.lineLegend(68)
	p.close("g")
}

// label writes the text of a legend entry after a sign of a width. It returns the position of the next entry.
func (p *page) label(text string, x, y, sign int) int {
	p.element("text", text, "x", x+sign+5, "y", y)
	return x + sign + 5 + int(textWidth(text, descriptionSize)) + 14
}

// areaLegend lists as many areas as fit.
func (p *page) areaLegend(width, y int) {
	x := legendLeft
	for _, area := range p.layout.diagram.areas() {
		if x+int(textWidth(area, descriptionSize))+40 > width {
			p.label("…", x, y, 0)
			return
		}
		p.tag("rect", "x", x, "y", y-9, "width", 12, "height", 10, "rx", 2, "fill", p.strong(area))
		x = p.label(area, x, y, 12)
	}
}

func (p *page) columnLegend(y int) {
	x := legendLeft
	for _, s := range []struct{ sign, colour, text string }{
		{"personal", p.palette.personal, "personal"},
		{"encrypted", p.palette.personal, "encrypted"},
		{"secret", p.palette.secret, "secret"},
	} {
		p.tag("use", "href", "#erd-"+s.sign, "x", x, "y", y-10, "width", 12, "height", 12, "fill", s.colour)
		x = p.label(s.text, x, y, 12)
	}
	for _, text := range []string{"PK primary key", "? nullable", "U unique", "I indexed"} {
		x = p.label(text, x, y, 0)
	}
}

func (p *page) lineLegend(y int) {
	x := legendLeft
	for _, s := range []struct {
		many, isOptional bool
		text             string
	}{{true, true, "any number"}, {false, true, "one or none"}, {false, false, "exactly one"}} {
		p.open("g", "fill", "none", "stroke", p.palette.text, "stroke-width", 1.5,
			"transform", fmt.Sprintf("translate(%d %d)", x, y-4))
		p.tag("path", "d", "M0 0h28")
		p.lineEnd(point{4, 0}, point{0, 0}, s.many, s.isOptional)
		p.close("g")
		x = p.label(s.text, x, y, 28)
	}
	for _, s := range []struct{ dash, text string }{{"none", "mandatory"}, {dashPattern, "optional"}} {
		p.tag("path", "d", fmt.Sprintf("M%d %dh28", x, y-4), "fill", "none", "stroke", p.palette.text,
			"stroke-width", 1.5, "stroke-dasharray", s.dash)
		x = p.label(s.text, x, y, 28)
	}
	p.label("a line has the colour of the referenced table; a dot joins lines", x, y, 0)
}
