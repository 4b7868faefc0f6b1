package erd

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
)

const (
	monospace = "ui-monospace, 'SFMono-Regular', Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace"
	sansSerif = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"
)

// page is an SVG document being written.
type page struct {
	bytes.Buffer
	palette palette
	colour  map[string]int // of an area
	layout  *layout
	group   bool
}

// writeSVG writes the drawing with a description of the tables below it. The drawing has no styles and no scripts, so
// the strictest content security policy allows it. With group, each area has a background; without it, only the colours
// of the boxes differ.
func (d *Diagram) writeSVG(w io.Writer, theme Theme, group bool) error {
	p := &page{palette: palettes[theme], colour: areaColours(d), layout: newLayout(d), group: group}
	p.draw()
	_, err := p.WriteTo(w)
	return err
}

// areaColours assigns a colour to each area: a fixed one to Cardinal's areas, the next one in turn to others.
func areaColours(d *Diagram) map[string]int {
	colours := map[string]int{}
	others := 0
	for _, area := range d.areas() {
		if i := slices.Index(areaOrder, area); i >= 0 {
			colours[area] = i
		} else {
			colours[area] = others % len(palettes[Light].strong)
			others++
		}
	}
	return colours
}

func (p *page) strong(area string) string { return p.palette.strong[p.colour[area]] }

func (p *page) tint(area string) string { return p.palette.tint[p.colour[area]] }

func (p *page) draw() {
	d := p.layout.diagram
	width := max(p.layout.width*unit, headerWidth)
	below := headerHeight + p.layout.height*unit
	descriptions := p.descriptions(width, below)
	height := below + descriptions.height
	p.open("svg", "xmlns", "http://www.w3.org/2000/svg", "width", width, "height", height,
		"viewBox", fmt.Sprintf("0 0 %d %d", width, height),
		"role", "document", "aria-labelledby", "erd-title erd-about")
	p.element("title", d.Title+": entity relationship diagram", "id", "erd-title")
	p.element("desc", fmt.Sprintf("%s and %s. Each table is a link to its description below the drawing.",
		count(len(d.Tables), "table"), count(len(d.Relations), "relation")), "id", "erd-about")
	p.tag("rect", "width", width, "height", height, "fill", p.palette.background)
	p.symbols()
	p.header(width)
	p.open("g", "transform", fmt.Sprintf("translate(%d %d)", (width-p.layout.width*unit)/2, headerHeight))
	if p.group {
		p.areaBackgrounds()
	}
	p.open("g", "aria-hidden", "true", "fill", "none")
	p.relations()
	p.close("g")
	for _, b := range p.layout.boxes {
		p.box(b)
	}
	p.close("g")
	p.Write(descriptions.Bytes())
	p.close("svg")
}

