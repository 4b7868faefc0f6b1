package directory_test

import (
	"testing"

	"cardinal"
	"cardinal/internal/directory/directorytest"
)

// TestRefusedReadsOfPersonalDataAreRecorded: an attempt to read about others leaves an event, like one to change them.
func TestRefusedReadsOfPersonalDataAreRecorded(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		curious, _ := w.NewPerson(t)
		other, _ := w.NewPerson(t)
		k := w.DeskOf(curious)
		w.ResetEvents(t)
		_, err := k.Contacts(ctx, other.ID)
		expectRefusal(t, err, "permission_missing")
		_, err = k.Users(ctx, cardinal.UserFilter{Page: cardinal.Page{Limit: 5}}, false)
		expectRefusal(t, err, "permission_missing")
		w.ExpectEvents(t,
			event{Action: "user.read", Actor: curious.ID, Subject: other.ID, Refused: true},
			event{Action: "user.read", Actor: curious.ID, Subject: cardinal.SystemID, Refused: true})
		value(k.Contacts(ctx, curious.ID))(t)
		_, err = k.Settings(ctx)
		expectRefusal(t, err, "permission_missing")
		w.ExpectEvents(t)
	})
}
