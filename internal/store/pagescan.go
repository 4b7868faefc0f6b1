package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"cardinal"
)

// maxScan bounds how many entries of an index one walk looks at when other filters pass some over.
const maxScan = 2000

// indexFilter is a filter of a list as an index that gives what it holds for in the order of ids.
type indexFilter struct {
	table, idColumn string // the table, and its column of the ids
	condition       string // what narrows it to the filter
	args            []any  // of the term
	exists          string // the same asked about one of the list, in a form that no planner takes for a place to start from
	unique          bool   // whatever the others have: it holds for one at most
}

// idRange is where a page of a list begins, and the ids in [low, high) that it looks at.
type idRange struct {
	cardinal.Page
	low, high uuid.UUID
}

// allIDs looks at all ids.
func allIDs(p cardinal.Page) idRange { return idRange{p, uuid.Nil, cardinal.MaxID} }

// drivingIndex is the source that a walk follows.
type drivingIndex struct {
	indexFilter
	count       int  // how many entries it has where that was asked
	exceedsScan bool // it has more than one walk looks at
}

// whereClause builds the conditions, order and limit of a list.
type whereClause struct {
	conditions    []string
	args          []any
	orderAndLimit string
}

// and adds a condition; each %d stands for the number of an argument.
func (w *whereClause) and(term string, args ...any) {
	numbers := make([]any, len(args))
	for i, arg := range args {
		w.args = append(w.args, arg)
		numbers[i] = len(w.args)
	}
	w.conditions = append(w.conditions, fmt.Sprintf(term, numbers...))
}

// page narrows to one page and orders it; one row more than the limit tells whether more follow.
func (w *whereClause) page(key string, within idRange) {
	w.withinRange(key, within)
	w.args = append(w.args, within.Limit+1)
	w.orderAndLimit = fmt.Sprintf(` ORDER BY %s%s LIMIT $%d`, key, sortOrder(within.Page), len(w.args))
}

func sortOrder(p cardinal.Page) string {
	if p.Descending {
		return ` DESC`
	}
	return ` ASC`
}

// withinRange narrows to the ids in [low, high) that a page begins before or after.
func (w *whereClause) withinRange(key string, p idRange) {
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

func (w *whereClause) sql() string {
	if len(w.conditions) == 0 {
		return w.orderAndLimit
	}
	return ` WHERE ` + strings.Join(w.conditions, ` AND `) + w.orderAndLimit
}

// chooseDriving chooses the source with the fewest entries from where a page begins, counting no further than most, and returns the others; all
// where no filter is set. Of those that have more, the first.
func (r Reader) chooseDriving(ctx context.Context, filters []indexFilter, all indexFilter, within idRange, most int) (drivingIndex, []indexFilter, error) {
	switch {
	case len(filters) == 0:
		return drivingIndex{indexFilter: all}, nil, nil
	case len(filters) == 1 || filters[0].unique:
		return drivingIndex{indexFilter: filters[0]}, filters[1:], nil
	}
	best, fewest := 0, most+1
	for i, s := range filters {
		n, err := r.countEntries(ctx, s, within, fewest)
		if err != nil {
			return drivingIndex{}, nil, err
		}
		if n < fewest || n == fewest && s.exists == "" { // all are large: a pair is rarer than its words
			best, fewest = i, n
		}
	}
	return drivingIndex{filters[best], fewest, fewest > most}, append(filters[:best:best], filters[best+1:]...), nil
}

// countEntries counts the entries of a source from where a page begins, but no further than most.
func (r Reader) countEntries(ctx context.Context, s indexFilter, within idRange, most int) (int, error) {
	w := whereClause{}
	w.and(s.condition, s.args...)
	w.withinRange(s.idColumn, within)
	w.orderAndLimit = fmt.Sprintf(` LIMIT %d`, most)
	return queryOne(ctx, r, scanInt, `SELECT count(*) FROM (SELECT 1 FROM `+s.table+w.sql()+`) AS c`, w.args...)
}

// scanLimitID is where a walk over a full source stops: at its n-th entry from where a page begins; uuid.Nil where it need not.
func (r Reader) scanLimitID(ctx context.Context, lead drivingIndex, within idRange, n int) (uuid.UUID, error) {
	if !lead.exceedsScan {
		return uuid.Nil, nil
	}
	w := whereClause{}
	w.and(lead.condition, lead.args...)
	w.withinRange(lead.idColumn, within)
	w.orderAndLimit = fmt.Sprintf(` ORDER BY %s%s LIMIT 1 OFFSET %d`, lead.idColumn, sortOrder(within.Page), n-1)
	id, err := queryOne(ctx, r, scanID, `SELECT `+lead.idColumn+` FROM `+lead.table+w.sql(), w.args...)
	if errors.Is(err, cardinal.ErrNotFound) { // some have gone meanwhile
		return uuid.Nil, nil
	}
	return id, err
}

// boundAt narrows to the ids that a walk looks at before it stops.
func (w *whereClause) boundAt(key string, p cardinal.Page, until uuid.UUID) {
	if until != uuid.Nil {
		w.and(key+map[bool]string{false: ` <= $%d`, true: ` >= $%d`}[p.Descending], until)
	}
}
