package directory_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/signin"
	"cardinal/internal/store"
)

func TestAudit(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		u, email := w.NewPerson(t)
		value(signin.WithPassword(ctx, w.Anonymous("203.0.113.3"), cardinal.SignIn{
			Identifier: email, Password: goodPassword,
		}))(t)
		helper, _ := w.NewPerson(t, "support")
		requested := cardinal.Actor{
			UserID: helper.ID, Assurance: 1, RequestID: uuid.NullUUID{UUID: cardinal.NewID(), Valid: true},
			ClientFrom: cardinal.Client{Address: "203.0.113.4"},
		}
		suspended := value(w.As(requested).SuspendUser(ctx, u.ID, u.Version))(t)
		value(w.Operator().ReactivateUser(ctx, u.ID, suspended.Version))(t)
		auditor, _ := w.NewPerson(t, "auditor")
		all := cardinal.AuditFilter{Page: cardinal.Page{Limit: 50}}
		t.Run("OwnEvents", func(t *testing.T) {
			page := value(w.DeskOf(u).UserAudit(ctx, u.ID, all))(t)
			var got []string
			for _, e := range page.Data {
				got = append(got, e.Action+" "+e.Address)
			}
			// Only the user's own address is disclosed.
			want := []string{"user.create ", "session.create 203.0.113.3", "user.suspend ", "user.reactivate "}
			directorytest.ExpectSameJSON(t, want, got)
			_, err := w.DeskOf(u).UserAudit(ctx, helper.ID, all)
			expectRefusal(t, err, "permission_missing")
		})
		t.Run("AuditorSeesAddress", func(t *testing.T) {
			page := value(w.DeskOf(auditor).Audit(ctx, cardinal.AuditFilter{
				Page: cardinal.Page{Limit: 50}, RequestID: requested.RequestID.UUID,
			}))(t)
			if len(page.Data) != 1 || page.Data[0].Action != "user.suspend" || page.Data[0].Address != "203.0.113.4" ||
				page.Data[0].ActorID != helper.ID {
				t.Errorf("found %+v", page)
			}
		})
		t.Run("Filters", func(t *testing.T) {
			for _, c := range []struct {
				f    cardinal.AuditFilter
				want int
			}{
				{cardinal.AuditFilter{Action: "user.suspend"}, 1},
				{cardinal.AuditFilter{SubjectID: u.ID}, 4},
				{cardinal.AuditFilter{ActorID: u.ID, From: time.Now().Add(-time.Hour)}, 2}, // one is a refused read
				{cardinal.AuditFilter{Until: time.Now().Add(-time.Hour)}, 0},
			} {
				c.f.Limit = 50
				if n := len(value(w.DeskOf(auditor).Audit(ctx, c.f))(t).Data); n != c.want {
					t.Errorf("%+v found %d, want %d", c.f, n, c.want)
				}
			}
		})
	})
}

func TestAnonymousAddressAcrossMonths(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		// The address is encrypted just before the event gets its id: at the end of a month, the two months can differ.
		ctx := t.Context()
		w.SetSetting(t, "sign_up.mode", "open")
		month := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
		address, err := directory.EncryptedInMonthBefore(ctx, w.Directory, month, "203.0.113.9")
		noError(t, err)
		id := cardinal.IDAt(month.Add(time.Second))
		noError(t, w.Store.Write(ctx, func(tx store.Tx) error {
			if _, err := tx.EnsureAuditMonths(ctx, month); err != nil {
				return err
			}
			return tx.AppendEvent(ctx, store.EventRecord{
				SchemaVersion: 1, AddressSealed: address, AuditEvent: cardinal.AuditEvent{ID: id,
					ActorID: cardinal.AnonymousID, SubjectID: cardinal.SystemID, Action: "user.sign_up", Attempts: 1},
			})
		}))
		page := value(w.Operator().Audit(ctx, cardinal.AuditFilter{
			Page: cardinal.Page{Limit: 5}, Action: "user.sign_up",
		}))(t)
		if len(page.Data) != 1 || page.Data[0].Address != "203.0.113.9" {
			t.Errorf("audited %+v", page.Data)
		}
	})
}
