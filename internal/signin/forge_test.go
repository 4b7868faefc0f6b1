package signin_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/normal"
	"cardinal/internal/signin"
)

// sqlWriter writes rows without the keys of the service, as its database role, or who can write the file, does.
type sqlWriter struct {
	w *world
	t *testing.T
}

// id is an id as the engine stores it.
func (x sqlWriter) id(id uuid.UUID) any {
	if x.w.Engine == "sqlite" {
		return id[:]
	}
	return id.String()
}

func (x sqlWriter) exec(statement string, args ...any) error {
	_, err := x.w.SQL(x.t).ExecContext(x.t.Context(), statement, args...)
	return err
}

// bearer returns the text of a token.
func bearer(prefix string, user, id uuid.UUID, secret []byte) string {
	return prefix + base64.RawURLEncoding.EncodeToString(append(append(user[:], id[:]...), secret...))
}

// secretOf returns the secret in a token.
func secretOf(t *testing.T, token cardinal.Secret) []byte {
	_, text, _ := strings.Cut(token.Reveal(), "_")
	return value(base64.RawURLEncoding.DecodeString(text))(t)[32:]
}

// TestRowsWithoutTheServiceKeyVerifyNoToken: a row that was inserted by SQL alone signs no user in, whatever is in it.
func TestRowsWithoutTheServiceKeyVerifyNoToken(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx, x := t.Context(), sqlWriter{w, t}
		administrator, _ := w.NewPerson(t, "administrator")
		attacker, email := w.NewPerson(t)
		own := w.SignIn(t, email, goodPassword)
		service := w.NewService(t, "auditor")
		ownKey := w.NewAPIKey(t, service, "auditor")
		secret := make([]byte, 32)
		rand.Read(secret)
		hash := sha256.Sum256(secret)
		unkeyed := append([]byte{2}, hash[:]...)
		ownHash := value(w.Store.Read(ctx).Session(ctx, attacker.ID, own.Session.ID))(t).TokenHash
		ownKeyHash := value(w.Store.Read(ctx).APIKey(ctx, ownKey.ID))(t).TokenHash

		session := func(user uuid.UUID, hash []byte) (uuid.UUID, error) {
			id := cardinal.NewID()
			return id, x.exec(`INSERT INTO sessions (user_id, id, token_hash, method, assurance_level, created_at,
				last_seen_at, idle_seconds, expires_at) SELECT $1, $2, $3, method, assurance_level, created_at,
				last_seen_at, idle_seconds, expires_at FROM sessions WHERE id = $4`,
				x.id(user), x.id(id), hash, x.id(own.Session.ID))
		}
		apiKey := func(user uuid.UUID, hash []byte) (uuid.UUID, error) {
			id := cardinal.NewID()
			return id, x.exec(`INSERT INTO api_keys (user_id, id, token_hash, name_sealed, hint, created_at, expires_at)
				SELECT $1, $2, $3, name_sealed, hint, created_at, expires_at FROM api_keys WHERE id = $4`,
				x.id(user), x.id(id), hash, x.id(ownKey.ID))
		}
		for _, c := range []struct {
			name, prefix string
			insert       func(uuid.UUID, []byte) (uuid.UUID, error)
			user         uuid.UUID
			copied       []byte // of a row whose token the attacker has
			copiedSecret []byte
		}{
			{"session", directory.SessionPrefix, session, administrator.ID, ownHash, secretOf(t, own.Token)},
			{"API key", directory.APIKeyPrefix, apiKey, service.ID, ownKeyHash, secretOf(t, ownKey.Token)},
		} {
			if _, err := c.insert(c.user, hash[:]); err == nil || !strings.Contains(err.Error(), "HMAC") {
				t.Errorf("%s with the SHA-256 of a secret: %v, want that the database refuses it", c.name, err)
			}
			for what, try := range map[string]struct{ hash, secret []byte }{
				"hash without the key": {unkeyed, secret}, "hash of another row": {c.copied, c.copiedSecret},
			} {
				id := value(c.insert(c.user, try.hash))(t)
				_, err := signin.Authenticate(ctx, w.Directory, bearer(c.prefix, c.user, id, try.secret),
					uuid.NullUUID{}, cardinal.Client{})
				if err == nil {
					t.Errorf("%s: a row with the %s signs in", c.name, what)
				} else {
					expectRefusal(t, err, "not_signed_in")
				}
			}
		}
		err := x.exec(`UPDATE sessions SET token_hash = $1 WHERE id = $2`, hash[:], x.id(own.Session.ID))
		if err == nil {
			t.Error("the token of a session was replaced by one without the service key")
		}

		// A set-up link makes its user an administrator.
		link := value(signin.NewSetupLink(ctx, w.Operator()))(t)
		insertLink := func(hash []byte) (uuid.UUID, error) {
			id := cardinal.NewID()
			return id, x.exec(`INSERT INTO setup_links (id, token_hash, created_at, expires_at)
				SELECT $1, $2, created_at, expires_at FROM setup_links WHERE used_at IS NULL LIMIT 1`, x.id(id), hash)
		}
		if _, err := insertLink(hash[:]); err == nil || !strings.Contains(err.Error(), "HMAC") {
			t.Errorf("set-up link with the SHA-256 of a secret: %v, want that the database refuses it", err)
		}
		id := value(insertLink(unkeyed))(t)
		setUp := func(token string) error {
			return errorOf(signin.SetUp(ctx, w.Anonymous("192.0.2.7"), cardinal.SetUp{
				Token: cardinal.Secret(token), Email: newEmail(), Password: goodPassword,
			}))
		}
		expectRefusal(t, setUp(bearer(directory.SetupPrefix, cardinal.OperatorID, id, secret)), "setup_link_expired")
		noError(t, setUp(link.Token.Reveal()))
	})
}

