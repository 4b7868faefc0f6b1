package throttle

import (
	"errors"
	"testing"
	"time"

	"cardinal"
)

// TestOwnChangesLimited: each user has a number of changes per window, and the memory of a window is bounded.
func TestOwnChangesLimited(t *testing.T) {
	var changes OwnChanges
	user, other := cardinal.NewID(), cardinal.NewID()
	now := minuteStart.Add(time.Minute)
	for left := int64(ownChanges - 1); left >= 0; left-- {
		rate, err := changes.Count(now, user)
		if want := (Rate{ownChanges, left, ownWindow, 9 * time.Minute}); err != nil || rate != want {
			t.Fatalf("the rate is %+v (%v), want %+v", rate, err, want)
		}
	}
	rate, err := changes.Count(now, user)
	if !errors.Is(err, cardinal.ErrThrottled) || rate.Left != 0 || rate.Reset != 9*time.Minute {
		t.Errorf("above the limit: %+v, %v", rate, err)
	}
	if _, err := changes.Count(now, other); err != nil {
		t.Errorf("another user is refused: %v", err)
	}
	if rate, err := changes.Count(minuteStart.Add(ownWindow), user); err != nil || rate.Left != ownChanges-1 {
		t.Errorf("in the next window: %+v, %v", rate, err)
	}
	for len(changes.counts) < maxRatedUsers {
		if _, err := changes.Count(minuteStart.Add(ownWindow), cardinal.NewID()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := changes.Count(minuteStart.Add(ownWindow), other); !errors.Is(err, cardinal.ErrThrottled) {
		t.Errorf("a user above the number that is counted: %v", err)
	}
}
