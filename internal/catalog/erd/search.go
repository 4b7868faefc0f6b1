package erd

import "slices"

// search is the state of one run of Dijkstra's algorithm over numbered states. Costs are small whole numbers, so a row of
// buckets serves as the queue; states of equal cost are taken in the order in which they were reached.
type search struct {
	cost, before []int
	buckets      [][]int
	at           int // the bucket that is being emptied
}

func newSearch(states int) *search {
	s := &search{cost: make([]int, states), before: make([]int, states)}
	for i := range s.cost {
		s.cost[i] = -1
	}
	return s
}

// reach notes that a state can be reached at a cost, from another one or from none (-1).
func (s *search) reach(state, cost, from int) {
	if s.cost[state] >= 0 && s.cost[state] <= cost {
		return
	}
	s.cost[state], s.before[state] = cost, from
	for len(s.buckets) <= cost {
		s.buckets = append(s.buckets, nil)
	}
	s.buckets[cost] = append(s.buckets[cost], state)
}

// next returns the cheapest state that was not returned yet, -1 when there is none.
func (s *search) next() (state, cost int) {
	for ; s.at < len(s.buckets); s.at++ {
		for len(s.buckets[s.at]) > 0 {
			state := s.buckets[s.at][0]
			s.buckets[s.at] = s.buckets[s.at][1:]
			if s.cost[state] == s.at {
				return state, s.at
			}
		}
	}
	return -1, 0
}

// walk returns the points on the way to a state, from the first on; a point has one state a direction.
func (s *search) walk(state int) []int {
	var way []int
	for ; state >= 0; state = s.before[state] {
		if at := state / 2; len(way) == 0 || way[len(way)-1] != at {
			way = append(way, at)
		}
	}
	slices.Reverse(way)
	return way
}
