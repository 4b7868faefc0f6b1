package erd

import "slices"

// dijkstra is one run of Dijkstra's algorithm over numbered states. Costs are small integers, so the priority queue is
// a list of buckets, one per cost (Dial's algorithm). States of equal cost are returned in the order in which they were
// added.
type dijkstra struct {
	cost, previous []int
	buckets        [][]int
	current        int // index of the bucket that pop reads from
}

func newDijkstra(states int) *dijkstra {
	s := &dijkstra{cost: make([]int, states), previous: make([]int, states)}
	for i := range s.cost {
		s.cost[i] = -1
	}
	return s
}

// push adds a state with its cost and its previous state (-1 for a start). It does nothing if the state has a lower or
// equal cost.
func (s *dijkstra) push(state, cost, from int) {
	if s.cost[state] >= 0 && s.cost[state] <= cost {
		return
	}
	s.cost[state], s.previous[state] = cost, from
	for len(s.buckets) <= cost {
		s.buckets = append(s.buckets, nil)
	}
	s.buckets[cost] = append(s.buckets[cost], state)
}

// pop returns the cheapest state that was not returned yet, -1 if there is none.
func (s *dijkstra) pop() (state, cost int) {
	for ; s.current < len(s.buckets); s.current++ {
		for len(s.buckets[s.current]) > 0 {
			state := s.buckets[s.current][0]
			s.buckets[s.current] = s.buckets[s.current][1:]
			if s.cost[state] == s.current {
				return state, s.current
			}
		}
	}
	return -1, 0
}

// path returns the points from the start to a state. A point has one state per direction.
func (s *dijkstra) path(state int) []int {
	var path []int
	for ; state >= 0; state = s.previous[state] {
		if at := state / 2; len(path) == 0 || path[len(path)-1] != at {
			path = append(path, at)
		}
	}
	slices.Reverse(path)
	return path
}
