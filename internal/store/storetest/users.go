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
	same(t, "Statuses", must(r.Statuses(ctx))(t), []cardinal.Status{
		{Code: "pending", Description: "Signed up; no contact is verified yet.", AwaitsProof: true},
		{Code: "active", Description: "In use.", CanSignIn: true},
		{Code: "suspended", Description: "Locked by an administrator; no data is lost."},
		{Code: "deleted", Description: "Soft-deleted; can be restored.", IsDeleted: true},
		{Code: "erased", Description: "Personal data is destroyed; final.", IsDeleted: true, IsErased: true},
	})
	same(t, "UserKinds", must(r.UserKinds(ctx))(t), []cardinal.UserKind{
		{Code: "person", CanSignIn: true, IsListed: true}, {Code: "service", CanHoldAPIKeys: true, IsListed: true},
		{Code: "operator"}, {Code: "system"}, {Code: "anonymous"},
	})
	same(t, "ContactKinds", must(r.ContactKinds(ctx))(t), []string{"email", "phone"})
}

func users(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	id := cardinal.NewID()
	var made cardinal.User
	write(t, s, func(tx store.Tx) (err error) {
		if made, err = tx.InsertUser(ctx, id, "person", "sign_up", moment); err != nil {
			return err
		}
		return tx.InsertProfile(ctx, plainProfile(id))
	})
	want := cardinal.User{ID: id, Kind: "person", Status: "pending", CreatedAt: moment, UpdatedAt: moment, Version: 1, SchemaVersion: 1}
	same(t, "InsertUser", made, want)
	same(t, "User", must(r.User(ctx, id))(t), want)

	// Each move changes what it should and nothing else.
	for i, move := range []struct {
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
		at := moment.Add(time.Duration(i+1) * time.Second)
		for _, stale := range []int64{want.Version - 1, want.Version + 1} {
			refused(t, move.action+" of a stale version", cardinal.ErrNotFound, try(t, s, func(tx store.Tx) (cardinal.User, error) {
				return tx.SetUserStatus(ctx, id, stale, move.action, at)
			}))
		}
		refused(t, "an action that starts elsewhere", cardinal.ErrNotFound, try(t, s, func(tx store.Tx) (cardinal.User, error) {
			return tx.SetUserStatus(ctx, id, want.Version, "sign_up", at)
		}))
		got := written(t, s, func(tx store.Tx) (cardinal.User, error) {
			return tx.SetUserStatus(ctx, id, want.Version, move.action, at)
		})
		want.Status, want.StatusBeforeDeletion, want.UpdatedAt, want.DeletedAt = move.status, move.before, at, nil
		want.Version++
		if move.before != nil {
			want.DeletedAt = &at
		}
		same(t, move.action, got, want)
		same(t, "User after "+move.action, must(r.User(ctx, id))(t), want)
	}
	// An erasure needs a time of its own, which SetUserStatus does not set: the database refuses it until erasure is made.
	violated(t, "users_status_times", try(t, s, func(tx store.Tx) (cardinal.User, error) {
		return tx.SetUserStatus(ctx, id, want.Version, "erase", moment.Add(time.Minute))
	}))

	write(t, s, func(tx store.Tx) error {
		same(t, "UserForChange", must(tx.UserForChange(ctx, id))(t), want)
		want.Version, want.UpdatedAt = want.Version+1, moment.Add(time.Hour)
		same(t, "TouchUser", must(tx.TouchUser(ctx, id, want.Version-1, want.UpdatedAt))(t), want)
		return nil
	})
	refused(t, "TouchUser of a stale version", cardinal.ErrNotFound, try(t, s, func(tx store.Tx) (cardinal.User, error) {
		return tx.TouchUser(ctx, id, want.Version-1, moment.Add(time.Hour))
	}))
	_, err := r.User(ctx, cardinal.NewID())
	refused(t, "User of none", cardinal.ErrNotFound, err)
	refused(t, "UserForChange of none", cardinal.ErrNotFound, try(t, s, func(tx store.Tx) (cardinal.User, error) {
		return tx.UserForChange(ctx, cardinal.NewID())
	}))

	insert := func(id uuid.UUID, kind, action string) error {
		return try(t, s, func(tx store.Tx) (cardinal.User, error) { return tx.InsertUser(ctx, id, kind, action, moment) })
	}
	violated(t, "users_pk", insert(id, "person", "create"))
	violated(t, "users_id_ck", insert(uuid.New(), "person", "create"))
	refused(t, "InsertUser by an action that makes nobody", cardinal.ErrNotFound, insert(cardinal.NewID(), "person", "suspend"))
	violated(t, foreignKey(s, "users_kind_fk"), insert(cardinal.NewID(), "robot", "create"))
	violated(t, foreignKey(s, "users_profile_fk"), insert(cardinal.NewID(), "person", "create"))
	violated(t, "users_updated_ck", try(t, s, func(tx store.Tx) (cardinal.User, error) {
		return tx.TouchUser(ctx, id, want.Version, moment.Add(-time.Microsecond))
	}))
	violated(t, "users_built_in_fixed", try(t, s, func(tx store.Tx) (cardinal.User, error) {
		return tx.TouchUser(ctx, cardinal.SystemID, 1, moment)
	}))
}

