package directory_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/access"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/password"
	"cardinal/internal/seal"
	"cardinal/internal/signin"
	"cardinal/internal/store"
)

// open opens a directory that creates its key-encryption key in a folder.
func open(ctx context.Context, s *store.Store, keys string) (*directory.Directory, error) {
	return directory.Open(ctx, s, directory.Options{
		LoadKeys: func() (*seal.Keyring, error) { return seal.LoadKeyring(keys, "") },
		CreateKEK: func(id uuid.UUID) (seal.KEK, string, error) {
			kek, _, err := seal.CreateKEK(keys, id)
			return kek, "file", err
		},
		Hasher: password.New(directorytest.CheapHash, password.Limits{
			Concurrent: 2, Queue: 64, Wait: 10 * time.Second,
		}),
	})
}

func TestKeys(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		t.Run("KeyMissing", func(t *testing.T) {
			kek := value(w.Store.Read(ctx).KEKs(ctx))(t)[0]
			empty := filepath.Join(t.TempDir(), "keys")
			_, err := open(ctx, w.Store, empty)
			if !errors.Is(err, directory.ErrKeyMissing) || !strings.Contains(err.Error(), kek.ID.String()) {
				t.Errorf("the error is %v", err)
			}
			if n := len(value(w.Store.Read(ctx).KEKs(ctx))(t)); n != 1 {
				t.Errorf("%d keys are registered", n)
			}
			if _, err := os.Stat(empty); !errors.Is(err, os.ErrNotExist) {
				t.Error("a key was created for a database that has one")
			}
		})
		t.Run("OtherKey", func(t *testing.T) {
			other := filepath.Join(t.TempDir(), "keys")
			if _, _, err := seal.CreateKEK(other, cardinal.NewID()); err != nil {
				t.Fatal(err)
			}
			_, err := open(ctx, w.Store, other)
			if !errors.Is(err, directory.ErrKeyMissing) {
				t.Errorf("the error is %v", err)
			}
		})
		t.Run("SharedByNodes", func(t *testing.T) {
			u := value(w.Operator().CreateUser(ctx, cardinal.NewUser{
				DisplayName: "Shared", Email: "shared@example.com", EmailVerified: true,
			}))(t)
			d := value(open(ctx, w.Store, w.Keys))(t)
			if p := value(d.As(cardinal.Operator()).Profile(ctx, u.ID))(t); p.DisplayName != "Shared" {
				t.Errorf("profile %+v", p)
			}
			page := value(d.As(cardinal.Operator()).Users(ctx, cardinal.UserFilter{
				Page: cardinal.Page{Limit: 2}, Email: "SHARED@example.com",
			}, false))(t)
			if len(page.Data) != 1 {
				t.Error("the blind indexes differ")
			}
			scope := d.Cursor("users", u.ID)
			if id, good := w.ParseCursor("users", scope); !good || id != u.ID {
				t.Error("the keys of cursors differ")
			}
		})
	})
	for _, engine := range directorytest.Engines {
		t.Run(engine+"/NoKeyInUse", func(t *testing.T) {
			ctx, fixture := t.Context(), directorytest.Open(t, engine)
			w := &world{Fixture: fixture, Engine: engine}
			for _, column := range []string{"retired_at", "destroyed_at"} {
				value(w.SQL(t).ExecContext(ctx, `UPDATE key_encryption_keys SET `+column+` = created_at`))(t)
				_, err := open(ctx, fixture.Store, w.Keys)
				if !errors.Is(err, directory.ErrKeyMissing) || !strings.Contains(err.Error(), "retired or destroyed") {
					t.Errorf("%s: the error is %v", column, err)
				}
				if n := len(value(fixture.Store.Read(ctx).KEKs(ctx))(t)); n != 1 {
					t.Errorf("%s: %d keys are registered", column, n)
				}
			}
		})
		t.Run(engine+"/ConcurrentStart", func(t *testing.T) {
			ctx := t.Context()
			for range 3 {
				fixture := directorytest.Open(t, engine) // registers a key; this test needs a database that has none
				w := &world{Fixture: fixture, Engine: engine}
				db := w.SQL(t)
				for _, statement := range []string{`DELETE FROM service_keys`, `DELETE FROM key_encryption_keys`} {
					value(db.ExecContext(ctx, statement))(t)
				}
				keys := filepath.Join(t.TempDir(), "keys")
				nodes := make([]*directory.Directory, 4)
				var calls []func(context.Context) error
				for i := range nodes {
					calls = append(calls, func(ctx context.Context) (err error) {
						nodes[i], err = open(ctx, fixture.Store, keys)
						return err
					})
				}
				for _, err := range directorytest.Concurrently(calls...) {
					noError(t, err)
				}
				if n := len(value(fixture.Store.Read(ctx).KEKs(ctx))(t)); n != 1 {
					t.Errorf("%d keys are registered", n)
				}
				u := value(nodes[0].As(cardinal.Operator()).CreateUser(ctx, cardinal.NewUser{
					DisplayName: "Shared", Username: fmt.Sprintf("shared%d", directorytest.NextNumber()),
				}))(t)
				for _, d := range nodes[1:] {
					p := value(d.As(cardinal.Operator()).Profile(ctx, u.ID))(t)
					if p.DisplayName != "Shared" {
						t.Errorf("profile %+v", p)
					}
					_, err := d.As(cardinal.Operator()).CreateUser(ctx, cardinal.NewUser{Username: p.Username})
					expectRefusal(t, err, "identifier_taken")
					if d.Cursor("x", u.ID) != nodes[0].Cursor("x", u.ID) {
						t.Error("the keys of cursors differ")
					}
				}
			}
		})
	}
}

