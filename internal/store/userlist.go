package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// UserWalk is what a walk over users found.
type UserWalk struct {
	Users []cardinal.User // one more than asked for when there are more
	Until uuid.UUID       // where the walk stopped before it found enough: the next begins there; uuid.Nil when it came to the end
}

// walkMost bounds how many entries of an index one walk looks at when other filters pass some over.
const walkMost = 2000

// source is a filter of the list of users as an index that gives its users in the order of their ids.
type source struct {
	from, key string // the table, and its column of user ids
	term      string // what narrows it to the filter
	args      []any  // of the term
	probe     string // the same asked about one user, in a form that no planner takes for a place to start from
}

// sources are the filters that are set. The first leads when nothing is known of their sizes.
func sources(f cardinal.UserFilter) []source {
	var all []source
	add := func(from, key, term, probe string, args ...any) {
		all = append(all, source{from, key, term, args, probe})
	}
	if f.Identifier != nil {
		add(`identifiers`, `identifiers.user_id`, `identifiers.value_index = $%d`,
			`(SELECT 1 FROM identifiers i WHERE i.value_index = $%d AND i.user_id = users.id) = 1`, f.Identifier)
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

// userIDs are the bounds of the ids that a filter leaves, [low, high).
func userIDs(f cardinal.UserFilter) (low, high uuid.UUID) {
	low, high = cardinal.IDAt(time.UnixMilli(1)), cardinal.MaxID
	if f.BuiltIn {
		low = uuid.Nil
	}
	if from := floorID(f.CreatedFrom); !f.CreatedFrom.IsZero() && less(low, from) {
		low = from
	}
	if !f.CreatedUntil.IsZero() {
		high = floorID(f.CreatedUntil)
	}
	return low, high
}

// Users returns a page of users. Each filter has an index that gives its users in order: the rarest leads, the others are asked about
// each of its users, and a walk looks at a bounded number of them, so that no combination of filters reads a table.
func (r Reader) Users(ctx context.Context, f cardinal.UserFilter) (UserWalk, error) {
	var walk UserWalk
	low, high := userIDs(f)
	lead, others, err := r.lead(ctx, f, walkMost)
	if err != nil {
		return walk, err
	}
	var until uuid.UUID
	if lead.full {
		if until, err = r.place(ctx, f, lead.source, walkMost); err != nil && !errors.Is(err, cardinal.ErrNotFound) {
			return walk, err
		}
	}
	w := where{}
	from := w.join(lead.source, others)
	if until != uuid.Nil {
		w.and(lead.key+map[bool]string{false: ` <= $%d`, true: ` >= $%d`}[f.Descending], until)
	}
	w.walk(lead.key, f.Page, low, high)
	if walk.Users, err = all(ctx, r, scanUser, `SELECT `+userColumns+` FROM `+from+w.text(), w.args...); err != nil {
		return walk, err
	}
	if len(walk.Users) <= f.Limit {
		walk.Until = until
	}
	return walk, nil
}

// leading is the source that a walk follows.
type leading struct {
	source
	full bool // it has more users than one walk looks at
}

// lead chooses the source with the fewest users from where a page begins, counting no further than most, and returns the others.
func (r Reader) lead(ctx context.Context, f cardinal.UserFilter, most int) (leading, []source, error) {
	found := sources(f)
	switch {
	case len(found) == 0:
		return leading{source: source{from: `users`, key: `users.id`}}, nil, nil
	case len(found) == 1 || f.Identifier != nil:
		return leading{source: found[0]}, found[1:], nil
	}
	best, fewest := 0, most+1
	for i, s := range found {
		n, err := r.countOf(ctx, f, s, fewest)
		if err != nil {
			return leading{}, nil, err
		}
		if n < fewest || n == fewest && s.probe == "" { // all are large: a pair is rarer than its words
			best, fewest = i, n
		}
	}
	chosen := found[best]
	return leading{chosen, fewest > most}, append(found[:best:best], found[best+1:]...), nil
}

// join returns what a list reads from, with the conditions of the sources: the lead's users, of whom the others hold.
func (w *where) join(lead source, others []source) (from string) {
	from = lead.from
	if lead.from != `users` {
		from += ` CROSS JOIN users` // which SQLite takes as the order to go by
		w.and(`users.id = ` + lead.key)
	}
	if lead.term != "" {
		w.and(lead.term, lead.args...)
	}
	for _, s := range others {
		if s.probe != "" {
			w.and(s.probe, s.args...)
		}
	}
	return from
}

// countOf counts the users of a source from where a page begins, but no further than most.
func (r Reader) countOf(ctx context.Context, f cardinal.UserFilter, s source, most int) (int, error) {
	low, high := userIDs(f)
	w := where{}
	w.and(s.term, s.args...)
	w.bound(s.key, f.Page, low, high)
	w.tail = fmt.Sprintf(` LIMIT %d`, most)
	return one(ctx, r, scanInt, `SELECT count(*) FROM (SELECT 1 FROM `+s.from+w.text()+`) AS c`, w.args...)
}

// place returns the n-th user of a source from where a page begins.
func (r Reader) place(ctx context.Context, f cardinal.UserFilter, s source, n int) (uuid.UUID, error) {
	low, high := userIDs(f)
	w := where{}
	w.and(s.term, s.args...)
	w.bound(s.key, f.Page, low, high)
	w.tail = fmt.Sprintf(` ORDER BY %s%s LIMIT 1 OFFSET %d`, s.key, order(f.Page), n-1)
	return one(ctx, r, scanID, `SELECT `+s.key+` FROM `+s.from+w.text(), w.args...)
}
