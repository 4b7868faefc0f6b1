package e2e

import (
	"database/sql"
	"encoding/json"
	"fmt"
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
	"cardinal/internal/store/schema"
)

// TestUpgradeUnderLoad upgrades a PostgreSQL database from the version before to the version after, while both serve
// it. No request fails, each version reads what the other wrote, and the final schema is that of a new database. The
// service's role owns no table.
func TestUpgradeUnderLoad(t *testing.T) {
	u := newUpgrade(t, "postgres")
	before := u.serve(u.before)
	before.setUp()
	u.insertEndedSessions(3000)

	first := u.startLoad(before)
	u.waitForRequests(first, 300)
	u.checkPlan()

	// Expand and backfill while the version before serves. The contraction waits for its node.
	report := u.migrate(u.after)
	want := append(u.pending("expand"), u.pending("backfill")...)
	if diff := cmp.Diff(want, report.applied()); diff != "" || !u.waits(report) {
		t.Errorf("db migrate while the version before serves: %+v\n%s", report, diff)
	}
	if n := u.count(`SELECT count(*) FROM sessions WHERE ended_by = 'before'`); n < 3000 {
		t.Errorf("%d sessions are backfilled, want 3000 or more", n)
	}
	u.waitForRequests(first, 600)

	// Both versions serve under load, and read what the other wrote.
	after := u.serve(u.after)
	after.admin, after.adminID = before.admin, before.adminID
	second := u.startLoad(after)
	u.waitForRequests(second, 300)
	u.readBothWays(before, after)
	if report := u.migrate(u.after); len(report.Migrations) != 0 || !u.waits(report) {
		t.Errorf("db migrate while both versions serve: %+v", report)
	}
	done := first.stop() + second.stop()
	u.compareAnswers(before, after)

	// The version before stops. The contraction is applied under load.
	third := u.startLoad(after)
	if err := before.stop(); err != nil {
		t.Errorf("the version before did not stop cleanly: %v\n%s", err, before.output())
	}
	report = u.migrate(u.after)
	if diff := cmp.Diff(u.pending("contract"), report.applied()); diff != "" || len(report.Waiting) != 0 {
		t.Errorf("db migrate without the version before: %+v\n%s", report, diff)
	}
	u.waitForRequests(third, 300)
	done += third.stop()

	if n := u.count(`SELECT count(*) FROM sessions WHERE (revoked_at IS NULL) <> (ended_by IS NULL)`); n != 0 {
		t.Errorf("%d sessions have an end without ended_by, or the reverse", n)
	}
	u.checkSchema()
	u.checkBeforeIsRefused()
	t.Logf("%d requests during all phases of the upgrade, none failed", done)
}

// A database of a version before the first release is refused, with the way to keep its users: export, then import.
func TestUnreleasedDatabaseIsRefused(t *testing.T) {
	unreleased, err := binaryUnreleased()
	if err != nil {
		t.Fatal(err)
	}
	program, err := currentBinary()
	if err != nil {
		t.Fatal(err)
	}
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			folder, db := t.TempDir(), "sqlite:cardinal.db"
			if engine == "postgres" {
				db = pgtest.Database(t)
			}
			run := func(program string, args ...string) (string, error) {
				c := exec.Command(program, append(args, "--db", db)...)
				c.Dir = folder
				text, err := c.CombinedOutput()
				return string(text), err
			}
			if text, err := run(unreleased, "db", "migrate"); err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			for _, args := range [][]string{
				{"serve", "--http", "127.0.0.1:0"}, {"db", "migrate"}, {"db", "status"}, {"db", "plan"}, {"check"},
				{"users", "list"},
			} {
				text, err := run(program, args...)
				if err == nil || !strings.Contains(text, "created by a version before the first release") ||
					!strings.Contains(text, "cardinal export") || !strings.Contains(text, "cardinal import") {
					t.Errorf("cardinal %v: %v\n%s", args, err, text)
				}
			}
			if text, err := run(unreleased, "db", "status"); err != nil || !strings.Contains(text, "ready") {
				t.Errorf("the refusal changed the database: %v\n%s", err, text)
			}
		})
	}
}

// upgrade is one database during an upgrade.
type upgrade struct {
	t             testing.TB
	engine        string
	folder        string // of both versions: they share the keys
	db, owner     string // URLs of the service's role and of the owner; the same on SQLite
	role          string // the service's; "" on SQLite
	before, after string // programs
	known         int    // number of the newest migration of the version before
	raw           *sql.DB
}

