package directorytest

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/access"
	"cardinal/internal/directory"
	"cardinal/internal/hashes"
	"cardinal/internal/importing"
	"cardinal/internal/password"
	"cardinal/internal/reencrypt"
	"cardinal/internal/seal"
	"cardinal/internal/signin"
	"cardinal/internal/store"
)

const (
	// Password is the password of users that NewPerson creates.
	Password = "seven green bicycles"
	// OtherPassword is another good password.
	OtherPassword = "eight purple tricycles"
	// WrongPassword is the password of no user.
	WrongPassword = "wrong wrong wrong"
	// ThrottleWindow is how long a throttle counts and blocks, by default.
	ThrottleWindow = 15 * time.Minute
)

// World is a directory under test, on one database engine, with helpers that change and check it.
type World struct {
	*Fixture
	Engine    string
	lastEvent uuid.UUID // the last audit event that a test has read
}

// Run runs a test on each database engine, with a new database for each.
func Run(t *testing.T, test func(t *testing.T, w *World)) {
	t.Helper()
	for _, engine := range Engines {
		t.Run(engine, func(t *testing.T) { test(t, NewWorld(t, engine)) })
	}
}

// NewWorld opens a directory on a new database.
func NewWorld(t testing.TB, engine string) *World {
	t.Helper()
	return &World{Fixture: Open(t, engine), Engine: engine}
}

// Operator returns the desk of the operator, who can do everything.
func (w *World) Operator() directory.Desk { return w.As(cardinal.Operator()) }

// Anonymous returns the desk of an anonymous caller with an IP address.
func (w *World) Anonymous(address string) directory.Desk { return Anonymous(w.Directory, address) }

// Anonymous returns the desk of an anonymous caller of a directory, with an IP address.
func Anonymous(d *directory.Directory, address string) directory.Desk {
	return d.As(cardinal.Anonymous(uuid.NullUUID{}, cardinal.Client{Address: address, UserAgent: "test agent"}))
}

// DeskOf returns the desk of a user without a session.
func (w *World) DeskOf(u cardinal.User) directory.Desk {
	return w.As(cardinal.Actor{UserID: u.ID, Assurance: 1})
}

// DeskOfToken returns the desk of a session or an API key, by its token.
func (w *World) DeskOfToken(t testing.TB, token cardinal.Secret) directory.Desk {
	t.Helper()
	actor, err := signin.Authenticate(t.Context(), w.Directory, token.Reveal(), uuid.NullUUID{}, cardinal.Client{})
	NoError(t, err)
	return w.As(actor)
}

var lastNumber atomic.Int64

// NextNumber returns a number that no other call returns.
func NextNumber() int64 { return lastNumber.Add(1) }

// NewEmail returns an email address that no user has.
func NewEmail() string { return fmt.Sprintf("person%d@example.com", NextNumber()) }

// NewPerson creates a person with a verified address, the password Password and roles, and returns the user and the
// address.
func (w *World) NewPerson(t testing.TB, roles ...string) (cardinal.User, string) {
	t.Helper()
	email := NewEmail()
	in := cardinal.NewUser{Email: email, EmailVerified: true, ChosenByUser: true, Password: Password}
	u := Value(w.Operator().CreateUser(t.Context(), in))(t)
	for _, role := range roles {
		w.Grant(t, u, role, nil)
	}
	return u, email
}

// NewService creates a user of the kind service with roles.
func (w *World) NewService(t testing.TB, roles ...string) cardinal.User {
	t.Helper()
	u, err := w.Operator().CreateUser(t.Context(), cardinal.NewUser{Kind: "service", DisplayName: "Billing"})
	NoError(t, err)
	for _, role := range roles {
		w.Grant(t, u, role, nil)
	}
	return u
}

// NewRole creates a role with permissions and returns its name.
func (w *World) NewRole(t testing.TB, permissions ...string) string {
	t.Helper()
	name := fmt.Sprintf("role%d", NextNumber())
	in := cardinal.NewRole{Name: name, Description: "A role.", Permissions: permissions}
	_, err := access.CreateRole(t.Context(), w.Operator(), in)
	NoError(t, err)
	return name
}

// Role returns a role by its name.
func (w *World) Role(t testing.TB, name string) cardinal.Role {
	t.Helper()
	return Value(access.RoleByName(t.Context(), w.Operator(), name))(t)
}

// Grant gives a user a role, until a time or without an end.
func (w *World) Grant(t testing.TB, u cardinal.User, role string, until *time.Time) cardinal.Grant {
	t.Helper()
	in := cardinal.NewGrant{RoleID: w.Role(t, role).ID, ExpiresAt: until}
	return Value(access.GrantRole(t.Context(), w.Operator(), u.ID, in))(t)
}

// NewAPIKey creates an API key of a service that has roles. It expires in an hour.
func (w *World) NewAPIKey(t testing.TB, service cardinal.User, roles ...string) cardinal.APIKey {
	t.Helper()
	in := cardinal.NewAPIKey{UserID: service.ID, Name: "key", ExpiresAt: w.Clock.Now().Add(time.Hour)}
	for _, role := range roles {
		in.RoleIDs = append(in.RoleIDs, w.Role(t, role).ID)
	}
	return Value(access.CreateAPIKey(t.Context(), w.Operator(), in))(t)
}

