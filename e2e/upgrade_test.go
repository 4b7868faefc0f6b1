package e2e

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"cardinal"
	"cardinal/internal/pgtest"
)

// TestUpgradeUnderLoad takes a PostgreSQL database from the version before to this one while both serve it: not one request fails,
// each reads what the other wrote, and in the end the schema is the one that a new database has. The service's role owns nothing.
func TestUpgradeUnderLoad(t *testing.T) {
	u := newUpgrade(t, "postgres")
	before := u.serve(u.before)
	before.setUp()
	u.endedSessions(3000)

	first := u.load(before)
	u.eventually(first, 300)

	plan, err := u.command(u.after, "db", "plan").CombinedOutput()
	if err != nil {
		t.Errorf("db plan: %v\n%s", err, plan)
	}
	const scansOnline = "sessions: scans the table, and blocks neither reads nor writes during that time " +
		"(SHARE UPDATE EXCLUSIVE): "
	for _, want := range []string{"1 running node\n",
		"sessions: blocks reads and writes briefly (ACCESS EXCLUSIVE): ALTER TABLE sessions ADD COLUMN",
		scansOnline + "CREATE INDEX CONCURRENTLY", "rows in about ", "waits for node ",
		scansOnline + "ALTER TABLE sessions VALIDATE"} {
		if !strings.Contains(string(plan), want) {
			t.Errorf("db plan does not say %q:\n%s", want, plan)
		}
	}

	// Expand and backfill beside the version before; the contraction waits for it, whose node is named.
	said := u.migrate(u.after)
	for _, want := range []string{"applied 0007 session_ends\n", "applied 0008 session_ends_index\n", "applied 0007 session_ends (backfill)\n", "0007 session_ends (contract) waits for older nodes to stop"} {
		if !strings.Contains(said, want) {
			t.Errorf("db migrate beside the version before does not say %q:\n%s", want, said)
		}
	}
	if n := u.count(`SELECT count(*) FROM sessions WHERE end_reason = 'unknown'`); n < 3000 {
		t.Errorf("%d sessions of before have a reason, want 3000 and more", n)
	}
	u.eventually(first, 600)

	// Both serve, under load, and read each other's writes.
	after := u.serve(u.after)
	after.admin, after.adminID = before.admin, before.adminID
	second := u.load(after)
	u.eventually(second, 300)
	u.readEachOther(before, after)
	if said := u.migrate(u.after); !strings.Contains(said, "waits for older nodes to stop") {
		t.Errorf("with the version before still there, db migrate says:\n%s", said)
	}
	done := first.stop() + second.stop()
	u.sameAnswers(before, after)

	// The version before stops; the contraction is made under load.
	third := u.load(after)
	if err := before.stop(); err != nil {
		t.Errorf("the version before did not end well: %v\n%s", err, before.output())
	}
	if said := u.migrate(u.after); !strings.Contains(said, "applied 0007 session_ends (contract)\n") || strings.Contains(said, "waits") {
		t.Errorf("without the version before, db migrate says:\n%s", said)
	}
	u.eventually(third, 300)
	done += third.stop()

	if n := u.count(`SELECT count(*) FROM sessions WHERE (revoked_at IS NULL) <> (end_reason IS NULL)`); n != 0 {
		t.Errorf("%d sessions disagree with themselves", n)
	}
	u.isWhole()
	u.isRefused()
	t.Logf("%d requests while the schema went through its phases, none failed", done)
}

// upgrade is one database on its way from one version to the next.
type upgrade struct {
	t             testing.TB
	engine        string
	folder        string // of both versions: they share the keys
	db, owner     string // URLs of the service's role and of the owner; the same on SQLite
	role          string // the service's; "" on SQLite
	before, after string // programs
	raw           *sql.DB
}

// newUpgrade makes a database with the version before.
func newUpgrade(t testing.TB, engine string) *upgrade {
	t.Helper()
	u := &upgrade{t: t, engine: engine, folder: t.TempDir()}
	var err error
	if u.before, err = binaryBefore(); err != nil {
		t.Fatal(err)
	}
	if u.after, err = binary(); err != nil {
		t.Fatal(err)
	}
	if engine == "sqlite" {
		path := u.folder + "/cardinal.db"
		u.db, u.owner = "sqlite:"+path, "sqlite:"+path
		u.open("sqlite", path+"?_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)")
		u.migrate(u.before)
		return u
	}
	role := fmt.Sprintf("cardinal_service_%d_%d", os.Getpid(), serviceRoles.Add(1))
	u.role = role
	u.open("pgx", pgtest.Server(t))
	server := u.raw
	if _, err := server.Exec(`CREATE ROLE ` + role + ` LOGIN`); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // when the database, where it has rights, is gone
		if _, err := server.Exec(`DROP ROLE ` + role); err != nil {
			t.Error(err)
		}
	})
	u.owner = pgtest.Database(t)
	u.open("pgx", u.owner+"&search_path=cardinal")
	as, err := url.Parse(u.owner)
	if err != nil {
		t.Fatal(err)
	}
	as.User = url.User(role)
	u.db = as.String()
	u.migrate(u.before, "--service-role", role)
	return u
}

