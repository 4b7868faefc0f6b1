package erd

import (
	"cmp"
	"slices"
)

// point is a point on the grid, in units.
type point struct{ x, y int }

// route is the line of a relation: from the referencing box to the referenced box, or to the line of another relation
// that ends there.
type route struct {
	relation int     // index in the diagram
	bundle   int     // number of the bundle: lines of a bundle can share segments
	points   []point // corners; the first is on the edge of the referring box
	joins    bool    // ends on another line of the bundle
}

// The costs of a step. They make a line take a longer way rather than overlap another line.
const (
	stepCost    = 2
	bendCost    = 12
	crossCost   = 16
	nearBoxCost = 6   // along a box, where the crow's feet end
	attachCost  = 30  // for an end at the box instead of on a line of the bundle
	overlapCost = 400 // on a segment of another bundle: only if there is no other way
)

// stub is the length of the straight segment at a box, for the crow's foot, in units.
const stub = 2

// router finds routes on the grid. No route crosses a box.
type router struct {
	width, height    int
	boxes            map[string]*box
	blocked, nearBox []bool
	owner            [2][]int // by direction, the bundle that occupies a point; 0 is none
	joinable         []bool   // whether a line of the same bundle can end at a point
	ends             map[point]bool
}

// The directions of a line.
const (
	horizontal = iota
	vertical
)

// routeAll routes the lines of all relations, the shortest first. The mandatory relations to a table form a bundle, and
// so do the optional ones: a line joins another line of its bundle where they meet.
func (l *layout) routeAll() {
	r := newRouter(l)
	relations := l.diagram.Relations
	distance := make([]int, len(relations))
	var order []int
	for i, relation := range relations {
		if relation.IsOutside {
			continue
		}
		from, to := r.boxes[relation.From], r.boxes[relation.To]
		distance[i] = gapBetween(from.x, from.w, to.x, to.w) + gapBetween(from.y, from.h, to.y, to.h)
		order = append(order, i)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(distance[a], distance[b]) })
	bundles := map[[3]string]int{}
	for _, i := range order {
		key := bundleKey(relations[i])
		if bundles[key] == 0 {
			bundles[key] = len(bundles) + 1
		}
		l.routes = append(l.routes, r.findRoute(i, relations[i], bundles[key]))
	}
}

// bundleKey returns the bundle of a relation's line.
func bundleKey(r Relation) [3]string {
	switch {
	case r.Inverse != "":
		return [3]string{r.To, "answered", r.From}
	case r.IsOptional:
		return [3]string{r.To, "optional"}
	}
	return [3]string{r.To, "mandatory"}
}

func newRouter(l *layout) *router {
	r := &router{width: l.width + 1, height: l.height + 1, boxes: map[string]*box{}, ends: map[point]bool{}}
	size := r.width * r.height
	r.blocked, r.nearBox, r.joinable = make([]bool, size), make([]bool, size), make([]bool, size)
	r.owner = [2][]int{make([]int, size), make([]int, size)}
	for _, b := range l.boxes {
		r.boxes[b.table.Name] = b
		for y := b.y; y <= b.y+b.h; y++ {
			for x := b.x - stub; x <= b.x+b.w+stub; x++ {
				index := r.at(point{x, y})
				r.nearBox[index] = true
				// Within the length of a stub there are only the ends of lines.
				r.blocked[index] = r.blocked[index] || x > b.x-stub && x < b.x+b.w+stub
			}
		}
	}
	return r
}

func (r *router) at(p point) int { return p.y*r.width + p.x }

// findRoute finds the cheapest route of a relation by Dijkstra's algorithm and occupies it. A state of the search is a
// point and the direction in which it was entered.
func (r *router) findRoute(index int, relation Relation, bundle int) route {
	from, to := r.boxes[relation.From], r.boxes[relation.To]
	y := from.relationY(index)
	s := newDijkstra(2 * len(r.blocked))
	for _, start := range []point{{from.x - stub, y}, {from.x + from.w + stub, y}} {
		s.push(2*r.at(start)+horizontal, r.stubCost(start, bundle), -1)
	}
	goals := r.goals(to, bundle)
	best, end := -1, -1
	for {
		here, cost := s.pop()
		if here < 0 || best >= 0 && cost >= best {
			break
		}
		if goal, ok := goals[here/2]; ok {
			if here%2 == vertical && !r.canJoin(here/2, bundle) {
				goal += bendCost
			}
			if best < 0 || cost+goal < best {
				best, end = cost+goal, here
			}
		}
		for direction, steps := range [2][2]int{{-1, 1}, {-r.width, r.width}} {
			for _, step := range steps {
				r.tryStep(s, here, here/2+step, direction, bundle)
			}
		}
	}
	path := s.path(end)
	found := route{relation: index, bundle: bundle, joins: r.canJoin(path[len(path)-1], bundle)}
	found.points = r.corners(path, from, to, found.joins)
	r.occupy(found)
	return found
}

