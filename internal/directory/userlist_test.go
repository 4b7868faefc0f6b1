package directory_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory/directorytest"
)

func TestListUsers(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		list := func(t *testing.T, f cardinal.UserFilter) (ids []uuid.UUID) {
			t.Helper()
			if f.Limit == 0 {
				f.Limit = 200
			}
			for _, u := range value(w.Operator().Users(ctx, f, false))(t).Data {
				ids = append(ids, u.ID)
			}
			return ids
		}
		var users []uuid.UUID
		for range 7 {
			u, _ := w.NewPerson(t)
			users = append(users, u.ID)
		}
		svc := w.NewService(t)
		suspended := value(w.Operator().SuspendUser(ctx, users[2], 1))(t)
		all := append(append([]uuid.UUID{}, users...), svc.ID)
		same := func(t *testing.T, want, got []uuid.UUID) {
			t.Helper()
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		}
		t.Run("BuiltInHidden", func(t *testing.T) {
			same(t, all, list(t, cardinal.UserFilter{}))
			same(t, append([]uuid.UUID{cardinal.OperatorID, cardinal.SystemID, cardinal.AnonymousID}, all...),
				list(t, cardinal.UserFilter{BuiltIn: true}))
		})
		t.Run("Filters", func(t *testing.T) {
			same(t, []uuid.UUID{svc.ID}, list(t, cardinal.UserFilter{Kind: "service"}))
			same(t, []uuid.UUID{suspended.ID}, list(t, cardinal.UserFilter{Status: "suspended"}))
			same(t, nil, list(t, cardinal.UserFilter{Status: "suspended", Kind: "service"}))
			same(t, all, list(t, cardinal.UserFilter{CreatedFrom: cardinal.TimeOf(users[0])}))
			same(t, nil, list(t, cardinal.UserFilter{CreatedUntil: cardinal.TimeOf(users[0])}))
			same(t, nil, list(t, cardinal.UserFilter{CreatedFrom: time.Now().Add(time.Hour)}))
		})
		t.Run("InvalidFilters", func(t *testing.T) {
			_, err := w.Operator().Users(ctx, cardinal.UserFilter{
				Page: cardinal.Page{Limit: 1}, Status: "sleepy", Kind: "robot", Email: "invalid",
			}, false)
			expectRefusal(t, err, "email email_format, kind kind_unknown, status status_unknown")
		})
		t.Run("PagesBothWays", func(t *testing.T) {
			for _, descending := range []bool{false, true} {
				var got []uuid.UUID
				f := cardinal.UserFilter{Page: cardinal.Page{Limit: 3, Descending: descending}}
				for pages := 1; ; pages++ {
					page := value(w.Operator().Users(ctx, f, false))(t)
					for _, u := range page.Data {
						got = append(got, u.ID)
					}
					if !page.HasMore {
						if pages != 3 {
							t.Errorf("%d pages", pages)
						}
						break
					}
					f.After = got[len(got)-1]
				}
				want := append([]uuid.UUID{}, all...)
				if descending {
					for i := range want {
						want[i] = all[len(all)-1-i]
					}
				}
				same(t, want, got)
			}
		})
		t.Run("EmailInAnySpelling", func(t *testing.T) {
			u := value(w.Operator().CreateUser(ctx, cardinal.NewUser{
				Email: "Søren@Blåbær.example", EmailVerified: true,
			}))(t)
			for _, typed := range []string{
				"søren@blåbær.example", "SØREN@BLÅBÆR.EXAMPLE", " søren@xn--blbr-roah.example ",
			} {
				same(t, []uuid.UUID{u.ID}, list(t, cardinal.UserFilter{Email: typed}))
			}
			same(t, nil, list(t, cardinal.UserFilter{Email: "other@blåbær.example"}))
			same(t, nil, list(t, cardinal.UserFilter{Email: "søren@blåbær.example", Status: "suspended"}))
		})
		t.Run("RoleWithoutExpired", func(t *testing.T) {
			soon := w.Clock.Now().Add(time.Minute)
			w.Grant(t, w.User(t, users[0]), "auditor", nil)
			w.Grant(t, w.User(t, users[1]), "auditor", &soon)
			f := cardinal.UserFilter{RoleID: w.Role(t, "auditor").ID}
			same(t, users[:2], list(t, f))
			w.Clock.Add(time.Minute + time.Second)
			same(t, users[:1], list(t, f))
		})
		t.Run("WithProfiles", func(t *testing.T) {
			value(w.Operator().UpdateProfile(ctx, users[0], 1, cardinal.ProfileChange{
				DisplayName: cardinal.Set("First"),
			}))(t)
			value(w.Operator().UpdateProfile(ctx, users[1], 1, cardinal.ProfileChange{
				DisplayName: cardinal.Set("Second"),
			}))(t)
			page := value(w.Operator().Users(ctx, cardinal.UserFilter{
				Page: cardinal.Page{Limit: 50}, BuiltIn: true,
			}, true))(t)
			names := map[uuid.UUID]string{}
			for _, u := range page.Data {
				if u.Profile == nil || u.Profile.UserID != u.ID {
					t.Fatalf("profile of %s: %+v", u.ID, u.Profile)
				}
				names[u.ID] = u.Profile.DisplayName
			}
			if names[users[0]] != "First" || names[users[1]] != "Second" || names[users[2]] != "" {
				t.Errorf("names %v", names)
			}
			u := value(w.Operator().Users(ctx, cardinal.UserFilter{Page: cardinal.Page{Limit: 1}}, false))(t).Data[0]
			if u.Profile != nil {
				t.Error("a profile that was not requested")
			}
		})
	})
}
