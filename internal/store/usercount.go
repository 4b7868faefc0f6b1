package store

import (
	"context"
	"fmt"
	"strings"

	"cardinal"
)

// countSampleSize is how many users an estimate looks at.
const countSampleSize = 2000

// UserCount counts the users of a filter exactly up to most. Beyond that, and where more users than that would have to be looked at, it
// estimates: as large a share of all users as of the newest.
func (r Reader) UserCount(ctx context.Context, f cardinal.UserFilter, most int) (cardinal.Count, error) {
	f.Page = cardinal.Page{Limit: most}
	within := userIDRange(f)
	lead, others, err := r.chooseDriving(ctx, userFilters(f), allUsers, within, most)
	if err != nil {
		return cardinal.Count{}, err
	}
	if !lead.exceedsScan {
		w := whereClause{}
		from := w.joinUsers(lead.indexFilter, others)
		w.page(lead.idColumn, within)
		n, err := queryOne(ctx, r, scanInt, `SELECT count(*) FROM (SELECT `+lead.idColumn+` FROM `+from+w.sql()+`) AS c`, w.args...)
		if err != nil || n <= most {
			return cardinal.Count{Value: int64(n), IsExact: true}, err
		}
	}
	share, err := r.shareOfNewest(ctx, f)
	if err != nil {
		return cardinal.Count{}, err
	}
	users, err := r.statistic(ctx, `users`)
	return cardinal.Count{Value: max(int64(share*float64(users)), int64(most))}, err
}

// shareOfNewest returns how many of the newest users a filter holds for, 0 to 1.
func (r Reader) shareOfNewest(ctx context.Context, f cardinal.UserFilter) (float64, error) {
	within := userIDRange(f)
	w := whereClause{}
	w.and(`users.id >= $%d`, within.low)
	w.and(`users.id < $%d`, within.high)
	for _, s := range userFilters(f) {
		if s.exists != "" {
			w.and(s.exists, s.args...)
		}
	}
	type counts struct{ all, some int }
	n, err := queryOne(ctx, r, func(row scanner) (c counts, err error) { err = row.Scan(&c.all, &c.some); return c, err },
		`SELECT count(*), count(CASE WHEN `+strings.Join(w.conditions, ` AND `)+` THEN 1 END)
		   FROM (SELECT id, kind, status FROM users ORDER BY id DESC LIMIT `+fmt.Sprint(countSampleSize)+`) AS users`, w.args...)
	if err != nil || n.all == 0 {
		return 0, err
	}
	return float64(n.some) / float64(n.all), nil
}

func scanInt(row scanner) (n int, err error) {
	err = row.Scan(&n)
	return n, err
}
