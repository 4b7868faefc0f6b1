package store

import (
	"context"
	"strings"

	"cardinal"
)

// countSampleSize is how many users an estimate is based on.
const countSampleSize = 2000

// CountUsers counts the users of a filter exactly up to limit. Above that, and where the count would have to scan more
// users than that, it is an estimate: the filter's share of the newest users, applied to the number of all users.
func (r Reader) CountUsers(ctx context.Context, f UserQuery, limit int) (cardinal.Count, error) {
	f.Page = cardinal.Page{Limit: limit}
	ids := userIDRange(f)
	driving, others, err := r.chooseDriving(ctx, userFilters(f), allUsers, ids, limit)
	if err != nil {
		return cardinal.Count{}, err
	}
	if !driving.exceedsScan {
		w := whereClause{}
		from := w.joinUsers(driving.indexFilter, others)
		w.page(driving.idColumn, ids)
		n, err := queryOne(ctx, r, scanInt,
			`SELECT count(*) FROM (SELECT `+driving.idColumn+` FROM `+from+w.sql()+`) AS c`, w.args...)
		if err != nil || n <= limit {
			return cardinal.Count{Value: int64(n), IsExact: true}, err
		}
	}
	share, err := r.shareOfNewest(ctx, f)
	if err != nil {
		return cardinal.Count{}, err
	}
	users, err := r.statistic(ctx, `users`)
	return cardinal.Count{Value: max(int64(share*float64(users)), int64(limit))}, err
}

// shareOfNewest returns the share of the newest users that match a filter, 0 to 1.
func (r Reader) shareOfNewest(ctx context.Context, f UserQuery) (float64, error) {
	ids := userIDRange(f)
	w := whereClause{}
	w.and(`users.id >= $%d`, ids.low)
	w.and(`users.id < $%d`, ids.high)
	for _, filter := range userFilters(f) {
		if filter.exists != "" {
			w.and(filter.exists, filter.args...)
		}
	}
	type counts struct{ all, matching int }
	n, err := queryOne(ctx, r, func(row scanner) (c counts, err error) {
		err = row.Scan(&c.all, &c.matching)
		return c, err
	}, `
		 SELECT count(*), count(CASE WHEN `+strings.Join(w.conditions, ` AND `)+` THEN 1 END)
		   FROM (SELECT id, kind, status FROM users ORDER BY id DESC LIMIT `+limitText(countSampleSize)+`) AS users`,
		w.args...)
	if err != nil || n.all == 0 {
		return 0, err
	}
	return float64(n.matching) / float64(n.all), nil
}

func scanInt(row scanner) (n int, err error) {
	err = row.Scan(&n)
	return n, err
}
