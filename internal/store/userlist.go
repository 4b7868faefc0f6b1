// Lists of users with filters; pagescan.go has the algorithm.

package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// UserPage is one page of users.
type UserPage struct {
	Users []UserRecord // one more than the limit if there are more
	// ResumeAfter is where the scan stopped before it found enough users: the next page begins after it. uuid.Nil if
	// the scan reached the end.
	ResumeAfter uuid.UUID
}

// UserQuery selects users. Empty fields do not narrow the list.
type UserQuery struct {
	cardinal.Page
	Kind         string
	Status       string
	RoleID       uuid.UUID // users with this role
	At           time.Time // the time at which a grant of that role must not be expired
	Identifier   []byte    // blind index of an address that one user has
	Unverified   []byte    // blind index of an address that users typed and no user has verified
	Tokens       [][]byte  // search tokens, all of them
	Pairs        [][]byte  // tokens of two words each: they follow from Tokens and are rarer
	CreatedFrom  time.Time // inclusive, to the millisecond of the id
	CreatedUntil time.Time // exclusive
	BuiltIn      bool      // list the built-in actors too
}

// userFilters returns the filters that are set. The first one drives the scan where nothing is known of their sizes.
func userFilters(f UserQuery) []indexFilter {
	var filters []indexFilter
	add := func(table, idColumn, condition, exists string, args ...any) {
		filters = append(filters,
			indexFilter{table: table, idColumn: idColumn, condition: condition, args: args, exists: exists})
	}
	if f.Identifier != nil {
		add(`identifiers`, `identifiers.user_id`, `identifiers.value_index = $%d`,
			`(SELECT 1 FROM identifiers i WHERE i.value_index = $%d AND i.user_id = users.id) = 1`, f.Identifier)
		filters[0].unique = true
	}
	if f.Unverified != nil {
		add(`contacts`, `contacts.user_id`, `contacts.value_index = $%d`,
			`(SELECT 1 FROM contacts c WHERE c.value_index = $%d AND c.user_id = users.id) = 1`, f.Unverified)
	}
	for _, token := range f.Tokens {
		add(`search_tokens`, `search_tokens.user_id`, `search_tokens.token = $%d`,
			`(SELECT 1 FROM search_tokens t WHERE t.token = $%d AND t.user_id = users.id) = 1`, token)
	}
	for _, pair := range f.Pairs {
		// No exists: a user with both tokens also has the pair.
		add(`search_tokens`, `search_tokens.user_id`, `search_tokens.token = $%d`, ``, pair)
	}
	if f.RoleID != uuid.Nil {
		add(`user_roles`, `user_roles.user_id`,
			`user_roles.role_id = $%d AND (user_roles.expires_at IS NULL OR user_roles.expires_at > $%d)`,
			`(SELECT 1 FROM user_roles g
			   WHERE g.role_id = $%d AND (g.expires_at IS NULL OR g.expires_at > $%d) AND g.user_id = users.id) = 1`,
			f.RoleID, f.At)
	}
	if f.Status != "" {
		add(`users`, `users.id`, `users.status = $%d`, `users.status || '' = $%d`, f.Status)
	}
	if f.Kind != "" {
		add(`users`, `users.id`, `users.kind = $%d`, `users.kind || '' = $%d`, f.Kind)
	}
	return filters
}

// allUsers drives a list without filters.
var allUsers = indexFilter{table: `users`, idColumn: `users.id`}

// userIDRange is the range of ids that a page of a filter is taken from.
func userIDRange(f UserQuery) idRange {
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

// Users returns a page of users. The most selective filter drives the scan, the others are tested per user. One page
// scans a bounded number of users, so that no combination of filters reads a whole table.
func (r Reader) Users(ctx context.Context, f UserQuery) (UserPage, error) {
	var page UserPage
	ids := userIDRange(f)
	driving, others, err := r.chooseDriving(ctx, userFilters(f), allUsers, ids, maxScan)
	if err != nil {
		return page, err
	}
	limitID, err := r.scanLimitID(ctx, driving, ids, maxScan)
	if err != nil {
		return page, err
	}
	w := whereClause{}
	from := w.joinUsers(driving.indexFilter, others)
	w.boundAt(driving.idColumn, ids.Page, limitID)
	w.page(driving.idColumn, ids)
	page.Users, err = queryAll(ctx, r, scanUser, `SELECT `+userColumns+` FROM `+from+w.sql(), w.args...)
	if err != nil {
		return page, err
	}
	if len(page.Users) <= f.Limit {
		page.ResumeAfter = limitID
	}
	return page, nil
}

// joinUsers adds the conditions of all filters and returns the FROM list: the table of the driving index, joined with
// users.
func (w *whereClause) joinUsers(driving indexFilter, others []indexFilter) (from string) {
	from = driving.table
	if driving.table != `users` {
		from += ` CROSS JOIN users` // SQLite joins the tables of a CROSS JOIN in the order in which they are written
		w.and(`users.id = ` + driving.idColumn)
	}
	if driving.condition != "" {
		w.and(driving.condition, driving.args...)
	}
	for _, f := range others {
		if f.exists != "" {
			w.and(f.exists, f.args...)
		}
	}
	return from
}
