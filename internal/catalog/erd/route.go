package erd

import (
	"cmp"
	"slices"
)

// point is a place on the grid, in units.
type point struct{ x, y int }

// route is the line of a relation: from the box that refers, to the box that is referred to or to the line of another relation
// which goes there.
type route struct {
	relation int     // of the diagram
	bundle   int     // of lines that run together
	points   []point // corners; the first is on the edge of the referring box
	joins    bool    // ends on another line of the bundle
}

// What a step costs. Lines rather go round than run where another line is.
const (
	stepCost  = 2
	bendCost  = 12
	crossCost = 16
	hugCost   = 6   // beside a box, where the crow's feet end
	doorCost  = 30  // for another end at a box rather than on a line that ends there
	sameCost  = 400 // along the line of another bundle: only when there is no other way
)

// stub is how far a line runs straight from a box, for its crow's foot, in units.
const stub = 2

// router finds ways over the grid on which no line crosses a box.
type router struct {
	width, height int
	boxes         map[string]*box
	blocked, hug  []bool
	owner         [2][]int // by direction, the bundle that runs through a point; 0 is none
	joinable      []bool   // whether a line of the same bundle may end at a point
	doors         map[point]bool
}

// The directions a line can run in.
const (
	across = iota
	upDown
)

// routeAll finds the lines of all relations, the shortest first. Relations to the same table that are alike in being mandatory or
// optional run together as soon as they meet.
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
		distance[i] = apart(from.x, from.w, to.x, to.w) + apart(from.y, from.h, to.y, to.h)
		order = append(order, i)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(distance[a], distance[b]) })
	bundles := map[[3]string]int{}
	for _, i := range order {
		key := bundleOf(relations[i])
		if bundles[key] == 0 {
			bundles[key] = len(bundles) + 1
		}
		l.routes = append(l.routes, r.find(i, relations[i], bundles[key]))
	}
}

// bundleOf names the bundle that a relation's line belongs to.
func bundleOf(r Relation) [3]string {
	switch {
	case r.Answer != "":
		return [3]string{r.To, "answered", r.From}
	case r.IsOptional:
		return [3]string{r.To, "optional"}
	}
	return [3]string{r.To, "mandatory"}
}

func newRouter(l *layout) *router {
	r := &router{width: l.width + 1, height: l.height + 1, boxes: map[string]*box{}, doors: map[point]bool{}}
	size := r.width * r.height
	r.blocked, r.hug, r.joinable = make([]bool, size), make([]bool, size), make([]bool, size)
	r.owner = [2][]int{make([]int, size), make([]int, size)}
	for _, b := range l.boxes {
		r.boxes[b.table.Name] = b
		for y := b.y; y <= b.y+b.h; y++ {
			for x := b.x - stub; x <= b.x+b.w+stub; x++ {
				at := r.at(point{x, y})
				r.hug[at] = true
				// Nearer than where the signs end there are only the ends of lines.
				r.blocked[at] = r.blocked[at] || x > b.x-stub && x < b.x+b.w+stub
			}
		}
	}
	return r
}

func (r *router) at(p point) int { return p.y*r.width + p.x }

// find finds the cheapest way for a relation, by Dijkstra's algorithm, and keeps it.
func (r *router) find(index int, relation Relation, bundle int) route {
	from, to := r.boxes[relation.From], r.boxes[relation.To]
	y := from.relationY(index)
	s := newSearch(2 * len(r.blocked))
	for _, start := range []point{{from.x - stub, y}, {from.x + from.w + stub, y}} {
		s.reach(2*r.at(start)+across, r.stubCost(start, bundle), -1)
	}
	goals := r.goals(to, bundle)
	best, end := -1, -1
	for {
		here, cost := s.next()
		if here < 0 || best >= 0 && cost >= best {
			break
		}
		if goal, ok := goals[here/2]; ok {
			if here%2 == upDown && !r.mayJoin(here/2, bundle) {
				goal += bendCost
			}
			if best < 0 || cost+goal < best {
				best, end = cost+goal, here
			}
		}
		for direction, steps := range [2][2]int{{-1, 1}, {-r.width, r.width}} {
			for _, step := range steps {
				r.step(s, here, here/2+step, direction, bundle)
			}
		}
	}
	way := s.walk(end)
	kept := route{relation: index, bundle: bundle, joins: r.mayJoin(way[len(way)-1], bundle)}
	kept.points = r.corners(way, from, to, kept.joins)
	r.keep(kept)
	return kept
}

