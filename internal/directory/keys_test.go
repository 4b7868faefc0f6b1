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
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/password"
	"cardinal/internal/seal"
	"cardinal/internal/signin"
	"cardinal/internal/store"
)

func open(ctx context.Context, s *store.Store, keys string) (*directory.Directory, error) {
	return directory.Open(ctx, s, directory.Options{
		LoadKeys: func() (*seal.Keyring, error) { return seal.LoadKeyring(keys, "") },
		CreateKEK: func(id uuid.UUID) (seal.KEK, string, error) {
			kek, _, err := seal.CreateKEK(keys, id)
			return kek, "file", err
		},
		Hasher: password.New(directorytest.CheapHash, password.Limits{Concurrent: 2, Queue: 64, Wait: 10 * time.Second}),
	})
}

func TestKeys(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		t.Run("RefusesToOpenWithoutTheKey", func(t *testing.T) {
			kek := must(w.Store.Read(ctx).KEKs(ctx))(t)[0]
			empty := filepath.Join(t.TempDir(), "keys")
			_, err := open(ctx, w.Store, empty)
			if !errors.Is(err, directory.ErrKeyMissing) || !strings.Contains(err.Error(), kek.ID.String()) {
				t.Errorf("said %v", err)
			}
			if n := len(must(w.Store.Read(ctx).KEKs(ctx))(t)); n != 1 {
				t.Errorf("%d keys are registered", n)
			}
			if _, err := os.Stat(empty); !errors.Is(err, os.ErrNotExist) {
				t.Error("a key was made for a database that has one")
			}
		})
		t.Run("RefusesAnotherKey", func(t *testing.T) {
			other := filepath.Join(t.TempDir(), "keys")
			if _, _, err := seal.CreateKEK(other, cardinal.NewID()); err != nil {
				t.Fatal(err)
			}
			_, err := open(ctx, w.Store, other)
			if !errors.Is(err, directory.ErrKeyMissing) {
				t.Errorf("said %v", err)
			}
		})
		t.Run("ReadsWhatAnotherDirectoryWrote", func(t *testing.T) {
			u := must(w.operator().CreateUser(ctx, cardinal.NewUser{DisplayName: "Shared", Email: "shared@example.com", EmailVerified: true}))(t)
			d := must(open(ctx, w.Store, w.Keys))(t)
			if p := must(d.As(cardinal.Operator()).Profile(ctx, u.ID))(t); p.DisplayName != "Shared" {
				t.Errorf("profile %+v", p)
			}
			page := must(d.As(cardinal.Operator()).Users(ctx, cardinal.UserFilter{Page: cardinal.Page{Limit: 2}, Email: "SHARED@example.com"}, false))(t)
			if len(page.Data) != 1 {
				t.Error("another index")
			}
			scope := d.Cursor("users", u.ID)
			if id, good := w.ParseCursor("users", scope); !good || id != u.ID {
				t.Error("another key of cursors")
			}
		})
	})
	for _, engine := range directorytest.Engines {
		t.Run(engine+"/TwoThatStartAtOnceShareOneKey", func(t *testing.T) {
			ctx := t.Context()
			for range 3 {
				made := directorytest.Open(t, engine) // registers a key; this test needs a database that has none
				w := &world{Fixture: made, engine: engine}
				db := w.raw(t)
				for _, statement := range []string{`DELETE FROM service_keys`, `DELETE FROM key_encryption_keys`} {
					must(db.ExecContext(ctx, statement))(t)
				}
				keys := filepath.Join(t.TempDir(), "keys")
				opened := make([]*directory.Directory, 4)
				var tries []func(context.Context) error
				for i := range opened {
					tries = append(tries, func(ctx context.Context) (err error) { opened[i], err = open(ctx, made.Store, keys); return err })
				}
				for _, err := range together(tries...) {
					ok(t, err)
				}
				if n := len(must(made.Store.Read(ctx).KEKs(ctx))(t)); n != 1 {
					t.Errorf("%d keys are registered", n)
				}
				u := must(opened[0].As(cardinal.Operator()).CreateUser(ctx, cardinal.NewUser{DisplayName: "Shared", Username: fmt.Sprintf("shared%d", serial.Add(1))}))(t)
				for _, d := range opened[1:] {
					p := must(d.As(cardinal.Operator()).Profile(ctx, u.ID))(t)
					if p.DisplayName != "Shared" {
						t.Errorf("profile %+v", p)
					}
					_, err := d.As(cardinal.Operator()).CreateUser(ctx, cardinal.NewUser{Username: p.Username})
					refuses(t, err, "identifier_taken")
					if d.Cursor("x", u.ID) != opened[0].Cursor("x", u.ID) {
						t.Error("another key of cursors")
					}
				}
			}
		})
	}
}

