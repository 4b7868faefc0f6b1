package directory_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/password"
	"cardinal/internal/seal"
	"cardinal/internal/signin"
)

// TestRefusalsOfActorCounted: the first ten refusals of an actor in a minute are events; the others are one event when
// the minute is over.
func TestRefusalsOfActorCounted(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		mallory, _ := w.NewPerson(t)
		bob, _ := w.NewPerson(t)
		suspend := func(by cardinal.User) {
			t.Helper()
			_, err := w.DeskOf(by).SuspendUser(ctx, cardinal.OperatorID, 1)
			expectRefusal(t, err, "permission_missing")
		}
		startMinute(w)
		w.ResetEvents(t)
		for range 250 {
			suspend(mallory)
		}
		suspend(bob)
		refused := func(by cardinal.User) event {
			return event{Action: "user.suspend", Actor: by.ID, Subject: cardinal.OperatorID, Refused: true}
		}
		var want []event
		for range 10 {
			want = append(want, refused(mallory))
		}
		w.ExpectEvents(t, append(want, refused(bob))...)
		noError(t, w.FlushRefusals(ctx, false))
		w.ExpectEvents(t)
		w.Clock.Add(time.Minute)
		noError(t, w.FlushRefusals(ctx, false))
		events := w.Events(t)
		if len(events) != 1 || events[0].ActorID != mallory.ID || events[0].SubjectID != cardinal.SystemID ||
			events[0].Action != "user.suspend" || !events[0].IsRefused || events[0].Attempts != 240 {
			t.Errorf("recorded as %+v", events)
		}
		suspend(mallory)
		w.ExpectEvents(t, refused(mallory))
	})
}

// startMinute sets the clock to the start of a minute: what follows is in one minute.
func startMinute(w *world) {
	w.Clock.Stop()
	now := w.Clock.Now()
	w.Clock.Add(now.Truncate(time.Minute).Add(time.Minute).Sub(now))
}

// TestThrottledAttemptsCounted: an attempt that the throttle refuses is counted too, by the address that it came from,
// and one line of the log says that it began.
func TestThrottledAttemptsCounted(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		u, email := w.NewPerson(t)
		var log bytes.Buffer
		d := value(directory.Open(ctx, w.Store, directory.Options{
			LoadKeys: func() (*seal.Keyring, error) { return seal.LoadKeyring(w.Keys, "") },
			Hasher:   password.New(directorytest.CheapHash, password.Limits{Concurrent: 2}),
			Clock:    w.Clock.Now, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		}))(t)
		startMinute(w)
		w.ResetEvents(t)
		for i := range 210 {
			address := "203.0.113.7"
			if i%3 == 0 {
				address = "2001:db8::1"
			}
			in := cardinal.SignIn{Identifier: email, Password: wrongPassword}
			_, err := signin.WithPassword(ctx, directorytest.Anonymous(d, address), in)
			if err == nil {
				t.Fatal("signed in with a wrong password")
			}
		}
		w.ExpectEvents(t)
		noError(t, d.FlushRefusals(ctx, true))
		events := w.Events(t)
		attempts, throttled, prefixes := int64(0), 0.0, map[any]bool{}
		for _, e := range events {
			if e.ActorID != cardinal.AnonymousID || e.SubjectID != u.ID || e.Action != "session.create" ||
				!e.IsRefused {
				t.Errorf("recorded as %+v", e)
			}
			attempts += e.Attempts
			throttled += e.Changes["refused_attempts.throttled"].To.(float64)
			prefixes[e.Changes["refused_attempts.prefix"].To] = true
		}
		if len(events) != 2 || attempts != 210 || throttled != 205 || len(prefixes) != 2 || prefixes[nil] {
			t.Errorf("%d events, %d attempts, %v of them throttled, %d prefixes", len(events), attempts, throttled,
				len(prefixes))
		}
		if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "level=WARN") ||
			strings.Contains(text, "203.0.113") || strings.Contains(text, email) {
			t.Errorf("logged:\n%s", text)
		}
		if n := d.Stats(ctx).SignIns; n["wrong_credentials"] != 5 || n["throttled"] != 205 || n["signed_in"] != 0 {
			t.Errorf("metrics %v", n)
		}
	})
}