func count(n int, what string) string {
	if n == 1 {
		return "one " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// areaBackgrounds colours the background of each area: under its boxes and between adjacent boxes.
func (p *page) areaBackgrounds() {
	p.open("g", "aria-hidden", "true")
	for _, column := range p.layout.columns {
		left, right := column[0].x, 0
		for _, b := range column {
			left, right = min(left, b.x), max(right, b.x+b.w)
		}
		for first := 0; first < len(column); {
			area, last := column[first].table.Area, first
			for last+1 < len(column) && column[last+1].table.Area == area {
				last++
			}
			top, bottom := column[first].y, column[last].y+column[last].h
			p.tag("rect", "x", (left-gutter/2)*unit, "y", top*unit-gap*unit/2+2,
				"width", (right-left+2*(gutter/2)+1)*unit, "height", (bottom-top+gap)*unit-4,
				"rx", 6, "fill", p.tint(area))
			first = last + 1
		}
	}
	p.close("g")
}

// box draws a table as a link to its description.
func (p *page) box(b *box) {
	t := b.table
	x, y, w, h := b.x*unit, b.y*unit, b.w*unit, b.h*unit
	p.open("a", "id", "table-"+t.Name, "href", "#description-"+t.Name, "aria-label",
		fmt.Sprintf("%s, %s, %s: description", t.Name, t.Area, count(len(t.Columns), "column")))
	p.tag("rect", "x", x, "y", y, "width", w, "height", h, "rx", 4, "fill", p.palette.boxBackground,
		"stroke", p.strong(t.Area), "stroke-width", 1.5)
	const head = titleUnits * unit
	p.tag("path", "d", fmt.Sprintf("M%d %dv-%dq0 -4 4 -4h%dq4 0 4 4v%dz", x, y+head, head-4, w-8, head-4),
		"fill", p.strong(t.Area))
	p.element("text", t.Name, "x", x+inset, "y", y+15, "font-family", monospace, "font-size", titleSize,
		"font-weight", "bold", "fill", p.palette.onTitle)
	for i, l := range b.lines {
		p.line(b, l, x, b.lineY(i)*unit, w)
	}
	p.close("a")
}

func (p *page) line(b *box, l line, x, y, w int) {
	if l.kind != columnLine {
		at, colour := x+inset, p.palette.muted
		if l.kind == relationLine {
			at, colour = x+relationInset, p.palette.text
		}
		p.element("text", l.text, "x", at, "y", y+3, "font-family", monospace, "font-size", smallSize, "fill", colour,
			"xml:space", "preserve")
		return
	}
	sign, colour, ground := "", "", ""
	switch l.class {
	case "pii":
		sign, colour, ground = "personal", p.palette.personal, p.palette.personalTint
	case "secret":
		sign, colour, ground = "secret", p.palette.secret, p.palette.secretTint
	}
	if l.isEncrypted {
		sign = "encrypted"
	}
	if ground != "" {
		p.tag("rect", "x", x+1, "y", y-7, "width", w-2, "height", lineUnits*unit, "fill", ground)
	}
	if sign != "" {
		if colour == "" {
			colour = p.palette.personal
		}
		p.tag("use", "href", "#erd-"+sign, "x", x+3, "y", y-6, "width", 12, "height", 12, "fill", colour)
	}
	if l.isKey {
		p.element("text", "PK", "x", x+18, "y", y+3, "font-family", monospace, "font-size", 9, "font-weight", "bold",
			"fill", p.palette.muted)
	}
	style := []any{"x", x + textInset, "y", y + 4, "font-family", monospace, "font-size", fontSize,
		"fill", p.palette.text}
	if l.isNullable {
		style = append(style, "font-style", "italic")
	}
	p.element("text", l.text, style...)
	p.element("text", l.right, "x", x+w-inset, "y", y+4, "text-anchor", "end", "font-family", monospace,
		"font-size", fontSize, "fill", p.palette.muted)
}

// open writes a start tag. The attributes are alternating names and values.
func (p *page) open(name string, attributes ...any) {
	fmt.Fprintf(p, "<%s%s>\n", name, attributeText(attributes))
}

func (p *page) close(name string) { fmt.Fprintf(p, "</%s>\n", name) }

// tag writes an empty element.
func (p *page) tag(name string, attributes ...any) {
	fmt.Fprintf(p, "<%s%s/>\n", name, attributeText(attributes))
}

// element writes an element with text.
func (p *page) element(name, text string, attributes ...any) {
	fmt.Fprintf(p, "<%s%s>%s</%s>\n", name, attributeText(attributes), escapeXML(text), name)
}

func attributeText(attributes []any) string {
	var b strings.Builder
	for i := 0; i < len(attributes); i += 2 {
		fmt.Fprintf(&b, ` %s="%s"`, attributes[i], escapeXML(fmt.Sprint(attributes[i+1])))
	}
	return b.String()
}

// escapeXML escapes text for XML and replaces characters that XML does not allow.
func escapeXML(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // writing to a Builder does not fail
	return b.String()
}
