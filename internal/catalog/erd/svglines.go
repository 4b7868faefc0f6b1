package erd

import (
	"fmt"
	"strings"
)

// dashPattern is the dash pattern of the lines of optional relations.
const dashPattern = "5 3"

// relations draws the lines, one bundle after the other. Each line is drawn over a wider line in the background colour,
// so that crossing lines are distinguishable.
func (p *page) relations() {
	for bundle := 1; ; bundle++ {
		var own []route
		for _, r := range p.layout.routes {
			if r.bundle == bundle {
				own = append(own, r)
			}
		}
		if own == nil {
			return
		}
		for _, r := range own {
			p.tag("path", "d", pathOf(r.points), "stroke", p.palette.background, "stroke-width", 3.5)
		}
		for _, r := range own {
			p.relation(r)
		}
	}
}

func (p *page) relation(r route) {
	relation := p.layout.diagram.Relations[r.relation]
	colour := p.strong(p.layout.diagram.table(relation.To).Area)
	p.open("g", "stroke", colour, "stroke-width", 1.5)
	line := []any{"d", pathOf(r.points)}
	if relation.IsOptional {
		line = append(line, "stroke-dasharray", dashPattern)
	}
	p.tag("path", line...)
	many := !relation.IsUnique
	p.lineEnd(r.points[0], r.points[1], many, relation.Inverse == "")
	if last := len(r.points) - 1; r.joins {
		p.tag("circle", "cx", r.points[last].x*unit, "cy", r.points[last].y*unit, "r", 2, "fill", colour)
	} else {
		p.lineEnd(r.points[last], r.points[last-1], false, relation.IsOptional)
	}
	p.close("g")
}

// lineEnd draws the symbol at the end of a line in crow's foot notation: a crow's foot for many or a bar for one, then
// a ring for optional or a bar for mandatory.
func (p *page) lineEnd(at, next point, many, isOptional bool) {
	x, y, d := at.x*unit, at.y*unit, sign(next.x-at.x)
	if many {
		p.tag("path", "d", fmt.Sprintf("M%d %dL%d %dL%d %d", x, y-5, x+9*d, y, x, y+5))
	} else {
		p.tag("path", "d", fmt.Sprintf("M%d %dv10", x+5*d, y-5))
	}
	if isOptional {
		p.tag("circle", "cx", x+12*d, "cy", y, "r", 3, "fill", p.palette.background)
	} else {
		p.tag("path", "d", fmt.Sprintf("M%d %dv10", x+9*d, y-5))
	}
}

func pathOf(points []point) string {
	var b strings.Builder
	for i, q := range points {
		command := "L"
		if i == 0 {
			command = "M"
		}
		fmt.Fprintf(&b, "%s%d %d", command, q.x*unit, q.y*unit)
	}
	return b.String()
}

// symbols defines the signs of personal, encrypted and secret data, in a square of 12 by 12.
func (p *page) symbols() {
	p.open("defs")
	for _, s := range []struct{ name, path string }{
		{"personal", "M6 1.5a2.2 2.2 0 1 1 0 4.4a2.2 2.2 0 0 1 0-4.4zM1.8 10.8q0-4.2 4.2-4.2t4.2 4.2z"},
		{"encrypted", "M2 5.2h1.2v-1.4a2.8 2.8 0 0 1 5.6 0v1.4h1.2v5.8h-8zM4.6 5.2h2.8v-1.4a1.4 1.4 0 0 0-2.8 0z"},
		{"secret", "M3.4 3.2a2.8 2.8 0 0 1 2.7 2.1h5.4v1.6h-1v1.8h-1.6v-1.8h-2.8a2.8 2.8 0 1 1-2.7-3.7z" +
			"M3.4 5a1 1 0 1 0 0 2a1 1 0 0 0 0-2z"},
	} {
		p.open("symbol", "id", "erd-"+s.name, "viewBox", "0 0 12 12")
		p.tag("path", "d", s.path, "fill-rule", "evenodd")
		p.close("symbol")
	}
	p.close("defs")
}
