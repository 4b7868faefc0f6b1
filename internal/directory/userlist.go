package directory

import (
	"context"
	"errors"
	"maps"
	"math"
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
	filter, err := k.resolveFilter(ctx, r, f)
	if err != nil {
		return page, err
	}
	if filter.search != nil {
		page, err = k.search(ctx, r, filter.query, *filter.search)
		for i := range page.Data {
			page.Data[i].EmailVerified = filter.emailVerified
			if !withProfile {
				page.Data[i].Profile = nil
			}
		}
		return page, err
	}
	scan, err := r.Users(ctx, filter.query)
	if err != nil {
		return page, err
	}
	page = convertPage(cardinal.PageOf(scan.Users, f.Limit), func(u store.UserRecord) cardinal.User { return u.User })
	if scan.ResumeAfter != uuid.Nil {
		page.HasMore, page.After = true, scan.ResumeAfter
	}
	for i := range page.Data {
		page.Data[i].EmailVerified = filter.emailVerified
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
	filter, err := k.resolveFilter(ctx, r, f)
	if err != nil {
		return cardinal.Count{}, err
	}
	count, err := r.CountUsers(ctx, filter.query, maxExactCount)
	if err != nil || f.Search == "" {
		return count, err
	}
	share, err := k.matchingShare(ctx, r, filter)
	return cardinal.Count{Value: int64(math.Round(share * float64(count.Value)))}, err
}

// matchingShare returns which share of the users with the tokens of a search matches it, among the newest ones. When
// none of these matches and there are more, it is half a user, because fewer cannot be seen.
func (k Desk) matchingShare(ctx context.Context, r store.Reader, filter resolvedFilter) (float64, error) {
	query := filter.query
	query.Page = cardinal.Page{Limit: maxDecryptedPerPage / 2, Descending: true}
	scan, err := r.Users(ctx, query)
	if err != nil || len(scan.Users) == 0 {
		return 0, err
	}
	matching, err := k.d.decryptMatches(ctx, r, scan.Users, *filter.search)
	n := float64(len(matching))
	if n == 0 && len(scan.Users) > query.Limit {
		n = 0.5
	}
	return n / float64(len(scan.Users)), err
}

// resolvedFilter is a checked filter: the query of the store, with blind index, tokens and time.
type resolvedFilter struct {
	query         store.UserQuery
	search        *searchQuery // nil without one
	emailVerified *bool        // whether the users found have verified the address; nil without one
}

// resolveFilter checks a filter.
func (k Desk) resolveFilter(ctx context.Context, r store.Reader, f cardinal.UserFilter) (resolvedFilter, error) {
	var out resolvedFilter
	query := &out.query
	*query = store.UserQuery{
		Page: f.Page, Kind: f.Kind, Status: f.Status, RoleID: f.RoleID, At: k.d.Now(),
		CreatedFrom: f.CreatedFrom, CreatedUntil: f.CreatedUntil, BuiltIn: f.BuiltIn,
	}
	// A filter needs the permission of what it reveals: who has a role.
	if f.RoleID != uuid.Nil {
		if allowed, err := k.HasPermission(ctx, r, "roles.read"); err != nil {
			return out, err
		} else if !allowed {
			return out, cardinal.Refuse("permission_missing", "roles.read")
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
		if err := out.findAddress(ctx, r, k.d.keys.BlindIndex(normal.KindEmail, address)); err != nil {
			return out, err
		}
	}
	if f.Search == "" && len(f.Attributes) == 0 {
		return out, fieldErrors.Err()
	}
	search, more, err := k.parseSearch(ctx, r, f, query)
	var refusal *cardinal.Refusal
	if err != nil && (len(fieldErrors) == 0 || !errors.As(err, &refusal)) {
		return out, err
	}
	out.search = &search
	return out, append(fieldErrors, more...).Err()
}

// findAddress selects the user who has the claim on an address, or else every user who typed it.
func (f *resolvedFilter) findAddress(ctx context.Context, r store.Reader, index []byte) error {
	owner, err := reservedContact(ctx, r, index)
	if err != nil && !isNotFound(err) {
		return err
	}
	verified := err == nil && owner.VerifiedAt != nil
	if f.emailVerified = &verified; err == nil {
		f.query.Identifier = index
	} else {
		f.query.Unverified = index
	}
	return nil
}