var serviceRoles atomic.Int64

func (u *upgrade) open(driver, dsn string) {
	u.t.Helper()
	var err error
	if u.raw, err = sql.Open(driver, dsn); err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() { u.raw.Close() })
}

// serve starts one version on the database.
func (u *upgrade) serve(program string) *run {
	u.t.Helper()
	s := &service{t: u.t, folder: u.folder, db: u.db, program: program, client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	s.run()
	u.t.Cleanup(func() { s.stop() })
	return &run{service: s}
}

// migrate runs one version's db migrate as the owner and returns what it says.
func (u *upgrade) migrate(program string, more ...string) string {
	u.t.Helper()
	text, err := u.command(program, append([]string{"db", "migrate"}, more...)...).CombinedOutput()
	if err != nil {
		u.t.Fatalf("db migrate: %v\n%s", err, text)
	}
	return string(text)
}

func (u *upgrade) command(program string, args ...string) *exec.Cmd {
	c := exec.Command(program, append(args, "--db", u.owner)...)
	c.Dir = u.folder
	return c
}

func (u *upgrade) count(query string) (n int) {
	u.t.Helper()
	if err := u.raw.QueryRow(query).Scan(&n); err != nil {
		u.t.Fatalf("%s: %v", query, err)
	}
	return n
}

// endedSessions makes sessions of the administrator's that ended under the version before, so that the backfill has a way to go.
func (u *upgrade) endedSessions(n int) {
	u.t.Helper()
	tx, err := u.raw.Begin()
	if err != nil {
		u.t.Fatal(err)
	}
	defer tx.Rollback()
	var owner any
	if err := tx.QueryRow(`SELECT user_id FROM identifiers LIMIT 1`).Scan(&owner); err != nil {
		u.t.Fatal(err)
	}
	now := time.Now().UTC()
	for i := range n {
		var id, at, later any = cardinal.IDAt(now.Add(time.Duration(i) * time.Millisecond)), now, now.Add(time.Hour)
		if u.engine == "sqlite" {
			raw := id.(interface{ MarshalBinary() ([]byte, error) })
			id, _ = raw.MarshalBinary()
			at, later = now.UnixMicro(), now.Add(time.Hour).UnixMicro()
		}
		if _, err := tx.Exec(`INSERT INTO sessions (user_id, id, token_hash, method, assurance_level, created_at, last_seen_at, idle_seconds, expires_at, revoked_at)
			VALUES ($1, $2, $3, 'password', 1, $4, $4, 600, $5, $4)`, owner, id, make([]byte, 32), at, later); err != nil {
			u.t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		u.t.Fatal(err)
	}
}

// load is requests of every kind, by several callers, until it is stopped.
type load struct {
	u       *upgrade
	callers sync.WaitGroup
	over    chan struct{}
	done    atomic.Int64
}

var loads atomic.Int64

func (u *upgrade) load(r *run) *load {
	l := &load{u: u, over: make(chan struct{})}
	name := fmt.Sprintf("load%d", loads.Add(1))
	for caller := range 4 {
		l.callers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-l.over:
					return
				default:
					l.turn(r, fmt.Sprintf("%s-%d-%d@example.com", name, caller, i), i)
				}
			}
		})
	}
	return l
}

// turn makes a person, changes them, and now and then signs them in and out.
func (l *load) turn(r *run, email string, i int) {
	must := func(status int, method, path, token string, body any, headers ...string) reply {
		l.done.Add(1)
		return r.must(status, method, path, token, body, headers...)
	}
	person := map[string]any{"email": email, "email_verified": true}
	signs := i%8 == 0
	if signs {
		person["password"] = secret
	}
	made := must(http.StatusCreated, "POST", "/v1/users", r.admin, person)
	id := made.str("id")
	must(http.StatusOK, "PATCH", "/v1/users/"+id, r.admin, map[string]any{"profile": map[string]any{"display_name": email}}, "If-Match", made.header.Get("ETag"))
	must(http.StatusOK, "GET", "/v1/users/"+id, r.admin, nil)
	must(http.StatusOK, "GET", "/v1/session", r.admin, nil)
	if !signs {
		return
	}
	token := must(http.StatusCreated, "POST", "/v1/sign-in", "", map[string]any{"identifier": email, "password": secret}).str("token")
	must(http.StatusOK, "GET", "/v1/me/sessions", token, nil)
	must(http.StatusNoContent, "POST", "/v1/sign-out", token, nil)
	must(http.StatusUnauthorized, "GET", "/v1/session", token, nil)
	must(http.StatusOK, "GET", "/v1/users/"+id+"/sessions", r.admin, nil)
}

// stop ends the load and returns how many requests it made.
func (l *load) stop() int64 {
	close(l.over)
	l.callers.Wait()
	return l.done.Load()
}

// eventually waits until a load has made so many requests.
func (u *upgrade) eventually(l *load, requests int64) {
	u.t.Helper()
	for deadline := time.Now().Add(time.Minute); l.done.Load() < requests; time.Sleep(10 * time.Millisecond) {
		if u.t.Failed() || time.Now().After(deadline) {
			u.t.Fatalf("%d requests, want %d", l.done.Load(), requests)
		}
	}
}

