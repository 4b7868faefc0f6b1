package directory_test

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/importing"
	"cardinal/internal/password"
	"cardinal/internal/pgtest"
	"cardinal/internal/seal"
	"cardinal/internal/signin"
	"cardinal/internal/store"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

const goodPassword = "seven green bicycles"

// world is a directory under test, with what a test asks of it.
type world struct {
	*directorytest.Fixture
	engine string
	told   uuid.UUID // the last event that a test has seen
}

// engines runs a test on each database, a fresh one each.
func engines(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	for _, engine := range directorytest.Engines {
		t.Run(engine, func(t *testing.T) { test(t, &world{Fixture: directorytest.Open(t, engine), engine: engine}) })
	}
}

func (w *world) operator() directory.Desk { return w.As(cardinal.Operator()) }

func (w *world) stranger(address string) directory.Desk {
	return w.As(cardinal.Stranger(uuid.NullUUID{}, cardinal.Client{Address: address, UserAgent: "test agent"}))
}

// as is the desk of a user, without a session.
func (w *world) as(u cardinal.User) directory.Desk {
	return w.As(cardinal.Actor{UserID: u.ID, Assurance: 1})
}

var serial atomic.Int64

func anEmail() string { return fmt.Sprintf("person%d@example.com", serial.Add(1)) }

// must returns a value or ends the test.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// person makes a person with a proved address, the password and the roles named.
func (w *world) person(t testing.TB, roles ...string) (cardinal.User, string) {
	t.Helper()
	email := anEmail()
	u := must(w.operator().CreateUser(t.Context(), cardinal.NewUser{Email: email, EmailVerified: true, Password: goodPassword}))(t)
	for _, role := range roles {
		w.grant(t, u, role, nil)
	}
	return u, email
}

func (w *world) service(t testing.TB, roles ...string) cardinal.User {
	t.Helper()
	u := must(w.operator().CreateUser(t.Context(), cardinal.NewUser{Kind: "service", DisplayName: "Billing"}))(t)
	for _, role := range roles {
		w.grant(t, u, role, nil)
	}
	return u
}

func (w *world) role(t testing.TB, name string) cardinal.Role {
	t.Helper()
	return must(w.operator().RoleByName(t.Context(), name))(t)
}

func (w *world) grant(t testing.TB, u cardinal.User, role string, until *time.Time) cardinal.Grant {
	t.Helper()
	return must(w.operator().GrantRole(t.Context(), u.ID, cardinal.NewGrant{RoleID: w.role(t, role).ID, ExpiresAt: until}))(t)
}

// holding makes a role that holds permissions, and returns its name.
func (w *world) holding(t testing.TB, permissions ...string) string {
	t.Helper()
	name := fmt.Sprintf("role%d", serial.Add(1))
	must(w.operator().CreateRole(t.Context(), cardinal.NewRole{Name: name, Description: "A role.", Permissions: permissions}))(t)
	return name
}

func (w *world) user(t testing.TB, id uuid.UUID) cardinal.User {
	t.Helper()
	return must(w.operator().User(t.Context(), id, false))(t)
}

func (w *world) signIn(t testing.TB, email, password string) cardinal.SignedIn {
	t.Helper()
	return must(signin.WithPassword(t.Context(), w.stranger("192.0.2.1"), cardinal.SignIn{Identifier: email, Password: cardinal.Secret(password)}))(t)
}

// session is the desk of a session.
func (w *world) session(t testing.TB, in cardinal.SignedIn) directory.Desk {
	t.Helper()
	return w.As(must(signin.Authenticate(t.Context(), w.Directory, in.Token.Reveal(), uuid.NullUUID{}, cardinal.Client{}))(t))
}

