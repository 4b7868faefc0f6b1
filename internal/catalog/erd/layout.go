package erd

import (
	"cmp"
	"math"
	"slices"
)

// Distances between boxes, in units.
const (
	gutter = 7 // between columns of boxes, for vertical lines
	gap    = 4 // between boxes of a column, for horizontal lines
	margin = 4 // around the drawing

	maxWidth = 1440 / unit // the screen of a laptop
	aspect   = 1.5         // target ratio of width to height within that limit: as of a screen or a sheet of paper
)

// layout is the diagram with positions of all boxes and routes of all lines.
type layout struct {
	diagram       *Diagram
	hub           string
	boxes         []*box // by column from left to right; the columns run down and up in turns
	columns       [][]*box
	width, height int // in units
	routes        []route
}

// newLayout places the boxes in columns: tables of an area together, the hub in the middle, and related tables close
// together. It is a local search: it swaps pairs of tables of the same area as long as this reduces the cost, which is
// mainly the length of the lines. The result is deterministic.
func newLayout(d *Diagram) *layout {
	l := &layout{diagram: d, hub: d.hub()}
	l.boxes = orderTables(d, l.hub)
	if len(l.boxes) == 0 {
		return l
	}
	best := math.Inf(1)
	count := 1
	for n := 1; n <= min(8, len(l.boxes)); n++ {
		l.place(n)
		if n > 1 && l.width > maxWidth {
			break
		}
		if deviation := math.Abs(math.Log(float64(l.width) / float64(l.height) / aspect)); deviation < best {
			best, count = deviation, n
		}
	}
	l.optimize(count)
	l.routeAll()
	return l
}

// orderTables returns the boxes ordered by area, with the hub's area between the others.
func orderTables(d *Diagram, hub string) []*box {
	if hub == "" {
		return nil
	}
	middle := d.table(hub).Area
	boxes := map[string][]*box{}
	size := map[string]int{}
	var names []string
	for i := range d.Tables {
		t := &d.Tables[i]
		if boxes[t.Area] == nil {
			names = append(names, t.Area)
		}
		b := newBox(d, t)
		boxes[t.Area] = append(boxes[t.Area], b)
		size[t.Area] += b.h + gap
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(size[b], size[a]), cmp.Compare(a, b)) })
	var before, after []*box
	sizeBefore, sizeAfter := 0, 0
	for _, name := range names {
		switch {
		case name == middle:
		case sizeBefore <= sizeAfter:
			before, sizeBefore = append(before, boxes[name]...), sizeBefore+size[name]
		default:
			after, sizeAfter = append(after, boxes[name]...), sizeAfter+size[name]
		}
	}
	return slices.Concat(before, boxes[middle], after)
}

// place distributes the boxes to a number of columns of about the same height. The order runs down the first column, up
// the second and so on, so that the two parts of an area in adjacent columns are next to each other.
func (l *layout) place(count int) {
	total := 0
	for _, b := range l.boxes {
		total += b.h + gap
	}
	l.columns = make([][]*box, count)
	filled := 0
	for _, b := range l.boxes {
		middle := filled + (b.h+gap)/2
		c := min(count-1, middle*count/total)
		l.columns[c] = append(l.columns[c], b)
		filled += b.h + gap
	}
	l.columns = slices.DeleteFunc(l.columns, func(c []*box) bool { return len(c) == 0 })
	l.height = 0
	for i, column := range l.columns {
		if i%2 == 1 {
			slices.Reverse(column)
		}
		l.height = max(l.height, heightOf(column)+2*margin)
	}
	x := margin
	for _, column := range l.columns {
		width := 0
		for _, b := range column {
			width = max(width, b.w)
		}
		y := (l.height - heightOf(column)) / 2
		for _, b := range column {
			b.x, b.y = x+(width-b.w)/2, y
			y += b.h + gap
		}
		x += width + gutter
	}
	l.width = x - gutter + margin
}

func heightOf(column []*box) int {
	height := -gap
	for _, b := range column {
		height += b.h + gap
	}
	return height
}

// optimize swaps pairs of tables of the same area as long as that reduces the cost.
func (l *layout) optimize(count int) {
	// The number of placements is limited, so that a large schema does not take minutes.
	maxTried := 4_000_000 / (len(l.boxes) + len(l.diagram.Relations))
	l.place(count)
	// A column is as wide as its widest table, so a swap can make the drawing wider.
	best, widthLimit := l.cost(), max(l.width, maxWidth)
	for tried, improved := 0, true; improved; {
		improved = false
		for i := range l.boxes {
			for j := i + 1; j < len(l.boxes) && tried < maxTried; j++ {
				if l.boxes[i].table.Area != l.boxes[j].table.Area {
					continue
				}
				tried++
				l.boxes[i], l.boxes[j] = l.boxes[j], l.boxes[i]
				l.place(count)
				if s := l.cost(); s < best && l.width <= widthLimit {
					best, improved = s, true
				} else {
					l.boxes[i], l.boxes[j] = l.boxes[j], l.boxes[i]
				}
			}
		}
	}
	l.place(count)
}

// cost returns the sum of the distances between related tables and of the hub from the centre, with weights, plus the
// height.
func (l *layout) cost() int {
	at := map[string]*box{}
	for _, b := range l.boxes {
		at[b.table.Name] = b
	}
	hub := at[l.hub]
	sum := 4 * (abs(2*hub.x+hub.w-l.width) + abs(2*hub.y+hub.h-l.height))
	for _, r := range l.diagram.Relations {
		if r.IsOutside {
			continue
		}
		from, to := at[r.From], at[r.To]
		distance := 2*gapBetween(from.x, from.w, to.x, to.w) + gapBetween(from.y, from.h, to.y, to.h)
		if r.To != l.hub {
			distance *= 2 // lines to the hub are bundled, other lines are not
		}
		sum += distance
	}
	return sum + l.height*4
}

// gapBetween returns the distance between two intervals, 0 if they overlap.
func gapBetween(a, lengthA, b, lengthB int) int { return max(0, a-b-lengthB, b-a-lengthA) }

func abs(n int) int { return max(n, -n) }