// TestTokensDuringTheUpgrade: until the contraction, tokens are stored so that the version before understands them.
// Afterwards they are converted at their next use, and set-up links of before end.
func TestTokensDuringTheUpgrade(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx, x := context.WithoutCancel(t.Context()), sqlWriter{w, t}
		for _, table := range []string{"sessions", "api_keys", "setup_links"} {
			on := ""
			if w.Engine == "postgres" {
				on = " ON " + table
			}
			noError(t, x.exec(`DROP TRIGGER `+table+`_token_keyed`+on))
		}
		noError(t, x.exec(`UPDATE schema_migrations SET number = 9022 WHERE number = 22 AND phase = 'contract'`))

		user, email := w.NewPerson(t)
		in := w.SignIn(t, email, goodPassword)
		service := w.NewService(t, "auditor")
		key := w.NewAPIKey(t, service, "auditor")
		older := value(signin.NewSetupLink(ctx, w.Operator()))(t)
		stored := func() (session, apiKey []byte) {
			return value(w.Store.Read(ctx).Session(ctx, user.ID, in.Session.ID))(t).TokenHash,
				value(w.Store.Read(ctx).APIKey(ctx, key.ID))(t).TokenHash
		}
		use := func() {
			t.Helper()
			w.Clock.Add(2 * time.Minute)
			w.DeskOfToken(t, in.Token)
			w.DeskOfToken(t, key.Token)
			noError(t, w.FlushLastSeen(ctx))
		}
		use()
		session, apiKey := stored()
		hash := sha256.Sum256(secretOf(t, in.Token))
		if string(session) != string(hash[:]) || len(apiKey) != 32 {
			t.Errorf("%d and %d bytes before the contraction, want what the version before stores",
				len(session), len(apiKey))
		}
		if !w.SessionActive(t, in) {
			t.Error("the session is not active before the contraction")
		}

		noError(t, x.exec(`UPDATE schema_migrations SET number = 22 WHERE number = 9022`))
		w.ResetEvents(t)
		use()
		session, apiKey = stored()
		if len(session) != 33 || len(apiKey) != 33 {
			t.Errorf("%d and %d bytes after the next use, want the keyed form", len(session), len(apiKey))
		}
		use()
		w.ExpectEvents(t)
		expectRefusal(t, errorOf(signin.SetUp(ctx, w.Anonymous("192.0.2.7"), cardinal.SetUp{
			Token: older.Token, Email: newEmail(), Password: goodPassword,
		})), "setup_link_expired")
	})
}

// TestWhatWritersOfTheDatabaseCanForge tries what SECURITY.md admits: a user who can write rows signs in by a
// password hash, and takes a role; with the service keys as well, the user makes tokens.
func TestWhatWritersOfTheDatabaseCanForge(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx, x := t.Context(), sqlWriter{w, t}
		administrator, administratorEmail := w.NewPerson(t, "administrator")
		attacker, email := w.NewPerson(t)
		own := w.SignIn(t, email, goodPassword)
		hash := value(w.Store.Read(ctx).Credential(ctx, attacker.ID))(t).Hash
		t.Run("Role", func(t *testing.T) {
			expectRefusal(t, errorOf(w.DeskOfToken(t, own.Token).Settings(ctx)), "permission_missing")
			noError(t, x.exec(`INSERT INTO user_roles (user_id, role_id, granted_by, created_at)
				SELECT $1, role_id, granted_by, created_at FROM user_roles WHERE user_id = $2`,
				x.id(attacker.ID), x.id(administrator.ID)))
			noError(t, errorOf(w.DeskOfToken(t, own.Token).Settings(ctx)))
		})
		t.Run("TokenWithTheServiceKey", func(t *testing.T) {
			id := cardinal.NewID()
			token, text := directory.NewToken(directory.SessionPrefix, administrator.ID, id)
			noError(t, x.exec(`INSERT INTO sessions (user_id, id, token_hash, method, assurance_level, created_at,
				last_seen_at, idle_seconds, expires_at) SELECT $1, $2, $3, method, assurance_level, created_at,
				last_seen_at, idle_seconds, expires_at FROM sessions WHERE id = $4`, x.id(administrator.ID), x.id(id),
				w.Directory.Keys().TokenHashes(token).Keyed, x.id(own.Session.ID)))
			_, err := signin.Authenticate(ctx, w.Directory, text.Reveal(), uuid.NullUUID{}, cardinal.Client{})
			noError(t, err)
		})
		t.Run("PasswordHash", func(t *testing.T) {
			noError(t, x.exec(`DELETE FROM credentials WHERE user_id = $1`, x.id(attacker.ID)))
			noError(t, x.exec(`UPDATE credentials SET hash = $1, version = version + 1 WHERE user_id = $2`, hash,
				x.id(administrator.ID)))
			w.SignIn(t, administratorEmail, goodPassword)
		})
		t.Run("GuessWithTheIndexKey", func(t *testing.T) {
			index := w.Directory.Keys().BlindIndex(normal.KindEmail, administratorEmail)
			found := value(w.Store.Read(ctx).Identifier(ctx, index))(t)
			if found.UserID != administrator.ID {
				t.Error("the index key does not confirm a guessed address, so SECURITY.md is wrong")
			}
		})
	})
}