func (w *world) alive(t testing.TB, in cardinal.SignedIn) bool {
	t.Helper()
	_, err := signin.Authenticate(t.Context(), w.Directory, in.Token.Reveal(), uuid.NullUUID{}, cardinal.Client{})
	if err != nil && !errors.Is(err, cardinal.ErrUnauthenticated) {
		t.Fatal(err)
	}
	return err == nil
}

func (w *world) set(t testing.TB, name string, value any) {
	t.Helper()
	s := must(w.operator().Setting(t.Context(), name))(t)
	must(w.operator().UpdateSetting(t.Context(), name, s.Version, cardinal.SettingChange{Value: value}))(t)
}

func (w *world) run(t testing.TB, job string) {
	t.Helper()
	ok(t, w.As(cardinal.System()).RunJob(t.Context(), jobOf(t, job), uuid.Nil))
}

// jobOf returns the job of a kind.
func jobOf(t testing.TB, kind string) directory.Job {
	t.Helper()
	for _, job := range slices.Concat(directory.Jobs(), importing.Jobs()) {
		if job.Kind == kind {
			return job
		}
	}
	t.Fatalf("no job is called %s", kind)
	return directory.Job{}
}

// another opens a second directory over the same database, another node.
func (w *world) another(t testing.TB, params password.Params) *directory.Directory {
	t.Helper()
	s := must(store.Open(t.Context(), w.URL))(t)
	t.Cleanup(func() { s.Close() })
	return must(directory.Open(t.Context(), s, directory.Options{
		LoadKeys: func() (*seal.Keyring, error) { return seal.LoadKeyring(w.Keys, "") },
		Hasher:   password.New(params, password.Limits{Concurrent: 2, Queue: 64, Wait: 10 * time.Second}),
		Clock:    w.Clock.Now,
	}))(t)
}

// raw reaches around the store.
func (w *world) raw(t testing.TB) *sql.DB {
	t.Helper()
	driver, dsn := "sqlite", strings.TrimPrefix(w.URL, "sqlite:")
	if w.engine == "postgres" {
		driver, dsn = "pgx", w.URL+"&search_path=cardinal"
		if !strings.Contains(w.URL, "?") {
			dsn = w.URL + "?search_path=cardinal"
		}
	}
	db := must(sql.Open(driver, dsn))(t)
	t.Cleanup(func() { db.Close() })
	return db
}

// said is the code of a refusal, or the places and codes of all faults in order; "" for none.
func said(err error) string {
	var invalid *cardinal.Invalid
	var refusal *cardinal.Refusal
	var stale *cardinal.Stale
	switch {
	case err == nil:
		return ""
	case errors.As(err, &invalid):
		faults := make([]string, len(invalid.Faults))
		for i, f := range invalid.Faults {
			faults[i] = f.Pointer + f.Parameter + " " + f.Code
		}
		slices.Sort(faults)
		return strings.Join(faults, ", ")
	case errors.As(err, &refusal):
		if _, known := cardinal.FindCode(refusal.Code); !known {
			return refusal.Code + " (not in the catalogue)"
		}
		return refusal.Code
	case errors.As(err, &stale):
		return fmt.Sprintf("stale %d", stale.Version)
	case errors.Is(err, cardinal.ErrNotFound):
		return "not_found"
	}
	return err.Error()
}

// refuses fails unless an error says what is wanted.
func refuses(t testing.TB, err error, want string) {
	t.Helper()
	if got := said(err); got != want {
		t.Fatalf("said %q, want %q (%v)", got, want, err)
	}
}

// forget makes the next look at the audit log begin here.
func (w *world) forget(t testing.TB) { t.Helper(); w.events(t) }

// events are the events since the last look, oldest first.
func (w *world) events(t testing.TB) []cardinal.AuditEvent {
	t.Helper()
	// Ids that are made at once may be written in another order; the tests that look make one change at a time.
	found := must(w.Store.Read(t.Context()).Events(t.Context(), cardinal.AuditFilter{Page: cardinal.Page{Limit: 5000, After: w.told}}))(t).Events
	if len(found) > 0 {
		w.told = found[len(found)-1].ID
	}
	return found
}