// User returns a user as it is now, without its profile.
func (w *World) User(t testing.TB, id uuid.UUID) cardinal.User {
	t.Helper()
	return Value(w.Operator().User(t.Context(), id, false))(t)
}

// UserByEmail returns the user with an address, with its profile.
func (w *World) UserByEmail(t testing.TB, email string) cardinal.User {
	t.Helper()
	filter := cardinal.UserFilter{Page: cardinal.Page{Limit: 2}, Email: email}
	found := Value(w.Operator().Users(t.Context(), filter, true))(t).Data
	if len(found) != 1 {
		t.Fatalf("%d users have the address %s", len(found), email)
	}
	return found[0]
}

// SignIn opens a session.
func (w *World) SignIn(t testing.TB, identifier, password string) cardinal.SignedIn {
	t.Helper()
	in := cardinal.SignIn{Identifier: identifier, Password: cardinal.Secret(password)}
	return Value(signin.WithPassword(t.Context(), w.Anonymous("192.0.2.1"), in))(t)
}

// SessionActive reports whether a session can be used.
func (w *World) SessionActive(t testing.TB, in cardinal.SignedIn) bool {
	t.Helper()
	_, err := signin.Authenticate(t.Context(), w.Directory, in.Token.Reveal(), uuid.NullUUID{}, cardinal.Client{})
	if err != nil && ErrorCode(err) != "not_signed_in" {
		t.Fatal(err)
	}
	return err == nil
}

// WithOtherSecret returns the token with the same ids and another secret.
func WithOtherSecret(token cardinal.Secret) string {
	text := []byte(token.Reveal())
	at := &text[len(text)-9]
	if *at == 'x' {
		*at = 'y'
	} else {
		*at = 'x'
	}
	return string(text)
}

// SetSetting changes a setting.
func (w *World) SetSetting(t testing.TB, name string, value any) {
	t.Helper()
	s := Value(w.Operator().Setting(t.Context(), name))(t)
	Value(w.Operator().UpdateSetting(t.Context(), name, s.Version, cardinal.SettingChange{Value: value}))(t)
}

// Jobs lists the background work of all packages.
func Jobs() []directory.Job {
	return slices.Concat(directory.Jobs(), access.Jobs(), importing.Jobs(), hashes.Jobs(), reencrypt.Jobs())
}

// JobOf returns the job of a kind.
func JobOf(t testing.TB, kind string) directory.Job {
	t.Helper()
	jobs := Jobs()
	i := slices.IndexFunc(jobs, func(j directory.Job) bool { return j.Kind == kind })
	if i < 0 {
		t.Fatalf("no job has the kind %s", kind)
	}
	return jobs[i]
}

// RunJob does the work of a job once, as the system.
func (w *World) RunJob(t testing.TB, kind string) {
	t.Helper()
	NoError(t, w.As(cardinal.System()).RunJob(t.Context(), JobOf(t, kind), uuid.Nil))
}

// OpenNode opens another directory on the same database, as another node does.
func (w *World) OpenNode(t testing.TB, params password.Params) *directory.Directory {
	t.Helper()
	s := Value(store.Open(t.Context(), w.URL))(t)
	t.Cleanup(func() { s.Close() })
	return Value(directory.Open(t.Context(), s, directory.Options{
		LoadKeys: func() (*seal.Keyring, error) { return seal.LoadKeyring(w.Keys, "") },
		Hasher:   password.New(params, password.Limits{Concurrent: 2, Queue: 64, Wait: 10 * time.Second}),
		Clock:    w.Clock.Now,
	}))(t)
}

// SQL opens a connection to the database without the store.
func (w *World) SQL(t testing.TB) *sql.DB {
	t.Helper()
	driver, dsn := "sqlite", strings.TrimPrefix(w.URL, "sqlite:")
	if w.Engine == "postgres" {
		separator := "&"
		if !strings.Contains(w.URL, "?") {
			separator = "?"
		}
		driver, dsn = "pgx", w.URL+separator+"search_path=cardinal"
	}
	db := Value(sql.Open(driver, dsn))(t)
	t.Cleanup(func() { db.Close() })
	return db
}

// WaitForLock waits until a transaction of PostgreSQL waits for another one.
func (w *World) WaitForLock(t testing.TB) {
	t.Helper()
	db := w.SQL(t)
	for range 200 {
		var n int
		NoError(t, db.QueryRowContext(t.Context(), `
			SELECT count(*) FROM pg_locks
			 WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
			    OR NOT granted AND locktype = 'transactionid'`).Scan(&n))
		if n > 0 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Log("no transaction waits")
}

// Concurrently runs functions at the same time and returns their errors in order.
func Concurrently(fns ...func(context.Context) error) []error {
	errs := make([]error, len(fns))
	start := make(chan struct{})
	var running sync.WaitGroup
	for i, fn := range fns {
		running.Go(func() {
			<-start
			errs[i] = fn(context.Background())
		})
	}
	close(start)
	running.Wait()
	return errs
}
