package directory

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/normal"
	"cardinal/internal/store"
)

// Users returns a page of users. Built-in actors are hidden unless asked for. A page can be short and yet not the last.
func (k Desk) Users(ctx context.Context, f cardinal.UserFilter, withProfile bool) (cardinal.List[cardinal.User], error) {
	var page cardinal.List[cardinal.User]
	r, err := k.Read(ctx, Rule{Permission: "users.read"})
	if err != nil {
		return page, err
	}
	q, err := k.resolveFilter(ctx, r, &f)
	if err != nil {
		return page, err
	}
	if q != nil {
		page, err = k.search(ctx, r, f, *q)
		for i := range page.Data {
			if !withProfile {
				page.Data[i].Profile = nil
			}
		}
		return page, err
	}
	walk, err := r.Users(ctx, f)
	if err != nil {
		return page, err
	}
	page = cardinal.PageOf(walk.Users, f.Limit)
	if walk.Until != uuid.Nil {
		page.HasMore, page.After = true, walk.Until
	}
	if withProfile {
		err = k.d.expandProfiles(ctx, r, page.Data)
	}
	return page, err
}

// maxExactCount is up to where users are counted one by one.
const maxExactCount = 10_000

// CountUsers counts the users of a filter: exactly up to 10,000, beyond by estimate, as always for a search by words.
func (k Desk) CountUsers(ctx context.Context, f cardinal.UserFilter) (cardinal.Count, error) {
	r, err := k.Read(ctx, Rule{Permission: "users.read"})
	if err != nil {
		return cardinal.Count{}, err
	}
	if _, err := k.resolveFilter(ctx, r, &f); err != nil {
		return cardinal.Count{}, err
	}
	count, err := r.UserCount(ctx, f, maxExactCount)
	count.IsExact = count.IsExact && f.Search == ""
	return count, err
}

// resolveFilter checks a filter and completes it; it returns what is searched for, if anything.
func (k Desk) resolveFilter(ctx context.Context, r store.Reader, f *cardinal.UserFilter) (*searchQuery, error) {
	var faults cardinal.Faults
	if _, ok := k.d.statuses[f.Status]; f.Status != "" && !ok {
		faults.AddParameter("status", "status_unknown", strings.Join(slices.Sorted(maps.Keys(k.d.statuses)), ", "))
	}
	if _, ok := k.d.kinds[f.Kind]; f.Kind != "" && !ok {
		faults.AddParameter("kind", "kind_unknown", strings.Join(k.d.ListedKinds(), ", "))
	}
	if f.Email != "" {
		address, err := normal.Email(f.Email)
		if err != nil {
			faults.AddParameter("email", "email_format")
		}
		f.Identifier = k.d.keys.BlindIndex(normal.KindEmail, address)
	}
	f.At = k.d.Now()
	if f.Search == "" && len(f.Attributes) == 0 {
		return nil, faults.Err()
	}
	q, wrong, err := k.parseSearch(ctx, r, f)
	var refusal *cardinal.Refusal
	if err != nil && (len(faults) == 0 || !errors.As(err, &refusal)) {
		return nil, err
	}
	return &q, append(faults, wrong...).Err()
}