// told is what a test expects of one event. Changes are written "column" when masked, "column from>to" when shown.
type told struct {
	action         string
	actor, subject uuid.UUID
	refused        bool
	changes        []string
	rows           []string // table, with a minus sign when the row is gone
}

// tells fails unless the events since the last look are exactly those, whose stamps fit the rows as they are now.
func (w *world) tells(t testing.TB, want ...told) {
	t.Helper()
	got := w.events(t)
	var actions []string
	for _, e := range got {
		actions = append(actions, e.Action)
	}
	if len(got) != len(want) {
		t.Fatalf("%d events %q, want %d", len(got), actions, len(want))
	}
	last := map[string]cardinal.RowStamp{}
	for i, e := range got {
		if e.Action != want[i].action || e.ActorID != want[i].actor || e.SubjectID != want[i].subject || e.IsRefused != want[i].refused || e.Attempts != 1 {
			t.Errorf("event %d: %s by %s about %s refused %t ×%d, want %+v", i, e.Action, e.ActorID, e.SubjectID, e.IsRefused, e.Attempts, want[i])
		}
		changes := []string{}
		for _, column := range slices.Sorted(maps.Keys(e.Changes)) {
			if c := e.Changes[column]; c.Masked {
				if c.From != nil || c.To != nil {
					t.Errorf("event %d: %s is masked and shows its values", i, column)
				}
				changes = append(changes, column)
			} else {
				changes = append(changes, fmt.Sprintf("%s %s>%s", column, shown(c.From), shown(c.To)))
			}
		}
		if diff := cmp.Diff(append([]string{}, want[i].changes...), changes); diff != "" {
			t.Errorf("event %d, %s: changes (-want +got)\n%s", i, e.Action, diff)
		}
		rows := []string{}
		for _, row := range e.ChangedRows {
			if row.Columns == 0 {
				rows = append(rows, "-"+row.Table)
			} else {
				rows = append(rows, row.Table)
			}
			last[row.Table+" "+row.Key] = row
		}
		slices.Sort(rows)
		if diff := cmp.Diff(append([]string{}, want[i].rows...), rows); diff != "" {
			t.Errorf("event %d, %s: rows (-want +got)\n%s", i, e.Action, diff)
		}
	}
	for _, row := range last { // the last word on each row
		w.stampFits(t, row)
	}
}

