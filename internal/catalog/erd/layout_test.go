package erd

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// layoutDiagrams returns diagrams for layout tests: Cardinal's and generated ones of many shapes.
func layoutDiagrams(t *testing.T) map[string]*Diagram {
	t.Helper()
	all := map[string]*Diagram{}
	for engine, d := range diagrams(t) {
		all[engine] = d
	}
	focused := diagrams(t)["sqlite"]
	focused.Focus("sessions", 1)
	all["focus"] = focused
	all["empty"] = NewDiagram(externalSchema(nil), true)
	all["one"] = NewDiagram(externalSchema(map[string][]string{"category": {"category?"}}), true)
	all["wide"] = NewDiagram(externalSchema(map[string][]string{"用户": {"客户"}, "客户": nil}), true)
	all["star"] = NewDiagram(externalSchema(starTables(34)), true)
	for seed := range uint64(12) {
		all[fmt.Sprint("random", seed)] = NewDiagram(externalSchema(randomTables(seed)), true)
	}
	return all
}

// starTables returns n tables that all refer to the same table.
func starTables(n int) map[string][]string {
	tables := map[string][]string{"hub": nil}
	for i := range n {
		tables[fmt.Sprint("spoke", i)] = []string{"hub", "hub?"}
	}
	return tables
}

func randomTables(seed uint64) map[string][]string {
	r := rand.New(rand.NewPCG(seed, 1))
	tables := map[string][]string{}
	n := 2 + r.IntN(40)
	for i := range n {
		var refers []string
		for range r.IntN(4) {
			to := fmt.Sprint("t", r.IntN(n))
			if r.IntN(3) == 0 {
				to += "?"
			}
			refers = append(refers, to)
		}
		tables[fmt.Sprint("t", i)] = refers
	}
	return tables
}

func TestBoxesDoNotOverlap(t *testing.T) {
	for name, d := range layoutDiagrams(t) {
		t.Run(name, func(t *testing.T) {
			l := newLayout(d)
			for i, a := range l.boxes {
				if a.x < stub || a.y < 1 || a.x+a.w > l.width-stub || a.y+a.h > l.height-1 {
					t.Errorf("%s is too close to the edge", a.table.Name)
				}
				for _, b := range l.boxes[:i] {
					if a.x < b.x+b.w && b.x < a.x+a.w && a.y < b.y+b.h && b.y < a.y+a.h {
						t.Errorf("%s overlaps %s", a.table.Name, b.table.Name)
					}
				}
				checkTextFits(t, a)
			}
		})
	}
}

// checkTextFits checks that all text of a box is inside it, with the width of the widest usual font.
func checkTextFits(t *testing.T, b *box) {
	t.Helper()
	room := float64(b.w * unit)
	if textWidth(b.table.Name, titleSize) > room-2*inset {
		t.Errorf("%s: its name does not fit", b.table.Name)
	}
	for _, l := range b.lines {
		width := inset + textWidth(l.text, smallSize) + inset
		switch l.kind {
		case columnLine:
			width = textInset + textWidth(l.text, fontSize) + textWidth(" "+l.right, fontSize) + inset
		case relationLine:
			width = relationInset + textWidth(l.text, smallSize) + inset
		}
		if width > room {
			t.Errorf("%s: %q does not fit", b.table.Name, l.text)
		}
	}
	if bottom := b.lineY(len(b.lines) - 1); len(b.lines) > 0 && bottom+1 > b.y+b.h {
		t.Errorf("%s: the lines are higher than the box", b.table.Name)
	}
}

func TestTextWidth(t *testing.T) {
	for text, columns := range map[string]float64{"": 0, "users": 5, "→ users": 7, "用户": 4, "e\u0301": 1, "👩‍💻": 2} {
		if got, want := textWidth(text, 10), columns*charWidth*10; got != want {
			t.Errorf("%q is %.2f wide, want %.2f", text, got, want)
		}
	}
	if got, want := wrap("用户 用户 users", 10), []string{"用户 用户", "users"}; !slices.Equal(got, want) {
		t.Errorf("wrapped to %q, want %q", got, want)
	}
}

func TestLinesAvoidBoxes(t *testing.T) {
	for name, d := range layoutDiagrams(t) {
		t.Run(name, func(t *testing.T) {
			l := newLayout(d)
			drawn := map[int]bool{}
			for _, r := range l.routes {
				drawn[r.relation] = true
				relation := d.Relations[r.relation]
				for i := 1; i < len(r.points); i++ {
					a, b := r.points[i-1], r.points[i]
					if a.x != b.x && a.y != b.y || a == b {
						t.Errorf("%s: the segment from %v to %v is not horizontal or vertical", relation.Name, a, b)
					}
					for _, box := range l.boxes {
						if crossesInterior(box, a, b) {
							t.Errorf("%s crosses %s", relation.Name, box.table.Name)
						}
					}
				}
				checkEnds(t, l, r)
			}
			for i, r := range d.Relations {
				if drawn[i] == r.IsOutside {
					t.Errorf("%s: drawn is %v, outside is %v", r.Name, drawn[i], r.IsOutside)
				}
			}
		})
	}
}