func userLists(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	// Their ids say 2001, when nobody else was made.
	start := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	var ids []uuid.UUID
	for i := range 7 {
		id := cardinal.IDAt(start.Add(time.Duration(i) * time.Millisecond))
		id[15] = byte(200 - i) // against the order of time
		kind := "person"
		if i%3 == 2 {
			kind = "service"
		}
		insertUser(t, s, id, kind)
		ids = append(ids, id)
	}
	for _, i := range []int{1, 2, 5} {
		written(t, s, func(tx store.Tx) (cardinal.User, error) { return tx.SetUserStatus(ctx, ids[i], 1, "suspend", moment) })
	}
	role, ends := newRole(t, s, "listed"), moment.Add(time.Minute)
	for _, i := range []int{0, 2, 3} {
		grant(t, s, ids[i], role.ID, nil)
	}
	grant(t, s, ids[6], role.ID, &ends)
	claim := make([]byte, 32)
	claim[0] = 0x11
	write(t, s, func(tx store.Tx) error {
		return tx.InsertIdentifier(ctx, store.IdentifierRecord{ValueIndex: claim, UserID: ids[4], CreatedAt: moment})
	})

	year := cardinal.UserFilter{CreatedFrom: start, CreatedUntil: start.Add(time.Hour)}
	for _, c := range []struct {
		name   string
		change func(f *cardinal.UserFilter)
		want   []int
	}{
		{"all", func(*cardinal.UserFilter) {}, []int{0, 1, 2, 3, 4, 5, 6}},
		{"from is inclusive", func(f *cardinal.UserFilter) { f.CreatedFrom = start.Add(2 * time.Millisecond) }, []int{2, 3, 4, 5, 6}},
		{"until is exclusive", func(f *cardinal.UserFilter) { f.CreatedUntil = start.Add(2 * time.Millisecond) }, []int{0, 1}},
		{"an empty range", func(f *cardinal.UserFilter) { f.CreatedUntil = start }, nil},
		{"kind", func(f *cardinal.UserFilter) { f.Kind = "service" }, []int{2, 5}},
		{"status", func(f *cardinal.UserFilter) { f.Status = "suspended" }, []int{1, 2, 5}},
		{"kind and status", func(f *cardinal.UserFilter) { f.Kind, f.Status = "person", "suspended" }, []int{1}},
		{"role", func(f *cardinal.UserFilter) { f.RoleID, f.At = role.ID, ends.Add(-time.Microsecond) }, []int{0, 2, 3, 6}},
		{"role, one grant expired", func(f *cardinal.UserFilter) { f.RoleID, f.At = role.ID, ends }, []int{0, 2, 3}},
		{"role, kind and status", func(f *cardinal.UserFilter) {
			f.RoleID, f.At, f.Kind, f.Status = role.ID, ends, "service", "suspended"
		}, []int{2}},
		{"identifier", func(f *cardinal.UserFilter) { f.Identifier = claim }, []int{4}},
		{"identifier and another kind", func(f *cardinal.UserFilter) { f.Identifier, f.Kind = claim, "service" }, nil},
		{"an unknown status", func(f *cardinal.UserFilter) { f.Status = "x' OR TRUE --" }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := year
			c.change(&f)
			found := walk(t, func(u cardinal.User) uuid.UUID { return u.ID }, func(p cardinal.Page) ([]cardinal.User, error) {
				f.Page = p
				walk, err := r.Users(ctx, f)
				return walk.Users, err
			})
			var want, got []uuid.UUID
			for _, i := range c.want {
				want = append(want, ids[i])
			}
			for _, u := range found {
				got = append(got, u.ID)
			}
			same(t, "Users", got, want)
		})
	}
	// A page may start after an id that is not there, or outside of the range.
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
		same(t, "Users after "+c.after.String(), got, c.want)
	}
	listsBuiltIn := func(f cardinal.UserFilter) bool {
		f.Limit = 1000
		return slices.ContainsFunc(must(r.Users(ctx, f))(t).Users, func(u cardinal.User) bool { return cardinal.IsBuiltIn(u.ID) })
	}
	epoch := time.Unix(0, 0)
	for name, c := range map[string]struct {
		f    cardinal.UserFilter
		want bool
	}{
		"by default":     {cardinal.UserFilter{}, false},
		"asked for":      {cardinal.UserFilter{BuiltIn: true}, true},
		"since 1970":     {cardinal.UserFilter{CreatedFrom: epoch}, false},
		"all since 1970": {cardinal.UserFilter{CreatedFrom: epoch, BuiltIn: true}, true},
	} {
		if got := listsBuiltIn(c.f); got != c.want {
			t.Errorf("built-in actors are listed %s: %v", name, got)
		}
	}
	// A moment before 1970 is before everybody.
	before := time.Date(1969, 7, 20, 0, 0, 0, 0, time.UTC)
	if got := must(r.Users(ctx, cardinal.UserFilter{CreatedFrom: before, Page: cardinal.Page{Limit: 3}}))(t).Users; len(got) != 4 {
		t.Errorf("users made since 1969: %d", len(got))
	}
	if got := must(r.Users(ctx, cardinal.UserFilter{CreatedUntil: before, Page: cardinal.Page{Limit: 3}}))(t).Users; len(got) != 0 {
		t.Errorf("users made before 1969: %v", got)
	}
}
