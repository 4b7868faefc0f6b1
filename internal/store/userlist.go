package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// UserWalk is what a walk over users found.
type UserWalk struct {
	Users []cardinal.User // one more than asked for when there are more
	Until uuid.UUID       // where the walk stopped before it found enough: the next begins there; uuid.Nil when it came to the end
}

// userFilters are the filters that are set. The first leads when nothing is known of their sizes.
func userFilters(f cardinal.UserFilter) []indexFilter {
	var all []indexFilter
	add := func(from, key, term, probe string, args ...any) {
		all = append(all, indexFilter{table: from, idColumn: key, condition: term, args: args, exists: probe})
	}
	if f.Identifier != nil {
		add(`identifiers`, `identifiers.user_id`, `identifiers.value_index = $%d`,
			`(SELECT 1 FROM identifiers i WHERE i.value_index = $%d AND i.user_id = users.id) = 1`, f.Identifier)
		all[0].unique = true
	}
	for _, token := range f.Tokens {
		add(`search_tokens`, `search_tokens.user_id`, `search_tokens.token = $%d`,
			`(SELECT 1 FROM search_tokens t WHERE t.token = $%d AND t.user_id = users.id) = 1`, token)
	}
	for _, pair := range f.Pairs {
		add(`search_tokens`, `search_tokens.user_id`, `search_tokens.token = $%d`, ``, pair) // whoever has the tokens has the pair
	}
	if f.RoleID != uuid.Nil {
		add(`user_roles`, `user_roles.user_id`, `user_roles.role_id = $%d AND (user_roles.expires_at IS NULL OR user_roles.expires_at > $%d)`,
			`(SELECT 1 FROM user_roles g WHERE g.role_id = $%d AND (g.expires_at IS NULL OR g.expires_at > $%d) AND g.user_id = users.id) = 1`, f.RoleID, f.At)
	}
	if f.Status != "" {
		add(`users`, `users.id`, `users.status = $%d`, `users.status || '' = $%d`, f.Status)
	}
	if f.Kind != "" {
		add(`users`, `users.id`, `users.kind = $%d`, `users.kind || '' = $%d`, f.Kind)
	}
	return all
}

// allUsers is the source of a list without filters.
var allUsers = indexFilter{table: `users`, idColumn: `users.id`}

// userIDRange is what a page of a filter looks at.
func userIDRange(f cardinal.UserFilter) idRange {
	low, high := cardinal.IDAt(time.UnixMilli(1)), cardinal.MaxID
	if f.BuiltIn {
		low = uuid.Nil
	}
	if from := lowestIDAt(f.CreatedFrom); !f.CreatedFrom.IsZero() && lessID(low, from) {
		low = from
	}
	if !f.CreatedUntil.IsZero() {
		high = lowestIDAt(f.CreatedUntil)
	}
	return idRange{f.Page, low, high}
}

// Users returns a page of users. Each filter has an index that gives its users in order: the rarest leads, the others are asked about
// each of its users, and a walk looks at a bounded number of them, so that no combination of filters reads a table.
func (r Reader) Users(ctx context.Context, f cardinal.UserFilter) (UserWalk, error) {
	var walk UserWalk
	within := userIDRange(f)
	lead, others, err := r.chooseDriving(ctx, userFilters(f), allUsers, within, maxScan)
	if err != nil {
		return walk, err
	}
	until, err := r.scanLimitID(ctx, lead, within, maxScan)
	if err != nil {
		return walk, err
	}
	w := whereClause{}
	from := w.joinUsers(lead.indexFilter, others)
	w.boundAt(lead.idColumn, within.Page, until)
	w.page(lead.idColumn, within)
	if walk.Users, err = queryAll(ctx, r, scanUser, `SELECT `+userColumns+` FROM `+from+w.sql(), w.args...); err != nil {
		return walk, err
	}
	if len(walk.Users) <= f.Limit {
		walk.Until = until
	}
	return walk, nil
}

// joinUsers returns what a list reads from, with the conditions of the sources: the lead's users, of whom the others hold.
func (w *whereClause) joinUsers(lead indexFilter, others []indexFilter) (from string) {
	from = lead.table
	if lead.table != `users` {
		from += ` CROSS JOIN users` // which SQLite takes as the order to go by
		w.and(`users.id = ` + lead.idColumn)
	}
	if lead.condition != "" {
		w.and(lead.condition, lead.args...)
	}
	for _, s := range others {
		if s.exists != "" {
			w.and(s.exists, s.args...)
		}
	}
	return from
}
