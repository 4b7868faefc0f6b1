package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

func lookups(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	wantEqual(t, "UserStatuses", must(r.UserStatuses(ctx))(t), []store.UserStatus{
		{
			Status:             cardinal.Status{Code: "pending", Description: "Signed up; no contact is verified yet."},
			AwaitsVerification: true,
		},
		{Status: cardinal.Status{Code: "active", Description: "In use.", CanSignIn: true}},
		{Status: cardinal.Status{Code: "suspended", Description: "Locked by an administrator; no data is lost."}},
		{Status: cardinal.Status{Code: "deleted", Description: "Soft-deleted; can be restored.", IsDeleted: true}},
		{
			Status: cardinal.Status{
				Code:        "erased",
				Description: "Personal data is destroyed; final.",
				IsDeleted:   true,
				IsErased:    true,
			},
		},
	})
	wantEqual(t, "UserKinds", must(r.UserKinds(ctx))(t), []store.UserKind{
		{Code: "person", CanSignIn: true, IsListed: true}, {Code: "service", CanHoldAPIKeys: true, IsListed: true},
		{Code: "operator"}, {Code: "system"}, {Code: "anonymous"},
	})
	wantEqual(t, "ContactKinds", must(r.ContactKinds(ctx))(t), []string{"email", "phone"})
}

func users(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	id := cardinal.NewID()
	var inserted store.UserRecord
	write(t, s, func(tx store.Tx) (err error) {
		if inserted, err = tx.InsertUser(ctx, id, "person", "sign_up", baseTime); err != nil {
			return err
		}
		return tx.InsertProfile(ctx, minimalProfile(id))
	})
	want := store.UserRecord{SchemaVersion: 1, User: cardinal.User{ID: id, Kind: "person", Status: "pending",
		CreatedAt: baseTime, UpdatedAt: baseTime, Version: 1}}
	wantEqual(t, "InsertUser", inserted, want)
	wantEqual(t, "User", must(r.User(ctx, id))(t), want)

	// Each transition changes only the columns that it should.
	for i, transition := range []struct {
		action, status string
		before         *string
	}{
		{"activate", "active", nil},
		{"suspend", "suspended", nil},
		{"delete", "deleted", ptr("suspended")},
		{"restore", "suspended", nil},
		{"reactivate", "active", nil},
		{"delete", "deleted", ptr("active")},
	} {
		at := baseTime.Add(time.Duration(i+1) * time.Second)
		for _, stale := range []int64{want.Version - 1, want.Version + 1} {
			wantError(t, transition.action+", stale version", cardinal.ErrNotFound,
				txError(t, s, func(tx store.Tx) (store.UserRecord, error) {
					return tx.ChangeUserStatus(ctx, id, stale, transition.action, at)
				}))
		}
		wantError(t, "an action of another status", cardinal.ErrNotFound,
			txError(t, s, func(tx store.Tx) (store.UserRecord, error) {
				return tx.ChangeUserStatus(ctx, id, want.Version, "sign_up", at)
			}))
		got := inTx(t, s, func(tx store.Tx) (store.UserRecord, error) {
			return tx.ChangeUserStatus(ctx, id, want.Version, transition.action, at)
		})
		want.Status, want.StatusBeforeDeletion = transition.status, transition.before
		want.UpdatedAt, want.DeletedAt = at, nil
		want.Version++
		if transition.before != nil {
			want.DeletedAt = &at
		}
		wantEqual(t, transition.action, got, want)
		wantEqual(t, "User after "+transition.action, must(r.User(ctx, id))(t), want)
	}
	// An erasure needs erased_at, which ChangeUserStatus does not set, so the database rejects it.
	wantViolation(t, "users_status_times", txError(t, s, func(tx store.Tx) (store.UserRecord, error) {
		return tx.ChangeUserStatus(ctx, id, want.Version, "erase", baseTime.Add(time.Minute))
	}))

	write(t, s, func(tx store.Tx) error {
		wantEqual(t, "LockUser", must(tx.LockUser(ctx, id))(t), want)
		want.Version, want.UpdatedAt = want.Version+1, baseTime.Add(time.Hour)
		wantEqual(t, "TouchUser", must(tx.TouchUser(ctx, id, want.Version-1, want.UpdatedAt))(t), want)
		return nil
	})
	wantError(t, "TouchUser, stale version", cardinal.ErrNotFound,
		txError(t, s, func(tx store.Tx) (store.UserRecord, error) {
			return tx.TouchUser(ctx, id, want.Version-1, baseTime.Add(time.Hour))
		}))
	_, err := r.User(ctx, cardinal.NewID())
	wantError(t, "User, unknown", cardinal.ErrNotFound, err)
	wantError(t, "LockUser, unknown", cardinal.ErrNotFound,
		txError(t, s, func(tx store.Tx) (store.UserRecord, error) {
			return tx.LockUser(ctx, cardinal.NewID())
		}))

	insert := func(id uuid.UUID, kind, action string) error {
		return txError(t, s, func(tx store.Tx) (store.UserRecord, error) {
			return tx.InsertUser(ctx, id, kind, action, baseTime)
		})
	}
	wantViolation(t, "users_pk", insert(id, "person", "create"))
	wantViolation(t, "users_id_ck", insert(uuid.New(), "person", "create"))
	wantError(t, "InsertUser, action that creates no users", cardinal.ErrNotFound,
		insert(cardinal.NewID(), "person", "suspend"))
	wantViolation(t, foreignKey(s, "users_kind_fk"), insert(cardinal.NewID(), "robot", "create"))
	wantViolation(t, foreignKey(s, "users_profile_fk"), insert(cardinal.NewID(), "person", "create"))
	wantViolation(t, "users_updated_ck", txError(t, s, func(tx store.Tx) (store.UserRecord, error) {
		return tx.TouchUser(ctx, id, want.Version, baseTime.Add(-time.Microsecond))
	}))
	wantViolation(t, "users_built_in_fixed", txError(t, s, func(tx store.Tx) (store.UserRecord, error) {
		return tx.TouchUser(ctx, cardinal.SystemID, 1, baseTime)
	}))
}

