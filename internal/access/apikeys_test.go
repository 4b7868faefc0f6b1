package access_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/access"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/signin"
)

func TestAPIKeys(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		admin, _ := w.NewPerson(t, "administrator")
		desk := w.DeskOf(admin)
		svc := w.NewService(t, "auditor")
		auditor := w.Role(t, "auditor")
		in := cardinal.NewAPIKey{
			UserID: svc.ID, Name: "Nightly", RoleIDs: []uuid.UUID{auditor.ID, auditor.ID},
			ExpiresAt: w.Clock.Now().Add(time.Hour),
		}
		w.ResetEvents(t)
		key := value(access.CreateAPIKey(ctx, desk, in))(t)
		w.ExpectEvents(t, event{
			Action: "api_key.create", Actor: admin.ID, Subject: svc.ID,
			Changes: []string{"api_keys.expires_at >time"},
			Rows:    []string{"api_key_roles", "api_keys"},
		})
		use := func(k cardinal.APIKey) error {
			return errorOf(signin.Authenticate(ctx, w.Directory, k.Token.Reveal(), noRequestID, cardinal.Client{}))
		}
		t.Run("TokenShownOnce", func(t *testing.T) {
			if key.Name != "Nightly" || !strings.HasSuffix(key.Token.Reveal(), key.Hint) || len(key.RoleIDs) != 1 {
				t.Errorf("created %+v", key)
			}
			again := value(access.APIKey(ctx, desk, key.ID))(t)
			if again.Token != "" || again.Name != "Nightly" {
				t.Errorf("read %+v", again)
			}
			page := value(access.APIKeys(ctx, desk, svc.ID, cardinal.Page{Limit: 5}))(t)
			if len(page.Data) != 1 || page.Data[0].Token != "" || page.Data[0].Name != "Nightly" {
				t.Errorf("listed %+v", page)
			}
		})
		t.Run("NotASession", func(t *testing.T) {
			noError(t, use(key))
			_, err := signin.CheckSession(ctx, w.Directory, key.Token.Reveal())
			expectRefusal(t, err, "not_signed_in")
			_, err = signin.Authenticate(ctx, w.Directory, directorytest.WithOtherSecret(key.Token), noRequestID,
				cardinal.Client{})
			expectRefusal(t, err, "not_signed_in")
		})
		t.Run("InvalidInput", func(t *testing.T) {
			w.ResetEvents(t)
			_, err := access.CreateAPIKey(ctx, desk, cardinal.NewAPIKey{
				UserID: svc.ID, ExpiresAt: w.Clock.Now().Add(3 * 366 * 24 * time.Hour),
			})
			expectRefusal(t, err, "/expires_at expiry_range, /name text_empty, /role_ids roles_missing")
			_, err = access.CreateAPIKey(ctx, desk, cardinal.NewAPIKey{
				UserID: svc.ID, Name: "k", RoleIDs: []uuid.UUID{auditor.ID, w.Role(t, "support").ID},
				ExpiresAt: w.Clock.Now().Add(-time.Hour),
			})
			expectRefusal(t, err, "/expires_at expiry_range, /role_ids/1 role_not_granted")
			for _, id := range []uuid.UUID{admin.ID, cardinal.NewID()} {
				_, err = access.CreateAPIKey(ctx, desk, cardinal.NewAPIKey{
					UserID: id, Name: "k", RoleIDs: []uuid.UUID{auditor.ID}, ExpiresAt: w.Clock.Now().Add(time.Hour),
				})
				expectRefusal(t, err, "/user_id service_unknown")
			}
			w.ExpectEvents(t)
		})
		t.Run("SuspendedService", func(t *testing.T) {
			s := value(desk.SuspendUser(ctx, svc.ID, svc.Version))(t)
			expectRefusal(t, use(key), "not_signed_in")
			_, err := access.CreateAPIKey(ctx, desk, in)
			expectRefusal(t, err, "/user_id service_unknown")
			value(desk.ReactivateUser(ctx, svc.ID, s.Version))(t)
			noError(t, use(key))
		})
		t.Run("RevokeOnce", func(t *testing.T) {
			other := value(access.CreateAPIKey(ctx, desk, in))(t)
			w.ResetEvents(t)
			ended := value(access.RevokeAPIKey(ctx, desk, other.ID))(t)
			if ended.RevokedAt == nil || len(ended.RoleIDs) != 1 {
				t.Errorf("ended %+v", ended)
			}
			w.ExpectEvents(t, event{
				Action: "api_key.revoke", Actor: admin.ID, Subject: svc.ID,
				Changes: []string{"api_keys.revoked_at >time"},
				Rows:    []string{"api_keys"},
			})
			expectRefusal(t, use(other), "not_signed_in")
			value(access.RevokeAPIKey(ctx, desk, other.ID))(t)
			w.ExpectEvents(t)
			_, err := access.RevokeAPIKey(ctx, desk, cardinal.NewID())
			expectRefusal(t, err, "not_found")
		})
		t.Run("Expiry", func(t *testing.T) {
			w.Clock.Add(time.Hour)
			expectRefusal(t, use(key), "not_signed_in")
		})
	})
}
