package storetest

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

// olderTokens tests tokens on a database whose migrations are all applied: the keyed form is stored, and rows in the
// older form can only be left over from before, so here none is converted.
func olderTokens(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	user, service := newUser(t, s, "person"), newUser(t, s, "service")
	both := store.TokenHashes{Keyed: keyedToken(1), Older: make([]byte, 32)}
	session := store.SessionRecord{UserID: user, ID: cardinal.NewID(),
		TokenHash: both.Keyed, OlderTokenHash: both.Older,
		Method: "password", Assurance: 1, CreatedAt: baseTime, LastSeenAt: baseTime, IdleSeconds: 600,
		ExpiresAt: baseTime.Add(time.Hour), SchemaVersion: 1}
	key := store.APIKeyRecord{UserID: service, ID: cardinal.NewID(), NameSealed: ciphertext(30), TokenHash: both.Keyed,
		OlderTokenHash: both.Older, Hint: "abcd", CreatedAt: baseTime, ExpiresAt: baseTime.Add(time.Hour),
		SchemaVersion: 1}
	link := store.SetupLinkRecord{ID: cardinal.NewID(), TokenHash: both.Keyed, OlderTokenHash: both.Older,
		CreatedAt: baseTime, ExpiresAt: baseTime.Add(time.Hour)}
	write(t, s, func(tx store.Tx) error {
		for _, insert := range []func() error{
			func() error { return tx.InsertSession(ctx, session) },
			func() error { return tx.InsertAPIKey(ctx, key) },
			func() error { return tx.InsertSetupLink(ctx, link) },
		} {
			if err := insert(); err != nil {
				return err
			}
		}
		return nil
	})
	wantEqual(t, "token of a session", must(r.Session(ctx, user, session.ID))(t).TokenHash, both.Keyed)
	wantEqual(t, "token of an API key", must(r.APIKey(ctx, key.ID))(t).TokenHash, both.Keyed)
	wantEqual(t, "token of a set-up link", must(r.SetupLink(ctx, both))(t).TokenHash, both.Keyed)
	_, err := r.SetupLink(ctx, store.TokenHashes{Keyed: keyedToken(9), Older: both.Older})
	wantError(t, "SetupLink by the older form", cardinal.ErrNotFound, err)
	write(t, s, func(tx store.Tx) error { // neither is in the older form
		for _, id := range []uuid.UUID{session.ID, key.ID} {
			other := store.TokenHashes{Keyed: keyedToken(7), Older: both.Older}
			if err := tx.ConvertSessionToken(ctx, user, id, other); err != nil {
				return err
			}
			if err := tx.ConvertAPIKeyToken(ctx, service, id, other); err != nil {
				return err
			}
		}
		return tx.DeleteEndedSetupLinks(ctx, link.ExpiresAt)
	})
	wantEqual(t, "token after ConvertSessionToken", must(r.Session(ctx, user, session.ID))(t).TokenHash, both.Keyed)
	wantEqual(t, "token after ConvertAPIKeyToken", must(r.APIKey(ctx, key.ID))(t).TokenHash, both.Keyed)
}