// tryStep adds a step to a neighbouring point to the search, if a line can run there.
func (r *router) tryStep(s *dijkstra, here, next, direction, bundle int) {
	if next < 0 || next >= len(r.blocked) || r.blocked[next] ||
		direction == horizontal && next/r.width != here/2/r.width {
		return
	}
	cost := stepCost
	if here%2 != direction {
		cost += bendCost
	}
	if r.nearBox[next] && direction == vertical {
		cost += nearBoxCost
	}
	cost += r.overlapCostAt(here/2, direction, bundle)/2 + r.overlapCostAt(next, direction, bundle)/2
	if other := r.owner[1-direction][next]; other != 0 && other != bundle {
		cost += crossCost
	}
	s.push(2*next+direction, s.cost[here]+cost, here)
}

// canJoin reports whether a line of the bundle can end at a point of another line of the bundle.
func (r *router) canJoin(at, bundle int) bool {
	return r.joinable[at] && (r.owner[horizontal][at] == bundle || r.owner[vertical][at] == bundle)
}

// overlapCostAt returns the cost of passing a point that another bundle passes in the same direction.
func (r *router) overlapCostAt(at, direction, bundle int) int {
	if other := r.owner[direction][at]; other != 0 && other != bundle {
		return overlapCost
	}
	return 0
}

// stubCost returns the cost of the lines that a stub crosses, around its outer point.
func (r *router) stubCost(outside point, bundle int) int {
	cost := 0
	for x := outside.x - stub; x <= outside.x+stub; x++ {
		at := r.at(point{x, outside.y})
		cost += r.overlapCostAt(at, horizontal, bundle)
		if r.owner[vertical][at] != 0 {
			cost += crossCost
		}
	}
	return cost
}

// goals returns the points at which a route can end, with the costs: points on lines of the bundle, and the outer
// points of stubs at the left and right sides of the box, except where another line ends or starts.
func (r *router) goals(to *box, bundle int) map[int]int {
	goals := map[int]int{}
	for at := range r.joinable {
		if r.canJoin(at, bundle) {
			goals[at] = 0
		}
	}
	for y := to.y + 1; y < to.y+to.h; y++ {
		isNear := func(l line) bool { return l.kind == relationLine && abs(to.relationY(l.relation)-y) < 2 }
		if slices.ContainsFunc(to.lines, isNear) {
			continue
		}
		for _, x := range []int{to.x, to.x + to.w} {
			if r.ends[point{x, y}] || r.ends[point{x, y - 1}] || r.ends[point{x, y + 1}] {
				continue
			}
			outside := point{to.x - stub, y}
			if x != to.x {
				outside.x = x + stub
			}
			goals[r.at(outside)] = attachCost + r.stubCost(outside, bundle)
		}
	}
	return goals
}

// corners converts a path into the points of a line: with stubs, and without the points between corners.
func (r *router) corners(path []int, from, to *box, joins bool) []point {
	points := make([]point, len(path))
	for i, at := range path {
		points[i] = point{at % r.width, at / r.width}
	}
	points = slices.Insert(points, 0, edgePoint(from, points[0]))
	if !joins {
		points = append(points, edgePoint(to, points[len(points)-1]))
	}
	corners := points[:1]
	for i := 1; i < len(points)-1; i++ {
		before, here, after := corners[len(corners)-1], points[i], points[i+1]
		if before.x == here.x && here.x == after.x || before.y == here.y && here.y == after.y {
			continue
		}
		corners = append(corners, here)
	}
	return append(corners, points[len(points)-1])
}

// edgePoint returns the point on a box's side that is level with a point outside.
func edgePoint(b *box, outside point) point {
	if outside.x < b.x {
		return point{b.x, outside.y}
	}
	return point{b.x + b.w, outside.y}
}

// occupy marks the points of a line, so that other lines avoid or join it.
func (r *router) occupy(found route) {
	points := found.points
	last := points[len(points)-1]
	for i := 1; i < len(points); i++ {
		a, b := points[i-1], points[i]
		direction := vertical
		if a.y == b.y {
			direction = horizontal
		}
		for p := a; ; p = (point{p.x + sign(b.x-a.x), p.y + sign(b.y-a.y)}) {
			nearStart := i == 1 && abs(p.x-points[0].x) <= stub
			nearEnd := i == len(points)-1 && !found.joins && abs(p.x-last.x) <= stub
			r.owner[direction][r.at(p)] = found.bundle
			r.joinable[r.at(p)] = !nearStart && !nearEnd
			if p == b {
				break
			}
		}
	}
	if found.joins {
		r.owner[horizontal][r.at(last)], r.owner[vertical][r.at(last)] = found.bundle, found.bundle
	} else {
		r.ends[last] = true
	}
}

func sign(n int) int { return cmp.Compare(n, 0) }