// newUpgrade creates a database with the version before.
func newUpgrade(t testing.TB, engine string) *upgrade {
	t.Helper()
	u := &upgrade{t: t, engine: engine, folder: t.TempDir()}
	var err error
	if u.before, err = binaryBefore(); err != nil {
		t.Fatal(err)
	}
	if u.after, err = binaryAfter(); err != nil {
		t.Fatal(err)
	}
	if engine == "sqlite" {
		path := u.folder + "/cardinal.db"
		u.db, u.owner = "sqlite:"+path, "sqlite:"+path
		// A transaction that reads first and then writes gets SQLITE_BUSY at once if another process wrote between.
		u.open("sqlite", path+"?_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)")
		u.migrateBefore()
		return u
	}
	role := fmt.Sprintf("cardinal_service_%d_%d", os.Getpid(), serviceRoles.Add(1))
	u.role = role
	u.open("pgx", pgtest.Server(t))
	server := u.raw
	if _, err := server.Exec(`CREATE ROLE ` + role + ` LOGIN`); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // after the database, where the role has privileges, is dropped
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
	u.migrateBefore("--service-role", role)
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

// serve starts a version on the database.
func (u *upgrade) serve(program string) *harness {
	u.t.Helper()
	s := &service{t: u.t, folder: u.folder, db: u.db, program: program,
		client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	s.startProcess()
	u.t.Cleanup(func() { s.stop() })
	return &harness{service: s}
}

// migration is one in the output of db plan and db migrate.
type migration struct {
	Number int
	Phase  string
}

func (m migration) String() string { return fmt.Sprintf("%04d %s", m.Number, m.Phase) }

// migrateReport is the output of db migrate.
type migrateReport struct {
	Migrations []migration // applied
	Waiting    []struct{ Migration migration }
}

func (r migrateReport) applied() (names []string) {
	for _, m := range r.Migrations {
		names = append(names, m.String())
	}
	return names
}

// pending names the migrations of a phase that the version before does not know, in their order.
func (u *upgrade) pending(phase schema.Phase) (names []string) {
	for _, m := range schema.Embedded(u.engine) {
		if m.Number > u.known && m.Phase == phase {
			names = append(names, migration{m.Number, string(phase)}.String())
		}
	}
	if names = append(names, "9001 "+string(phase)); phase == schema.Expand {
		names = append(names, "9002 expand")
	}
	return names
}

// waits reports whether the contractions wait for older nodes, and no other migration does.
func (u *upgrade) waits(report migrateReport) bool {
	var names []string
	for _, w := range report.Waiting {
		names = append(names, w.Migration.String())
	}
	return slices.Equal(names, u.pending("contract"))
}

// migrate runs db migrate of a version, as the owner.
func (u *upgrade) migrate(program string, more ...string) (report migrateReport) {
	u.t.Helper()
	u.runJSON(&report, program, append([]string{"db", "migrate"}, more...)...)
	return report
}

// migrateBefore creates the schema of the version before.
func (u *upgrade) migrateBefore(more ...string) {
	u.t.Helper()
	for _, m := range u.migrate(u.before, more...).Migrations {
		u.known = max(u.known, m.Number)
	}
}

// runJSON runs a command of a version, as the owner, and reads its output.
func (u *upgrade) runJSON(output any, program string, args ...string) {
	u.t.Helper()
	c := u.command(program, append(args, "--json")...)
	var stderr strings.Builder
	c.Stderr = &stderr
	text, err := c.Output()
	if err == nil {
		err = json.Unmarshal(text, output)
	}
	if err != nil {
		u.t.Fatalf("cardinal %v: %v\n%s%s", args, err, text, &stderr)
	}
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

// checkPlan checks what db plan of the version after says about locks, the backfill and the node that the contraction
// waits for.
func (u *upgrade) checkPlan() {
	u.t.Helper()
	var plan struct {
		Nodes []struct{ ID string }
		Steps []struct {
			Migration migration
			Effects   []struct {
				Statement, Table, Lock string
				Scans                  bool
			}
			Rows     int64
			WaitsFor []struct{ ID string } `json:"waits_for"`
		}
	}
	u.runJSON(&plan, u.after, "db", "plan")
	var effects []string
	rows, waits := int64(0), []string{}
	for _, step := range plan.Steps {
		for _, e := range step.Effects {
			if e.Table == "sessions" {
				statement, _, _ := strings.Cut(e.Statement, " sessions_")
				effects = append(effects,
					fmt.Sprintf("%s: %s, %s, scans: %t", step.Migration, statement, e.Lock, e.Scans))
			}
		}
		rows += step.Rows
		for _, n := range step.WaitsFor {
			waits = append(waits, step.Migration.String()+" "+n.ID)
		}
	}
	for _, want := range []string{
		"9001 expand: ALTER TABLE sessions ADD COLUMN ended_by text, ACCESS EXCLUSIVE, scans: false",
		"9002 expand: CREATE INDEX CONCURRENTLY IF NOT EXISTS, SHARE UPDATE EXCLUSIVE, scans: true",
		"9001 contract: ALTER TABLE sessions VALIDATE CONSTRAINT, SHARE UPDATE EXCLUSIVE, scans: true",
	} {
		if !slices.Contains(effects, want) {
			u.t.Errorf("db plan has no %q in\n%s", want, strings.Join(effects, "\n"))
		}
	}
	if len(plan.Nodes) != 1 {
		u.t.Fatalf("db plan: %d nodes, want 1", len(plan.Nodes))
	}
	var want []string
	for _, name := range u.pending("contract") {
		want = append(want, name+" "+plan.Nodes[0].ID)
	}
	if rows < 1 || !slices.Equal(waits, want) {
		u.t.Errorf("db plan: %d rows to backfill, waits for %v", rows, waits)
	}
}

// insertEndedSessions inserts sessions of the administrator that ended under the version before, for the backfill.
func (u *upgrade) insertEndedSessions(n int) {
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
		if _, err := tx.Exec(`
			INSERT INTO sessions (user_id, id, token_hash, method, assurance_level, created_at, last_seen_at,
			  idle_seconds, expires_at, revoked_at, end_reason)
			VALUES ($1, $2, $3, 'password', 1, $4, $4, 600, $5, $4, 'signed_out')`,
			owner, id, make([]byte, 32), at, later); err != nil {
			u.t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		u.t.Fatal(err)
	}
}

// load sends requests of every kind, by several callers, until it is stopped.
type load struct {
	u       *upgrade
	callers sync.WaitGroup
	over    chan struct{}
	done    atomic.Int64
}

var loads atomic.Int64

func (u *upgrade) startLoad(r *harness) *load {
	l := &load{u: u, over: make(chan struct{})}
	name := fmt.Sprintf("load%d", loads.Add(1))
	for caller := range 4 {
		l.callers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-l.over:
					return
				default:
					l.round(r, fmt.Sprintf("%s-%d-%d@example.com", name, caller, i), i)
				}
			}
		})
	}
	return l
}