// TestNothingPersonalInClear plants canaries in every field that is personal and searches the database's own bytes.
func TestNothingPersonalInClear(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		const clear = "sr-Latn-RS" // a locale is stored in clear: the search must find it
		canaries := []string{"canaryname", "canaryuser", "canarymail", "5550123987", "canarypath", "canaryvalue", "canaryagent", "203.0.113.241", "canarykey", "canarypassword",
			"canarysecond", "canaryup", "canaryonce", "canaryguess", "canarywrong"}
		w.set(t, "sign_up.mode", "open")
		must(w.operator().CreateAttributeDefinition(ctx, cardinal.NewAttributeDefinition{Name: "nickname", Description: "What friends say.", ValueType: "string"}))(t)
		from := cardinal.Client{Address: "203.0.113.241", UserAgent: "canaryagent/1.0"}
		stranger := w.As(cardinal.Stranger(uuid.NullUUID{UUID: cardinal.NewID(), Valid: true}, from))
		once := &directory.IdempotentRequest{Key: "canaryonce", Route: "POST /v1/users", Path: "/v1/users", Body: []byte("canarymail@example.com")}
		u := must(w.operator().Idempotent(once).CreateUser(ctx, cardinal.NewUser{DisplayName: "canaryname", Username: "canaryuser", Email: "canarymail@example.com", EmailVerified: true,
			Phone: "+1 5550123987", Password: "canarypassword canarypassword", AvatarURL: "https://example.com/canarypath", Locale: clear,
			Attributes: map[string]any{"nickname": "canaryvalue"}}))(t)
		w.grant(t, u, "administrator", nil)
		in := must(signin.WithPassword(ctx, stranger, cardinal.SignIn{Identifier: "canarymail@example.com", Password: "canarypassword canarypassword"}))(t)
		_, err := signin.WithPassword(ctx, stranger, cardinal.SignIn{Identifier: "canaryguess@example.com", Password: "canarywrong canarywrong"})
		refuses(t, err, "invalid_credentials")
		must(signin.SignUp(ctx, stranger, cardinal.SignUp{Email: "canaryup@example.com", Password: "canarypassword canarypassword", DisplayName: "canaryname"}))(t)
		me := w.As(must(signin.Authenticate(ctx, w.Directory, in.Token.Reveal(), uuid.NullUUID{}, from))(t))
		must(me.AddContact(ctx, u.ID, cardinal.NewContact{Kind: "email", Value: "canarysecond@example.com"}))(t)
		must(me.UpdateProfile(ctx, u.ID, 1, cardinal.ProfileChange{DisplayName: cardinal.Set("canaryname the second"), Username: cardinal.Set("canaryuser2")}))(t)
		_, err = me.ChangePassword(ctx, cardinal.PasswordChange{Current: "canarywrong canarywrong", New: "canarypassword canarysecond"})
		refuses(t, err, "/current_password password_wrong")
		must(me.ChangePassword(ctx, cardinal.PasswordChange{Current: "canarypassword canarypassword", New: "canarypassword canarysecond"}))(t)
		svc := must(me.CreateUser(ctx, cardinal.NewUser{Kind: "service", DisplayName: "canaryname service"}))(t)
		w.grant(t, svc, "auditor", nil)
		key := must(me.CreateAPIKey(ctx, cardinal.NewAPIKey{UserID: svc.ID, Name: "canarykey", RoleIDs: []uuid.UUID{w.role(t, "auditor").ID}, ExpiresAt: w.Clock.Now().Add(time.Hour)}))(t)
		link := must(signin.NewSetupLink(ctx, me))(t)
		w.Clock.Add(time.Minute)
		w.run(t, "audit.attempts")
		// Tokens too: their text, and the raw bytes of their secrets.
		for _, secret := range []cardinal.Secret{in.Token, key.Token, link.Token} {
			canaries = append(canaries, secret.Reveal()[len(secret)-40:])
		}

		texts := w.everything(t)
		found := func(canary string) (where string) {
			for name, text := range texts {
				lower := bytes.ToLower(text)
				if bytes.Contains(lower, []byte(strings.ToLower(canary))) || bytes.Contains(lower, []byte(hex.EncodeToString([]byte(canary)))) {
					return name
				}
			}
			return ""
		}
		if found(clear) == "" {
			t.Error("the search finds nothing, not even what is stored in clear")
		}
		for _, canary := range canaries {
			if where := found(canary); where != "" {
				t.Errorf("%s is in clear in %s", canary, where)
			}
		}
	})
}

// everything is all bytes of the database: the files of SQLite, every column of every table of PostgreSQL.
func (w *world) everything(t testing.TB) map[string][]byte {
	t.Helper()
	ctx := t.Context()
	out := map[string][]byte{}
	if w.engine == "sqlite" {
		path := strings.TrimPrefix(w.URL, "sqlite:")
		for _, suffix := range []string{"", "-wal"} {
			out[filepath.Base(path)+suffix] = must(os.ReadFile(path + suffix))(t)
		}
		return out
	}
	db := w.raw(t)
	tables := must(db.QueryContext(ctx, `SELECT tablename FROM pg_tables WHERE schemaname = 'cardinal'`))(t)
	defer tables.Close()
	var names []string
	for tables.Next() {
		var name string
		ok(t, tables.Scan(&name))
		names = append(names, name)
	}
	for _, name := range names {
		rows := must(db.QueryContext(ctx, `SELECT * FROM cardinal."`+name+`"`))(t)
		columns := must(rows.Columns())(t)
		for rows.Next() {
			values := make([]sql.RawBytes, len(columns))
			into := make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			ok(t, rows.Scan(into...))
			for i, v := range values {
				at := name + "." + columns[i]
				out[at] = append(append(out[at], v...), '\n')
			}
		}
		ok(t, rows.Err())
		rows.Close()
	}
	if len(names) < 20 {
		t.Errorf("only %d tables", len(names))
	}
	return out
}