// step reaches a neighbouring point if a line may run there.
func (r *router) step(s *search, here, next, direction, bundle int) {
	if next < 0 || next >= len(r.blocked) || direction == across && next/r.width != here/2/r.width || r.blocked[next] {
		return
	}
	cost := stepCost
	if here%2 != direction {
		cost += bendCost
	}
	if r.hug[next] && direction == upDown {
		cost += hugCost
	}
	cost += r.meeting(here/2, direction, bundle)/2 + r.meeting(next, direction, bundle)/2
	if other := r.owner[1-direction][next]; other != 0 && other != bundle {
		cost += crossCost
	}
	s.reach(2*next+direction, s.cost[here]+cost, here)
}

// mayJoin reports whether a line of the bundle may end at a point of another one.
func (r *router) mayJoin(at, bundle int) bool {
	return r.joinable[at] && (r.owner[across][at] == bundle || r.owner[upDown][at] == bundle)
}

// meeting is the cost of running through a point in which another bundle runs in the same direction.
func (r *router) meeting(at, direction, bundle int) int {
	if other := r.owner[direction][at]; other != 0 && other != bundle {
		return sameCost
	}
	return 0
}

// stubCost is the cost of what a line crosses beside a box, around the point outside.
func (r *router) stubCost(outside point, bundle int) int {
	cost := 0
	for x := outside.x - stub; x <= outside.x+stub; x++ {
		at := r.at(point{x, outside.y})
		cost += r.meeting(at, across, bundle)
		if r.owner[upDown][at] != 0 {
			cost += crossCost
		}
	}
	return cost
}

// goals are the points at which a line has found its table, and what ending there costs: the lines of its bundle, and before
// the sides of the box all places that no other line needs.
func (r *router) goals(to *box, bundle int) map[int]int {
	goals := map[int]int{}
	for at := range r.joinable {
		if r.mayJoin(at, bundle) {
			goals[at] = 0
		}
	}
	for y := to.y + 1; y < to.y+to.h; y++ {
		if slices.ContainsFunc(to.lines, func(l line) bool { return l.kind == relationLine && abs(to.relationY(l.relation)-y) < 2 }) {
			continue
		}
		for _, x := range []int{to.x, to.x + to.w} {
			if r.doors[point{x, y}] || r.doors[point{x, y - 1}] || r.doors[point{x, y + 1}] {
				continue
			}
			outside := point{to.x - stub, y}
			if x != to.x {
				outside.x = x + stub
			}
			goals[r.at(outside)] = doorCost + r.stubCost(outside, bundle)
		}
	}
	return goals
}

// corners makes a line of the points of a way: with its stubs, without the points between corners.
func (r *router) corners(way []int, from, to *box, joins bool) []point {
	points := make([]point, len(way))
	for i, at := range way {
		points[i] = point{at % r.width, at / r.width}
	}
	points = slices.Insert(points, 0, edge(from, points[0]))
	if !joins {
		points = append(points, edge(to, points[len(points)-1]))
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

// edge is the point of a box's side that a line starts from to be at a point outside.
func edge(b *box, outside point) point {
	if outside.x < b.x {
		return point{b.x, outside.y}
	}
	return point{b.x + b.w, outside.y}
}

// keep takes the points of a line, so that others keep away from it or join it.
func (r *router) keep(kept route) {
	points := kept.points
	last := points[len(points)-1]
	for i := 1; i < len(points); i++ {
		a, b := points[i-1], points[i]
		direction := upDown
		if a.y == b.y {
			direction = across
		}
		for p := a; ; p = (point{p.x + sign(b.x-a.x), p.y + sign(b.y-a.y)}) {
			nearStart := i == 1 && abs(p.x-points[0].x) <= stub
			nearEnd := i == len(points)-1 && !kept.joins && abs(p.x-last.x) <= stub
			r.owner[direction][r.at(p)] = kept.bundle
			r.joinable[r.at(p)] = !nearStart && !nearEnd
			if p == b {
				break
			}
		}
	}
	if kept.joins {
		r.owner[across][r.at(last)], r.owner[upDown][r.at(last)] = kept.bundle, kept.bundle
	} else {
		r.doors[last] = true
	}
}

func sign(n int) int { return cmp.Compare(n, 0) }