// round creates a user, changes and reads it, and in every eighth round signs the user in and out.
func (l *load) round(r *harness, email string, i int) {
	must := func(status int, method, path, token string, body any, headers ...string) reply {
		l.done.Add(1)
		return r.must(status, method, path, token, body, headers...)
	}
	user := map[string]any{"email": email, "email_verified": true}
	signsIn := i%8 == 0
	if signsIn {
		user["password"] = password
		l.u.chosenByUser(r, user)
	}
	created := must(http.StatusCreated, "POST", "/v1/users", r.admin, user)
	id := created.str("id")
	change := map[string]any{"profile": map[string]any{"display_name": email}}
	must(http.StatusOK, "PATCH", "/v1/users/"+id, r.admin, change, "If-Match", created.header.Get("ETag"))
	must(http.StatusOK, "GET", "/v1/users/"+id, r.admin, nil)
	must(http.StatusOK, "GET", "/v1/session", r.admin, nil)
	if !signsIn {
		return
	}
	credentials := map[string]any{"identifier": email, "password": password}
	token := must(http.StatusCreated, "POST", "/v1/sign-in", "", credentials).str("token")
	must(http.StatusOK, "GET", "/v1/me/sessions", token, nil)
	must(http.StatusNoContent, "POST", "/v1/sign-out", token, nil)
	must(http.StatusUnauthorized, "GET", "/v1/session", token, nil)
	must(http.StatusOK, "GET", "/v1/users/"+id+"/sessions", r.admin, nil)
}

// chosenByUser adds to a new user that the password is the user's own choice. The version before does not know that.
func (u *upgrade) chosenByUser(r *harness, user map[string]any) {
	if r.program == u.after {
		user["chosen_by_user"] = true
	}
}

// stop ends the load and returns the number of its requests.
func (l *load) stop() int64 {
	close(l.over)
	l.callers.Wait()
	return l.done.Load()
}

// waitForRequests waits until a load has sent a number of requests.
func (u *upgrade) waitForRequests(l *load, requests int64) {
	u.t.Helper()
	for deadline := time.Now().Add(time.Minute); l.done.Load() < requests; time.Sleep(10 * time.Millisecond) {
		if u.t.Failed() || time.Now().After(deadline) {
			u.t.Fatalf("%d requests, want %d", l.done.Load(), requests)
		}
	}
}