// TestNoPersonalDataInClear writes canaries into every field with personal data and searches all bytes of the database.
func TestNoPersonalDataInClear(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		const clear = "sr-Latn-RS" // a locale is stored in clear text: the search must find it
		canaries := []string{
			"canaryname", "canaryuser", "canarymail", "5550123987", "canarypath", "canaryvalue", "canaryagent",
			"203.0.113.241", "canarykey", "canarypassword", "canarysecond", "canaryup", "canaryonce", "canaryguess",
			"canarywrong",
		}
		w.SetSetting(t, "sign_up.mode", "open")
		value(w.Operator().CreateAttributeDefinition(ctx, cardinal.NewAttributeDefinition{
			Name: "nickname", Description: "What friends say.", ValueType: "string",
		}))(t)
		from := cardinal.Client{Address: "203.0.113.241", UserAgent: "canaryagent/1.0"}
		anonymous := w.As(cardinal.Anonymous(uuid.NullUUID{UUID: cardinal.NewID(), Valid: true}, from))
		once := &directory.IdempotentRequest{
			Key: "canaryonce", Route: "POST /v1/users", Path: "/v1/users", Body: []byte("canarymail@example.com"),
		}
		u := value(w.Operator().Idempotent(once).CreateUser(ctx, cardinal.NewUser{
			DisplayName: "canaryname", Username: "canaryuser", Email: "canarymail@example.com", EmailVerified: true,
			Phone: "+1 5550123987", ChosenByUser: true, Password: "canarypassword under bridges",
			AvatarURL: "https://example.com/canarypath", Locale: clear,
			Attributes: map[string]any{"nickname": "canaryvalue"},
		}))(t)
		w.Grant(t, u, "administrator", nil)
		in := value(signin.WithPassword(ctx, anonymous, cardinal.SignIn{
			Identifier: "canarymail@example.com", Password: "canarypassword under bridges",
		}))(t)
		_, err := signin.WithPassword(ctx, anonymous, cardinal.SignIn{
			Identifier: "canaryguess@example.com", Password: "canarywrong canarywrong",
		})
		expectRefusal(t, err, "invalid_credentials")
		value(signin.SignUp(ctx, anonymous, cardinal.SignUp{
			Email: "canaryup@example.com", Password: "canarypassword under bridges", DisplayName: "canaryname",
		}))(t)
		me := w.As(value(signin.Authenticate(ctx, w.Directory, in.Token.Reveal(), uuid.NullUUID{}, from))(t))
		value(me.AddContact(ctx, u.ID, cardinal.NewContact{Kind: "email", Value: "canarysecond@example.com"}))(t)
		value(me.UpdateProfile(ctx, u.ID, 1, cardinal.ProfileChange{
			DisplayName: cardinal.Set("canaryname the second"), Username: cardinal.Set("canaryuser2"),
		}))(t)
		_, err = signin.ChangePassword(ctx, me, cardinal.PasswordChange{
			Current: "canarywrong canarywrong", New: "canarypassword canarysecond",
		})
		expectRefusal(t, err, "/current_password password_wrong")
		value(signin.ChangePassword(ctx, me, cardinal.PasswordChange{
			Current: "canarypassword under bridges", New: "canarypassword canarysecond",
		}))(t)
		svc := value(me.CreateUser(ctx, cardinal.NewUser{Kind: "service", DisplayName: "canaryname service"}))(t)
		w.Grant(t, svc, "auditor", nil)
		key := value(access.CreateAPIKey(ctx, me, cardinal.NewAPIKey{
			UserID: svc.ID, Name: "canarykey", RoleIDs: []uuid.UUID{w.Role(t, "auditor").ID},
			ExpiresAt: w.Clock.Now().Add(time.Hour),
		}))(t)
		link := value(signin.NewSetupLink(ctx, me))(t)
		w.Clock.Add(time.Minute)
		w.RunJob(t, "audit.attempts")
		// The tokens, too: their text and the bytes of their secrets.
		for _, secret := range []cardinal.Secret{in.Token, key.Token, link.Token} {
			canaries = append(canaries, secret.Reveal()[len(secret)-40:])
		}

		texts := databaseBytes(t, w)
		found := func(canary string) (where string) {
			for name, text := range texts {
				lower, inHex := bytes.ToLower(text), hex.EncodeToString([]byte(canary))
				if bytes.Contains(lower, []byte(strings.ToLower(canary))) || bytes.Contains(lower, []byte(inHex)) {
					return name
				}
			}
			return ""
		}
		if found(clear) == "" {
			t.Error("the search does not even find what is stored in clear text")
		}
		for _, canary := range canaries {
			if where := found(canary); where != "" {
				t.Errorf("%s is in clear text in %s", canary, where)
			}
		}
	})
}