// crossesInterior reports whether a segment has a point inside of a box. The edge of the box is not inside.
func crossesInterior(b *box, p, q point) bool {
	return max(p.x, q.x) > b.x && min(p.x, q.x) < b.x+b.w && max(p.y, q.y) > b.y && min(p.y, q.y) < b.y+b.h
}

// checkEnds checks that a line starts at its text in the referencing box and ends at the referenced box, or on a line
// of the same bundle, and that both ends are straight for the length of the symbols.
func checkEnds(t *testing.T, l *layout, r route) {
	t.Helper()
	relation := l.diagram.Relations[r.relation]
	from, to := boxOf(l, relation.From), boxOf(l, relation.To)
	first, last := r.points[0], r.points[len(r.points)-1]
	if first.y != from.relationY(r.relation) || first.x != from.x && first.x != from.x+from.w {
		t.Errorf("%s does not start at its text", relation.Name)
	}
	if second := r.points[1]; second.y != first.y || abs(second.x-first.x) < stub {
		t.Errorf("%s has no space for the symbol at its start", relation.Name)
	}
	if !r.joins {
		if last.x != to.x && last.x != to.x+to.w || last.y <= to.y || last.y >= to.y+to.h {
			t.Errorf("%s does not end at %s", relation.Name, relation.To)
		}
		if before := r.points[len(r.points)-2]; before.y != last.y || abs(before.x-last.x) < stub {
			t.Errorf("%s has no space for the symbol at its end", relation.Name)
		}
		return
	}
	if !slices.ContainsFunc(l.routes, func(other route) bool {
		key := bundleKey(l.diagram.Relations[other.relation])
		return other.relation != r.relation && key == bundleKey(relation) && isOnRoute(last, other)
	}) {
		t.Errorf("%s does not end on a line of its bundle", relation.Name)
	}
}

func boxOf(l *layout, table string) *box {
	return l.boxes[slices.IndexFunc(l.boxes, func(b *box) bool { return b.table.Name == table })]
}

func isOnRoute(p point, r route) bool {
	for i := 1; i < len(r.points); i++ {
		a, b := r.points[i-1], r.points[i]
		if p.x >= min(a.x, b.x) && p.x <= max(a.x, b.x) && p.y >= min(a.y, b.y) && p.y <= max(a.y, b.y) {
			return true
		}
	}
	return false
}

// TestLinesDoNotOverlap checks that lines of different bundles only cross. Overlapping lines would be
// indistinguishable.
func TestLinesDoNotOverlap(t *testing.T) {
	for engine, d := range diagrams(t) {
		l := newLayout(d)
		for i, a := range l.routes {
			for _, b := range l.routes[:i] {
				if a.bundle != b.bundle && overlap(a, b) {
					t.Errorf("%s: %s overlaps %s", engine, d.Relations[a.relation].Name, d.Relations[b.relation].Name)
				}
			}
		}
	}
}

func overlap(a, b route) bool {
	for i := 1; i < len(a.points); i++ {
		for j := 1; j < len(b.points); j++ {
			p, q, r, s := a.points[i-1], a.points[i], b.points[j-1], b.points[j]
			isVertical := p.x == q.x && r.x == s.x && p.x == r.x
			isHorizontal := p.y == q.y && r.y == s.y && p.y == r.y
			if isVertical && intersect(p.y, q.y, r.y, s.y) || isHorizontal && intersect(p.x, q.x, r.x, s.x) {
				return true
			}
		}
	}
	return false
}

// intersect reports whether the intervals between a and b and between c and d have more than a point in common.
func intersect(a, b, c, d int) bool { return min(max(a, b), max(c, d)) > max(min(a, b), min(c, d)) }

func TestDrawingFitsScreen(t *testing.T) {
	for engine, d := range diagrams(t) {
		l := newLayout(d)
		if l.width > maxWidth {
			t.Errorf("%s: %d pixels wide", engine, l.width*unit)
		}
		hub := boxOf(l, d.hub())
		x := float64(hub.x) + float64(hub.w)/2
		// With an even number of columns no column is in the middle.
		if hub.table.Name != "users" || x < float64(l.width)*0.3 || x > float64(l.width)*0.7 {
			t.Errorf("%s: the hub is %s at %.0f of %d", engine, hub.table.Name, x, l.width)
		}
	}
}
