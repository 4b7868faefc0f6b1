package directory_test

import (
	"testing"
	"time"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
)

// TestOwnChangesLimited: users change their own account a limited number of times, but can always end their sessions.
// What needs a permission is not limited.
func TestOwnChangesLimited(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		admin, email := w.NewPerson(t, "administrator")
		other, _ := w.NewPerson(t)
		in := w.SignIn(t, email, goodPassword)
		desk := w.DeskOfToken(t, in.Token)
		change := func(u cardinal.User) (directory.Rate, error) {
			var rate directory.Rate
			p := value(w.Operator().Profile(ctx, u.ID))(t)
			_, err := desk.ReportRate(&rate).UpdateProfile(ctx, u.ID, p.Version, cardinal.ProfileChange{})
			return rate, err
		}
		now := w.Clock.Now()
		w.Clock.Add(now.Truncate(10 * time.Minute).Add(10*time.Minute + time.Second).Sub(now))
		for n := range int64(120) {
			rate, err := change(admin)
			noError(t, err)
			if rate.Limit != 120 || rate.Left != 119-n {
				t.Fatalf("change %d: %+v", n, rate)
			}
		}
		_, err := change(admin)
		expectRefusal(t, err, "too_many_changes")
		if rate, err := change(other); err != nil || rate.Limit != 0 {
			t.Errorf("a change of another user is limited: %+v, %v", rate, err)
		}
		noError(t, desk.SignOut(ctx))
		again := w.SignIn(t, email, goodPassword)
		desk = w.DeskOfToken(t, again.Token)
		_, err = change(admin)
		expectRefusal(t, err, "too_many_changes")
		w.Clock.Add(10 * time.Minute)
		if _, err := change(admin); err != nil {
			t.Errorf("in the next window: %v", err)
		}
	})
}