// readEachOther has each version write what the other reads: people, profiles, sessions and their ends.
func (u *upgrade) readEachOther(before, after *run) {
	u.t.Helper()
	for i := range 10 {
		for _, way := range []struct {
			writes, reads *run
			why           string // a session ended, as this version tells it
		}{{before, after, "unknown"}, {after, before, "signed_out"}} {
			email := fmt.Sprintf("each-%d-%s@example.com", i, way.why)
			made := way.writes.must(http.StatusCreated, "POST", "/v1/users", before.admin, map[string]any{"email": email, "email_verified": true, "password": secret, "display_name": "Ada"})
			id := made.str("id")
			read := way.reads.must(http.StatusOK, "GET", "/v1/users/"+id+"?expand=profile", before.admin, nil)
			if read.str("profile", "display_name") != "Ada" || read.header.Get("ETag") != made.header.Get("ETag") {
				u.t.Errorf("written: %s\nread: %s", made.text, read.text)
			}
			token := way.writes.must(http.StatusCreated, "POST", "/v1/sign-in", "", map[string]any{"identifier": email, "password": secret}).str("token")
			way.reads.must(http.StatusOK, "GET", "/v1/session", token, nil)
			way.writes.must(http.StatusNoContent, "POST", "/v1/sign-out", token, nil)
			way.reads.must(http.StatusUnauthorized, "GET", "/v1/session", token, nil)
			for _, s := range after.must(http.StatusOK, "GET", "/v1/users/"+id+"/sessions", before.admin, nil).data() {
				if s["end_reason"] != way.why || s["revoked_at"] == nil {
					u.t.Errorf("a session that %q ended: %v", way.why, s)
				}
			}
		}
	}
}

// sameAnswers compares what both versions tell of all people and of their sessions.
func (u *upgrade) sameAnswers(before, after *run) {
	u.t.Helper()
	all := func(r *run, path string) (items []map[string]any) {
		for path != "" {
			page := r.must(http.StatusOK, "GET", path, before.admin, nil)
			items = append(items, page.data()...)
			path = page.str("next")
		}
		return items
	}
	mine, theirs := all(before, "/v1/users?limit=200&expand=profile"), all(after, "/v1/users?limit=200&expand=profile")
	if diff := cmp.Diff(mine, theirs); diff != "" || len(mine) < 100 {
		u.t.Errorf("%d people; they differ (-before +after):\n%s", len(mine), diff)
	}
	for _, person := range mine[:50] {
		path := fmt.Sprintf("/v1/users/%s/sessions", person["id"])
		sessions := all(after, path)
		for _, s := range sessions {
			maps.DeleteFunc(s, func(name string, _ any) bool { return name == "end_reason" }) // which the version before does not know
		}
		if diff := cmp.Diff(all(before, path), sessions); diff != "" {
			u.t.Errorf("sessions differ (-before +after):\n%s", diff)
		}
	}
}

// isWhole holds the schema against a new one: every migration applied, cardinal check finds nothing, and every fact is that of a
// database that this version has made.
func (u *upgrade) isWhole() {
	u.t.Helper()
	if text, err := u.command(u.after, "check").CombinedOutput(); err != nil {
		u.t.Errorf("check after the upgrade: %v\n%s", err, text)
	}
	fresh := *u
	if fresh.owner = "sqlite:" + u.folder + "/fresh.db"; u.engine == "postgres" {
		fresh.owner = pgtest.Database(u.t)
		fresh.migrate(u.after, "--service-role", u.role)
	} else {
		fresh.migrate(u.after)
	}
	if upgraded, made := u.fingerprint(), fresh.fingerprint(); upgraded != made || len(made) != 64 {
		u.t.Errorf("the fingerprint is %s, that of a new database %s", upgraded, made)
	}
	text, err := u.command(u.after, "db", "status").CombinedOutput()
	if err != nil || !slices.Contains(strings.Split(string(text), "\n"), "ready ("+u.engine+")") {
		u.t.Errorf("db status after the upgrade: %v\n%s", err, text)
	}
}

// fingerprint is the hash of every fact of the schema.
func (u *upgrade) fingerprint() string {
	u.t.Helper()
	text, err := u.command(u.after, "check", "--only", "G01", "--format", "json").Output()
	if err != nil {
		u.t.Fatalf("check: %v", err)
	}
	var report struct{ Fingerprint string }
	if err := json.Unmarshal(text, &report); err != nil {
		u.t.Fatal(err)
	}
	return report.Fingerprint
}

// isRefused starts the version before, which a contracted database is too new for.
func (u *upgrade) isRefused() {
	u.t.Helper()
	c := u.command(u.before, "serve", "--http", "127.0.0.1:0")
	text, err := c.CombinedOutput()
	if c.ProcessState.ExitCode() != 1 || !strings.Contains(string(text), "the database is newer than this program") {
		u.t.Errorf("the version before, on a database that is newer: %v\n%s", err, text)
	}
}