// readBothWays lets each version write what the other reads: users, profiles, sessions and their ends.
func (u *upgrade) readBothWays(before, after *harness) {
	u.t.Helper()
	for i := range 10 {
		for _, way := range []struct {
			writes, reads *harness
			endedBy       string
		}{{before, after, "before"}, {after, before, "after"}} {
			email := fmt.Sprintf("both-%d-%s@example.com", i, way.endedBy)
			user := map[string]any{"email": email, "email_verified": true, "password": password, "display_name": "Ada"}
			u.chosenByUser(way.writes, user)
			created := way.writes.must(http.StatusCreated, "POST", "/v1/users", before.admin, user)
			id := created.str("id")
			read := way.reads.must(http.StatusOK, "GET", "/v1/users/"+id+"?expand=profile", before.admin, nil)
			if read.str("profile", "display_name") != "Ada" || read.header.Get("ETag") != created.header.Get("ETag") {
				u.t.Errorf("written: %s\nread: %s", created.text, read.text)
			}
			credentials := map[string]any{"identifier": email, "password": password}
			token := way.writes.must(http.StatusCreated, "POST", "/v1/sign-in", "", credentials).str("token")
			way.reads.must(http.StatusOK, "GET", "/v1/session", token, nil)
			way.writes.must(http.StatusNoContent, "POST", "/v1/sign-out", token, nil)
			way.reads.must(http.StatusUnauthorized, "GET", "/v1/session", token, nil)
			sessions := way.reads.must(http.StatusOK, "GET", "/v1/users/"+id+"/sessions", before.admin, nil).data()
			if len(sessions) != 1 || sessions[0]["end_reason"] != "signed_out" || sessions[0]["revoked_at"] == nil {
				u.t.Errorf("the session that the version %s ended: %v", way.endedBy, sessions)
			}
			query := `SELECT count(*) FROM sessions WHERE user_id = '` + id + `' AND ended_by = '` + way.endedBy + `'`
			if n := u.count(query); n != 1 {
				u.t.Errorf("%d sessions were ended by the version %s, want 1", n, way.endedBy)
			}
		}
	}
}

// compareAnswers compares the answers of both versions about all users and about sessions of some.
func (u *upgrade) compareAnswers(before, after *harness) {
	u.t.Helper()
	all := func(r *harness, path string) (items []map[string]any) {
		for path != "" {
			page := r.must(http.StatusOK, "GET", path, before.admin, nil)
			items = append(items, page.data()...)
			path = page.str("next")
		}
		return items
	}
	const users = "/v1/users?limit=200&expand=profile"
	of, by := all(before, users), all(after, users)
	if diff := cmp.Diff(of, by); diff != "" || len(of) < 100 {
		u.t.Errorf("%d users; they differ (-before +after):\n%s", len(of), diff)
	}
	for _, user := range of[:50] {
		path := fmt.Sprintf("/v1/users/%s/sessions", user["id"])
		sessions := all(after, path)
		for _, s := range sessions {
			delete(s, "authenticated_at") // the version before does not have this field
		}
		if diff := cmp.Diff(all(before, path), sessions); diff != "" {
			u.t.Errorf("sessions differ (-before +after):\n%s", diff)
		}
	}
}

// checkSchema compares the schema with a new one: every migration is applied, cardinal check finds nothing, and every
// fact is that of a database that the version after created. The migrations pass the lint.
func (u *upgrade) checkSchema() {
	u.t.Helper()
	for _, args := range [][]string{{"check"}, {"db", "lint"}} {
		if text, err := u.command(u.after, args...).CombinedOutput(); err != nil {
			u.t.Errorf("%v after the upgrade: %v\n%s", args, err, text)
		}
	}
	fresh := *u
	if fresh.owner = "sqlite:" + u.folder + "/fresh.db"; u.engine == "postgres" {
		fresh.owner = pgtest.Database(u.t)
		fresh.migrate(u.after, "--service-role", u.role)
	} else {
		fresh.migrate(u.after)
	}
	if upgraded, created := u.fingerprint(), fresh.fingerprint(); upgraded != created || len(created) != 64 {
		u.t.Errorf("the fingerprint is %s, that of a new database %s", upgraded, created)
	}
	var status struct {
		Ready   bool
		Pending int
	}
	u.runJSON(&status, u.after, "db", "status")
	if !status.Ready || status.Pending != 0 {
		u.t.Errorf("db status after the upgrade: %+v", status)
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

// checkBeforeIsRefused starts the version before, which cannot use a database after the contraction.
func (u *upgrade) checkBeforeIsRefused() {
	u.t.Helper()
	c := u.command(u.before, "serve", "--http", "127.0.0.1:0")
	text, err := c.CombinedOutput()
	if c.ProcessState.ExitCode() != 1 || !strings.Contains(string(text), "the database is newer than this program") {
		u.t.Errorf("the version before on a newer database: %v\n%s", err, text)
	}
}
