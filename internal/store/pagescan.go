package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"cardinal"
)

// walkMost bounds how many entries of an index one walk looks at when other filters pass some over.
const walkMost = 2000

// source is a filter of a list as an index that gives what it holds for in the order of ids.
type source struct {
	from, key string // the table, and its column of the ids
	term      string // what narrows it to the filter
	args      []any  // of the term
	probe     string // the same asked about one of the list, in a form that no planner takes for a place to start from
	leads     bool   // whatever the others have: it holds for one at most
}

// span is where a page of a list begins, and the ids in [low, high) that it looks at.
type span struct {
	cardinal.Page
	low, high uuid.UUID
}

// whole looks at all ids.
func whole(p cardinal.Page) span { return span{p, uuid.Nil, cardinal.MaxID} }

// leading is the source that a walk follows.
type leading struct {
	source
	count int  // how many entries it has where that was asked
	full  bool // it has more than one walk looks at
}

// where builds the conditions, order and limit of a list.
type where struct {
	terms []string
	args  []any
	tail  string
}

// and adds a condition; each %d stands for the number of an argument.
func (w *where) and(term string, args ...any) {
	numbers := make([]any, len(args))
	for i, arg := range args {
		w.args = append(w.args, arg)
		numbers[i] = len(w.args)
	}
	w.terms = append(w.terms, fmt.Sprintf(term, numbers...))
}

// walk narrows to one page and orders it; one row more than the limit tells whether more follow.
func (w *where) walk(key string, within span) {
	w.bound(key, within)
	w.args = append(w.args, within.Limit+1)
	w.tail = fmt.Sprintf(` ORDER BY %s%s LIMIT $%d`, key, order(within.Page), len(w.args))
}

func order(p cardinal.Page) string {
	if p.Descending {
		return ` DESC`
	}
	return ` ASC`
}

// bound narrows to the ids in [low, high) that a page begins before or after.
func (w *where) bound(key string, p span) {
	low, high := p.low, p.high
	if p.Descending {
		if p.After != uuid.Nil && strings.Compare(string(p.After[:]), string(high[:])) < 0 {
			high = p.After
		}
		w.and(key+` >= $%d`, low)
		w.and(key+` < $%d`, high)
	} else {
		if p.After != uuid.Nil && strings.Compare(string(p.After[:]), string(low[:])) >= 0 {
			w.and(key+` > $%d`, p.After)
		} else {
			w.and(key+` >= $%d`, low)
		}
		w.and(key+` < $%d`, high)
	}
}

func (w *where) text() string {
	if len(w.terms) == 0 {
		return w.tail
	}
	return ` WHERE ` + strings.Join(w.terms, ` AND `) + w.tail
}

// lead chooses the source with the fewest entries from where a page begins, counting no further than most, and returns the others; all
// where no filter is set. Of those that have more, the first.
func (r Reader) lead(ctx context.Context, found []source, all source, within span, most int) (leading, []source, error) {
	switch {
	case len(found) == 0:
		return leading{source: all}, nil, nil
	case len(found) == 1 || found[0].leads:
		return leading{source: found[0]}, found[1:], nil
	}
	best, fewest := 0, most+1
	for i, s := range found {
		n, err := r.countOf(ctx, s, within, fewest)
		if err != nil {
			return leading{}, nil, err
		}
		if n < fewest || n == fewest && s.probe == "" { // all are large: a pair is rarer than its words
			best, fewest = i, n
		}
	}
	return leading{found[best], fewest, fewest > most}, append(found[:best:best], found[best+1:]...), nil
}

// countOf counts the entries of a source from where a page begins, but no further than most.
func (r Reader) countOf(ctx context.Context, s source, within span, most int) (int, error) {
	w := where{}
	w.and(s.term, s.args...)
	w.bound(s.key, within)
	w.tail = fmt.Sprintf(` LIMIT %d`, most)
	return one(ctx, r, scanInt, `SELECT count(*) FROM (SELECT 1 FROM `+s.from+w.text()+`) AS c`, w.args...)
}

// until is where a walk over a full source stops: at its n-th entry from where a page begins; uuid.Nil where it need not.
func (r Reader) until(ctx context.Context, lead leading, within span, n int) (uuid.UUID, error) {
	if !lead.full {
		return uuid.Nil, nil
	}
	w := where{}
	w.and(lead.term, lead.args...)
	w.bound(lead.key, within)
	w.tail = fmt.Sprintf(` ORDER BY %s%s LIMIT 1 OFFSET %d`, lead.key, order(within.Page), n-1)
	id, err := one(ctx, r, scanID, `SELECT `+lead.key+` FROM `+lead.from+w.text(), w.args...)
	if errors.Is(err, cardinal.ErrNotFound) { // some have gone meanwhile
		return uuid.Nil, nil
	}
	return id, err
}

// stop narrows to the ids that a walk looks at before it stops.
func (w *where) stop(key string, p cardinal.Page, until uuid.UUID) {
	if until != uuid.Nil {
		w.and(key+map[bool]string{false: ` <= $%d`, true: ` >= $%d`}[p.Descending], until)
	}
}
