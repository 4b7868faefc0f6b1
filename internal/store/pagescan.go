// Lists with several filters. Each filter has an index that returns ids in order. The most selective index drives the
// scan (drivingIndex); the other filters are tested per row. Pages are keyset pages: they begin after an id, not at an
// offset. One page scans at most maxScan index entries, so that no combination of filters reads a whole table; a page
// may therefore be short, or empty, and still have more.

package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"cardinal"
)

// maxScan bounds how many entries of the driving index one page scans when the other filters skip some of them.
const maxScan = 2000

// indexFilter is one filter of a list, as an index that returns the matching ids in order.
type indexFilter struct {
	table, idColumn string // the indexed table, and its column that has the ids of the list
	condition       string // narrows the index to the filter
	args            []any  // the arguments of condition and of exists
	exists          string // the same condition per row of the list; no planner uses it as the driving index
	unique          bool   // matches at most one row, so it drives without counting
}

// idRange is a page, and the half-open range of ids [low, high) that it is taken from.
type idRange struct {
	cardinal.Page
	low, high uuid.UUID
}

// allIDs is the range of all ids.
func allIDs(p cardinal.Page) idRange { return idRange{p, uuid.Nil, cardinal.MaxID} }

// drivingIndex is the filter with the index that a page scans.
type drivingIndex struct {
	indexFilter
	count       int  // its entries, if they were counted
	exceedsScan bool // it has more entries than one page scans
}

// whereClause builds the conditions, the order and the limit of a list.
type whereClause struct {
	conditions    []string
	args          []any
	orderAndLimit string
}

// and adds a condition; each %d is replaced by the number of an argument.
func (w *whereClause) and(condition string, args ...any) {
	numbers := make([]any, len(args))
	for i, arg := range args {
		w.args = append(w.args, arg)
		numbers[i] = len(w.args)
	}
	w.conditions = append(w.conditions, fmt.Sprintf(condition, numbers...))
}

// page narrows to one page and orders it. It asks for one row more than the limit, which shows whether more rows
// follow.
func (w *whereClause) page(idColumn string, ids idRange) {
	w.withinRange(idColumn, ids)
	w.args = append(w.args, ids.Limit+1)
	w.orderAndLimit = fmt.Sprintf(` ORDER BY %s%s LIMIT $%d`, idColumn, sortOrder(ids.Page), len(w.args))
}

func sortOrder(p cardinal.Page) string {
	if p.Descending {
		return ` DESC`
	}
	return ` ASC`
}

// withinRange narrows to the ids in [low, high) that follow the page's After in the page's order.
func (w *whereClause) withinRange(idColumn string, ids idRange) {
	low, high := ids.low, ids.high
	if ids.Descending {
		if ids.After != uuid.Nil && lessID(ids.After, high) {
			high = ids.After
		}
		w.and(idColumn+` >= $%d`, low)
		w.and(idColumn+` < $%d`, high)
	} else {
		if ids.After != uuid.Nil && !lessID(ids.After, low) {
			w.and(idColumn+` > $%d`, ids.After)
		} else {
			w.and(idColumn+` >= $%d`, low)
		}
		w.and(idColumn+` < $%d`, high)
	}
}

func lessID(a, b uuid.UUID) bool { return string(a[:]) < string(b[:]) }

func (w *whereClause) sql() string {
	if len(w.conditions) == 0 {
		return w.orderAndLimit
	}
	return ` WHERE ` + strings.Join(w.conditions, ` AND `) + w.orderAndLimit
}

// chooseDriving returns the filter with the fewest entries in the range of a page, and the other filters; unfiltered if
// there is no filter. It counts no more than limit entries per filter. If all filters have more, the first drives.
func (r Reader) chooseDriving(
	ctx context.Context, filters []indexFilter, unfiltered indexFilter, ids idRange, limit int,
) (drivingIndex, []indexFilter, error) {
	switch {
	case len(filters) == 0:
		return drivingIndex{indexFilter: unfiltered}, nil, nil
	case len(filters) == 1 || filters[0].unique:
		return drivingIndex{indexFilter: filters[0]}, filters[1:], nil
	}
	best, fewest := 0, limit+1
	for i, f := range filters {
		n, err := r.countEntries(ctx, f, ids, fewest)
		if err != nil {
			return drivingIndex{}, nil, err
		}
		// A filter without exists is a pair of search tokens. If all filters are large, a pair is preferred: it is
		// rarer than each of its tokens.
		if n < fewest || n == fewest && f.exists == "" {
			best, fewest = i, n
		}
	}
	others := append(filters[:best:best], filters[best+1:]...)
	return drivingIndex{filters[best], fewest, fewest > limit}, others, nil
}

// countEntries counts the entries of a filter in the range of a page, up to limit.
func (r Reader) countEntries(ctx context.Context, f indexFilter, ids idRange, limit int) (int, error) {
	w := whereClause{}
	w.and(f.condition, f.args...)
	w.withinRange(f.idColumn, ids)
	w.orderAndLimit = fmt.Sprintf(` LIMIT %d`, limit)
	return queryOne(ctx, r, scanInt, `SELECT count(*) FROM (SELECT 1 FROM `+f.table+w.sql()+`) AS c`, w.args...)
}

// scanLimitID returns the id at which the scan of a large driving index stops: its n-th entry in the range of a page.
// It returns uuid.Nil where the scan needs no limit.
func (r Reader) scanLimitID(ctx context.Context, driving drivingIndex, ids idRange, n int) (uuid.UUID, error) {
	if !driving.exceedsScan {
		return uuid.Nil, nil
	}
	w := whereClause{}
	w.and(driving.condition, driving.args...)
	w.withinRange(driving.idColumn, ids)
	w.orderAndLimit = fmt.Sprintf(` ORDER BY %s%s LIMIT 1 OFFSET %d`, driving.idColumn, sortOrder(ids.Page), n-1)
	id, err := queryOne(ctx, r, scanID, `SELECT `+driving.idColumn+` FROM `+driving.table+w.sql(), w.args...)
	if errors.Is(err, cardinal.ErrNotFound) { // entries were deleted since they were counted
		return uuid.Nil, nil
	}
	return id, err
}

// boundAt narrows to the ids up to and including last in the page's order; uuid.Nil means no bound.
func (w *whereClause) boundAt(idColumn string, p cardinal.Page, last uuid.UUID) {
	if last != uuid.Nil {
		w.and(idColumn+map[bool]string{false: ` <= $%d`, true: ` >= $%d`}[p.Descending], last)
	}
}
