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

// Users returns a page of users. Built-in actors are left out unless f.BuiltIn is set. A page can be short without
// being the last: HasMore says whether more follow.
func (k Desk) Users(
	ctx context.Context, f cardinal.UserFilter, withProfile bool,
) (cardinal.List[cardinal.User], error) {
	var page cardinal.List[cardinal.User]
	r, err := k.Read(ctx, Rule{Permission: "users.read"})
	if err != nil {
		return page, err
	}
	query, search, err := k.resolveFilter(ctx, r, f)
	if err != nil {
		return page, err
	}
	if search != nil {
		page, err = k.search(ctx, r, query, *search)
		for i := range page.Data {
			if !withProfile {
				page.Data[i].Profile = nil
			}
		}
		return page, err
	}
	scan, err := r.Users(ctx, query)
	if err != nil {
		return page, err
	}
	page = convertPage(cardinal.PageOf(scan.Users, f.Limit), func(u store.UserRecord) cardinal.User { return u.User })
	if scan.ResumeAfter != uuid.Nil {
		page.HasMore, page.After = true, scan.ResumeAfter
	}
	if withProfile {
		err = k.d.expandProfiles(ctx, r, page.Data)
	}
	return page, err
}

// maxExactCount is the highest number of users that is counted exactly.
const maxExactCount = 10_000

// CountUsers counts the users of a filter: exactly up to maxExactCount; above that, and for a search by words, it
// returns an estimate.
func (k Desk) CountUsers(ctx context.Context, f cardinal.UserFilter) (cardinal.Count, error) {
	r, err := k.Read(ctx, Rule{Permission: "users.read"})
	if err != nil {
		return cardinal.Count{}, err
	}
	query, _, err := k.resolveFilter(ctx, r, f)
	if err != nil {
		return cardinal.Count{}, err
	}
	count, err := r.CountUsers(ctx, query, maxExactCount)
	count.IsExact = count.IsExact && f.Search == ""
	return count, err
}

// resolveFilter checks a filter and returns the query of the store, with blind index, tokens and time, and the parsed
// search; nil without one.
func (k Desk) resolveFilter(
	ctx context.Context, r store.Reader, f cardinal.UserFilter,
) (store.UserQuery, *searchQuery, error) {
	query := store.UserQuery{
		Page: f.Page, Kind: f.Kind, Status: f.Status, RoleID: f.RoleID, At: k.d.Now(),
		CreatedFrom: f.CreatedFrom, CreatedUntil: f.CreatedUntil, BuiltIn: f.BuiltIn,
	}
	// A filter needs the permission of what it reveals: who has a role.
	if f.RoleID != uuid.Nil {
		if allowed, err := k.HasPermission(ctx, r, "roles.read"); err != nil {
			return query, nil, err
		} else if !allowed {
			return query, nil, cardinal.Refuse("permission_missing", "roles.read")
		}
	}
	var fieldErrors cardinal.FieldErrors
	if _, ok := k.d.statuses[f.Status]; f.Status != "" && !ok {
		fieldErrors.AddParameter("status", "status_unknown", strings.Join(slices.Sorted(maps.Keys(k.d.statuses)), ", "))
	}
	if _, ok := k.d.kinds[f.Kind]; f.Kind != "" && !ok {
		fieldErrors.AddParameter("kind", "kind_unknown", strings.Join(k.d.ListedKinds(), ", "))
	}
	if f.Email != "" {
		address, err := normal.Email(f.Email)
		if err != nil {
			fieldErrors.AddParameter("email", "email_format")
		}
		query.Identifier = k.d.keys.BlindIndex(normal.KindEmail, address)
	}
	if f.Search == "" && len(f.Attributes) == 0 {
		return query, nil, fieldErrors.Err()
	}
	search, more, err := k.parseSearch(ctx, r, f, &query)
	var refusal *cardinal.Refusal
	if err != nil && (len(fieldErrors) == 0 || !errors.As(err, &refusal)) {
		return query, nil, err
	}
	return query, &search, append(fieldErrors, more...).Err()
}
