package erd

import "fmt"

// head writes the title and what the signs mean.
func (p *page) head(width int) {
	d := p.layout.diagram
	p.element("text", d.Title, "x", wordsSpace, "y", 28, "role", "heading", "aria-level", 1, "font-family", prose, "font-size", 20,
		"font-weight", "bold", "fill", p.palette.text)
	p.element("text", count(len(d.Tables), "table")+", "+count(len(d.Relations), "relation"), "x", wordsSpace, "y", 47, "font-family", prose,
		"font-size", 12, "fill", p.palette.muted)
	p.open("g", "font-family", prose, "font-size", 11, "fill", p.palette.text)
	p.legendOfAreas(220, 28)
	p.legendOfSigns(220, 50)
	p.close("g")
}

func (p *page) legendOfAreas(x, y int) {
	for _, area := range p.layout.diagram.areas() {
		p.tag("rect", "x", x, "y", y-9, "width", 12, "height", 10, "rx", 2, "fill", p.strong(area))
		p.element("text", area, "x", x+17, "y", y)
		x += 17 + int(textWidth(area, 11)) + 14
	}
	for _, s := range []struct{ sign, colour, text string }{
		{"personal", p.palette.personal, "personal"}, {"sealed", p.palette.personal, "personal, sealed"}, {"secret", p.palette.secret, "secret"},
	} {
		p.tag("use", "href", "#erd-"+s.sign, "x", x, "y", y-10, "width", 12, "height", 12, "fill", s.colour)
		p.element("text", s.text, "x", x+17, "y", y)
		x += 17 + int(textWidth(s.text, 11)) + 14
	}
	p.element("text", "PK primary key   ? may be empty   U unique   I indexed", "x", x, "y", y)
}

func (p *page) legendOfSigns(x, y int) {
	for _, s := range []struct {
		many, none bool
		text       string
	}{
		{true, true, "any number"}, {false, true, "one or none"}, {false, false, "exactly one"},
	} {
		p.open("g", "fill", "none", "stroke", p.palette.text, "stroke-width", 1.5, "transform", fmt.Sprintf("translate(%d %d)", x, y-4))
		p.tag("path", "d", "M0 0h28")
		p.end(point{4, 0}, point{0, 0}, s.many, s.none)
		p.close("g")
		p.element("text", s.text, "x", x+36, "y", y)
		x += 36 + int(textWidth(s.text, 11)) + 14
	}
	for _, s := range []struct{ dash, text string }{{"none", "mandatory"}, {"5 3", "optional"}} {
		p.tag("path", "d", fmt.Sprintf("M%d %dh28", x, y-4), "fill", "none", "stroke", p.palette.text, "stroke-width", 1.5, "stroke-dasharray", s.dash)
		p.element("text", s.text, "x", x+34, "y", y)
		x += 34 + int(textWidth(s.text, 11)) + 14
	}
	p.element("text", "Lines in the colour of the table that they lead to; those that lead to the same one join at a dot.", "x", x, "y", y)
}