func userLists(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	// The ids are of 2001, when no other user was created.
	start := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	var ids []uuid.UUID
	for i := range 7 {
		id := cardinal.IDAt(start.Add(time.Duration(i) * time.Millisecond))
		id[15] = byte(200 - i) // descending, unlike the times
		kind := "person"
		if i%3 == 2 {
			kind = "service"
		}
		insertUser(t, s, id, kind)
		ids = append(ids, id)
	}
	for _, i := range []int{1, 2, 5} {
		inTx(t, s, func(tx store.Tx) (store.UserRecord, error) {
			return tx.ChangeUserStatus(ctx, ids[i], 1, "suspend", baseTime)
		})
	}
	role, ends := newRole(t, s, "listed"), baseTime.Add(time.Minute)
	for _, i := range []int{0, 2, 3} {
		grant(t, s, ids[i], role.ID, nil)
	}
	grant(t, s, ids[6], role.ID, &ends)
	index := make([]byte, 32)
	index[0] = 0x11
	write(t, s, func(tx store.Tx) error {
		return tx.InsertIdentifier(ctx, store.IdentifierRecord{ValueIndex: index, UserID: ids[4], CreatedAt: baseTime})
	})

	year := store.UserQuery{CreatedFrom: start, CreatedUntil: start.Add(time.Hour)}
	for _, c := range []struct {
		name   string
		change func(f *store.UserQuery)
		want   []int
	}{
		{"all", func(*store.UserQuery) {}, []int{0, 1, 2, 3, 4, 5, 6}},
		{"from is inclusive", func(f *store.UserQuery) {
			f.CreatedFrom = start.Add(2 * time.Millisecond)
		}, []int{2, 3, 4, 5, 6}},
		{"until is exclusive", func(f *store.UserQuery) {
			f.CreatedUntil = start.Add(2 * time.Millisecond)
		}, []int{0, 1}},
		{"an empty range", func(f *store.UserQuery) { f.CreatedUntil = start }, nil},
		{"kind", func(f *store.UserQuery) { f.Kind = "service" }, []int{2, 5}},
		{"status", func(f *store.UserQuery) { f.Status = "suspended" }, []int{1, 2, 5}},
		{"kind and status", func(f *store.UserQuery) { f.Kind, f.Status = "person", "suspended" }, []int{1}},
		{"role", func(f *store.UserQuery) {
			f.RoleID, f.At = role.ID, ends.Add(-time.Microsecond)
		}, []int{0, 2, 3, 6}},
		{"role, one grant expired", func(f *store.UserQuery) { f.RoleID, f.At = role.ID, ends }, []int{0, 2, 3}},
		{"role, kind and status", func(f *store.UserQuery) {
			f.RoleID, f.At, f.Kind, f.Status = role.ID, ends, "service", "suspended"
		}, []int{2}},
		{"identifier", func(f *store.UserQuery) { f.Identifier = index }, []int{4}},
		{"identifier and another kind", func(f *store.UserQuery) { f.Identifier, f.Kind = index, "service" }, nil},
		{"an unknown status", func(f *store.UserQuery) { f.Status = "x' OR TRUE --" }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := year
			c.change(&f)
			found := readPages(t, func(u store.UserRecord) uuid.UUID {
				return u.ID
			}, func(p cardinal.Page) ([]store.UserRecord, error) {
				f.Page = p
				page, err := r.Users(ctx, f)
				return page.Users, err
			})
			var want, got []uuid.UUID
			for _, i := range c.want {
				want = append(want, ids[i])
			}
			for _, u := range found {
				got = append(got, u.ID)
			}
			wantEqual(t, "Users", got, want)
		})
	}
	// A page may begin after an id that does not exist, or outside of the range.
	for _, c := range []struct {
		after      uuid.UUID
		descending bool
		want       []uuid.UUID
	}{
		{cardinal.IDAt(start.Add(2 * time.Millisecond)), false, ids[2:4]},
		{cardinal.IDAt(start.Add(2 * time.Millisecond)), true, []uuid.UUID{ids[1], ids[0]}},
		{cardinal.IDAt(start.Add(-time.Hour)), false, ids[:2]},
		{cardinal.IDAt(start.Add(-time.Hour)), true, nil},
		{cardinal.MaxID, false, nil},
		{cardinal.MaxID, true, []uuid.UUID{ids[6], ids[5]}},
	} {
		f := year
		f.Page = cardinal.Page{Limit: 1, After: c.after, Descending: c.descending}
		var got []uuid.UUID
		for _, u := range must(r.Users(ctx, f))(t).Users {
			got = append(got, u.ID)
		}
		wantEqual(t, "Users after "+c.after.String(), got, c.want)
	}
	listsBuiltIn := func(f store.UserQuery) bool {
		f.Limit = 1000
		return slices.ContainsFunc(must(r.Users(ctx, f))(t).Users, func(u store.UserRecord) bool {
			return cardinal.IsBuiltIn(u.ID)
		})
	}
	epoch := time.Unix(0, 0)
	for name, c := range map[string]struct {
		f    store.UserQuery
		want bool
	}{
		"by default":     {store.UserQuery{}, false},
		"asked for":      {store.UserQuery{BuiltIn: true}, true},
		"since 1970":     {store.UserQuery{CreatedFrom: epoch}, false},
		"all since 1970": {store.UserQuery{CreatedFrom: epoch, BuiltIn: true}, true},
	} {
		if got := listsBuiltIn(c.f); got != c.want {
			t.Errorf("built-in actors are listed %s: %v", name, got)
		}
	}
	// A time before 1970 is before all ids.
	before := time.Date(1969, 7, 20, 0, 0, 0, 0, time.UTC)
	if got := must(r.Users(ctx, store.UserQuery{CreatedFrom: before,
		Page: cardinal.Page{Limit: 3}}))(t).Users; len(got) != 4 {
		t.Errorf("users created since 1969: %d", len(got))
	}
	if got := must(r.Users(ctx, store.UserQuery{CreatedUntil: before,
		Page: cardinal.Page{Limit: 3}}))(t).Users; len(got) != 0 {
		t.Errorf("users created before 1969: %v", got)
	}
}