// databaseBytes returns all bytes of the database: the files of SQLite, or every column of every table of PostgreSQL.
func databaseBytes(t testing.TB, w *world) map[string][]byte {
	t.Helper()
	ctx := t.Context()
	out := map[string][]byte{}
	if w.Engine == "sqlite" {
		path := strings.TrimPrefix(w.URL, "sqlite:")
		for _, suffix := range []string{"", "-wal"} {
			out[filepath.Base(path)+suffix] = value(os.ReadFile(path + suffix))(t)
		}
		return out
	}
	db := w.SQL(t)
	tables := value(db.QueryContext(ctx, `SELECT tablename FROM pg_tables WHERE schemaname = 'cardinal'`))(t)
	defer tables.Close()
	var names []string
	for tables.Next() {
		var name string
		noError(t, tables.Scan(&name))
		names = append(names, name)
	}
	for _, name := range names {
		rows := value(db.QueryContext(ctx, `SELECT * FROM cardinal."`+name+`"`))(t)
		columns := value(rows.Columns())(t)
		for rows.Next() {
			values := make([]sql.RawBytes, len(columns))
			into := make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			noError(t, rows.Scan(into...))
			for i, v := range values {
				at := name + "." + columns[i]
				out[at] = append(append(out[at], v...), '\n')
			}
		}
		noError(t, rows.Err())
		rows.Close()
	}
	if len(names) < 20 {
		t.Errorf("only %d tables", len(names))
	}
	return out
}

// TestUserKeysDiffer: the key of one user does not decrypt the data of another.
func TestUserKeysDiffer(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx, r := t.Context(), w.Store.Read(t.Context())
		ring := value(seal.LoadKeyring(w.Keys, ""))(t)
		kek, found := ring.ByCheckValue([32]byte(value(r.KEKs(ctx))(t)[0].CheckValue))
		if !found {
			t.Fatal("the key-encryption key is not in its folder")
		}
		var keys []seal.Key
		for range 2 {
			u, _ := w.NewPerson(t)
			keys = append(keys, value(kek.Unwrap(u.ID, value(r.UserKey(ctx, u.ID))(t).WrappedKey))(t))
		}
		if keys[0].Equal(keys[1]) {
			t.Error("two users have the same key")
		}
	})
}