// shown is how a test writes a value of a change: times as "time", so that tests need not know the moment.
func shown(v any) string {
	if s, ok := v.(string); ok {
		if _, err := time.Parse(time.RFC3339Nano, s); err == nil {
			return "time"
		}
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// stampFits fails unless a stamp is that of the row as it is now, or says gone of one that is.
func (w *world) stampFits(t testing.TB, row cardinal.RowStamp) {
	t.Helper()
	ctx, r := t.Context(), w.Store.Read(t.Context())
	var ids []uuid.UUID
	for _, part := range strings.Split(row.Key, "/") {
		id, err := uuid.Parse(part)
		if err != nil && row.Table != "identifiers" {
			t.Fatalf("key %q of %s: %v", row.Key, row.Table, err)
		}
		ids = append(ids, id)
	}
	stamp := func() (s cardinal.RowStamp, err error) {
		switch row.Table {
		case "users":
			return stampOf(store.StampUser)(r.User(ctx, ids[0]))
		case "user_keys":
			return stampOf(store.StampUserKey)(r.UserKey(ctx, ids[0]))
		case "profiles":
			p, err := r.Profile(ctx, ids[0])
			if err != nil {
				return s, err
			}
			return store.StampProfile(p)
		case "contacts":
			return stampOf(store.StampContact)(r.Contact(ctx, ids[0], ids[1]))
		case "identifiers":
			index, err := hex.DecodeString(row.Key)
			if err != nil {
				return s, err
			}
			return stampOf(store.StampIdentifier)(r.Identifier(ctx, index))
		case "credentials":
			return stampOf(store.StampCredential)(r.Credential(ctx, ids[0]))
		case "sessions":
			return stampOf(store.StampSession)(r.Session(ctx, ids[0], ids[1]))
		case "roles":
			return stampOf(store.StampRole)(r.Role(ctx, ids[0]))
		case "permissions":
			return stampOf(store.StampPermission)(r.Permission(ctx, ids[0]))
		case "role_permissions":
			held, err := r.RolePermissionIDs(ctx, ids[0])
			if err != nil || !slices.Contains(held, ids[1]) {
				return s, errors.Join(err, cardinal.ErrNotFound)
			}
			role, err := r.Role(ctx, ids[0])
			return store.StampRolePermission(ids[0], ids[1], role.UpdatedAt), err // given by the role's last change
		case "user_roles":
			return stampOf(store.StampGrant)(r.Grant(ctx, ids[0], ids[1]))
		case "api_keys":
			return stampOf(store.StampAPIKey)(r.APIKey(ctx, ids[1]))
		case "api_key_roles":
			using, err := r.APIKeysUsing(ctx, ids[0], ids[2])
			if err != nil || !slices.Contains(using, ids[1]) {
				return s, errors.Join(err, cardinal.ErrNotFound)
			}
			return store.StampAPIKeyRole(ids[0], ids[1], ids[2]), nil
		case "attribute_definitions":
			return stampOf(store.StampAttributeDefinition)(r.AttributeDefinition(ctx, ids[0]))
		case "countries":
			all, err := r.Countries(ctx)
			at := slices.IndexFunc(all, func(c cardinal.Country) bool { return c.ID == ids[0] })
			if err != nil || at < 0 {
				return s, errors.Join(err, cardinal.ErrNotFound)
			}
			return stampOf(store.StampCountry)(r.Country(ctx, all[at].Code))
		case "settings":
			all, err := r.Settings(ctx)
			at := slices.IndexFunc(all, func(s cardinal.Setting) bool { return s.ID == ids[0] })
			if err != nil || at < 0 {
				return s, errors.Join(err, cardinal.ErrNotFound)
			}
			return store.StampSetting(all[at])
		}
		return s, fmt.Errorf("no test knows the table %s", row.Table)
	}
	now, err := stamp()
	if row.Columns == 0 {
		if !errors.Is(err, cardinal.ErrNotFound) {
			t.Errorf("%s %s is stamped as gone and is there: %v", row.Table, row.Key, err)
		}
		return
	}
	if err != nil {
		t.Errorf("%s %s: %v", row.Table, row.Key, err)
		return
	}
	if diff := cmp.Diff(now, row); diff != "" {
		t.Errorf("the stamp of %s does not fit the row (-row +event)\n%s", row.Table, diff)
	}
}

func stampOf[T any](stamp func(T) cardinal.RowStamp) func(T, error) (cardinal.RowStamp, error) {
	return func(v T, err error) (cardinal.RowStamp, error) {
		if err != nil {
			return cardinal.RowStamp{}, err
		}
		return stamp(v), nil
	}
}

// sameJSON compares two values by what a caller sees of them.
func sameJSON(t testing.TB, a, b any) {
	t.Helper()
	x, y := must(json.Marshal(a))(t), must(json.Marshal(b))(t)
	if diff := cmp.Diff(string(x), string(y)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// together runs functions at once and returns their errors in order.
func together(fns ...func(context.Context) error) []error {
	errs := make([]error, len(fns))
	start, done := make(chan struct{}), make(chan struct{})
	for i, fn := range fns {
		go func() {
			<-start
			errs[i] = fn(context.Background())
			done <- struct{}{}
		}()
	}
	close(start)
	for range fns {
		<-done
	}
	return errs
}

var noID uuid.NullUUID
