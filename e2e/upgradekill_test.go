package e2e

import (
	"bytes"
	"database/sql"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const endedBefore = 20_000 // sessions that ended under the version before

// TestUpgradeKilledInEachPhase kills db migrate with SIGKILL in the middle of the expansion, of an index being built, of the backfill
// and of the contraction, held there by a lock; each time the next run goes on, and the schema ends whole.
func TestUpgradeKilledInEachPhase(t *testing.T) {
	u := newUpgrade(t, "postgres")
	u.settle()

	reader := u.begin(`SELECT count(*) FROM sessions`)
	u.killWhen("the expansion waits for a lock", `SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%Why a session ended%'`)
	u.is("the expansion", 0, `SELECT count(*) FROM schema_migrations WHERE number = 7`)
	reader.Rollback()

	reader = u.begin(`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM settings`)
	building := `FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%CREATE INDEX CONCURRENTLY%'`
	u.killWhen("the index waits for an old snapshot", `SELECT count(*) `+building)
	u.count(`SELECT count(pg_terminate_backend(pid, 5000)) ` + building) // a server that only builds does not see that its client is gone
	u.is("indexes that are no good", 1, `SELECT count(*) FROM pg_index WHERE NOT indisvalid`)
	u.is("the expansion", 1, `SELECT count(*) FROM schema_migrations WHERE number = 7`)
	reader.Rollback()

	u.killWhen("the backfill is under way", `SELECT count(*) FROM schema_backfills WHERE walked > 0`)
	walked := u.count(`SELECT walked FROM schema_backfills`)
	if walked == 0 || walked >= endedBefore {
		t.Errorf("the backfill was killed after %d rows", walked)
	}
	u.is("indexes that are no good", 0, `SELECT count(*) FROM pg_index WHERE NOT indisvalid`)
	u.is("reasons, as far as the backfill came", u.count(`SELECT changed FROM schema_backfills`), `SELECT count(*) FROM sessions WHERE end_reason = 'unknown'`)

	reader = u.begin(`SELECT count(*) FROM sessions`)
	u.killWhen("the contraction waits for a lock", `SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%DROP TRIGGER sessions_end_unknown%'`)
	u.is("the contraction", 0, `SELECT count(*) FROM schema_migrations WHERE number = 7 AND phase = 'contract'`)
	u.is("the backfill", 1, `SELECT count(*) FROM schema_migrations WHERE number = 7 AND phase = 'backfill'`)
	reader.Rollback()

	u.migrate(u.after)
	u.is("reasons", endedBefore, `SELECT count(*) FROM sessions WHERE end_reason = 'unknown'`)
	u.isWhole()
	u.isRefused()
}

// TestUpgradeKilledOnSQLite kills db migrate again and again, a little later each time, until it comes to its end.
func TestUpgradeKilledOnSQLite(t *testing.T) {
	u := newUpgrade(t, "sqlite")
	u.settle()
	if text, err := u.command(u.after, "serve", "--http", "127.0.0.1:0").CombinedOutput(); err == nil || !strings.Contains(string(text), "pending; run cardinal db migrate") {
		t.Errorf("serve before db migrate: %v\n%s", err, text)
	}
	kills, within := 0, map[string]int{}
	for after := 10 * time.Millisecond; ; after += 10 * time.Millisecond {
		c := u.command(u.after, "db", "migrate")
		var said bytes.Buffer
		c.Stdout, c.Stderr = &said, &said
		ended := u.start(c)
		select {
		case err := <-ended:
			if err != nil {
				t.Fatalf("db migrate after %d kills: %v\n%s", kills, err, &said)
			}
		case <-time.After(after):
			c.Process.Kill()
			if err := <-ended; err != nil {
				kills++
				within[u.phase()]++
				continue
			}
		}
		break
	}
	t.Logf("killed %d times; what had been done by then: %v", kills, within)
	if kills < 5 || len(within) < 2 {
		t.Error("too few kills to prove anything")
	}
	u.is("reasons", endedBefore, `SELECT count(*) FROM sessions WHERE end_reason = 'unknown'`)
	u.is("faults of the file", 0, `SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'`)
	u.isWhole()
	u.isRefused()
	after := u.serve(u.after)
	after.admin = after.must(201, "POST", "/v1/sign-in", "", map[string]any{"identifier": "admin@example.com", "password": secret}).str("token")
	after.must(200, "GET", "/v1/users", after.admin, nil)
}

// settle lets the version before serve for a while, with an administrator and sessions that ended, and stops it.
func (u *upgrade) settle() {
	u.t.Helper()
	before := u.serve(u.before)
	before.setUp()
	u.endedSessions(endedBefore)
	if err := before.stop(); err != nil {
		u.t.Fatal(err)
	}
}

// begin opens a transaction that stays open after a query.
func (u *upgrade) begin(query string) *sql.Tx {
	u.t.Helper()
	tx, err := u.raw.Begin()
	if err != nil {
		u.t.Fatal(err)
	}
	if _, err := tx.Exec(query); err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() { tx.Rollback() })
	return tx
}

func (u *upgrade) start(c *exec.Cmd) <-chan error {
	u.t.Helper()
	if err := c.Start(); err != nil {
		u.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	return ended
}

// killWhen runs db migrate and kills it as soon as a query counts something.
func (u *upgrade) killWhen(what, query string) {
	u.t.Helper()
	c := u.command(u.after, "db", "migrate")
	ended := u.start(c)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		var n int
		if err := u.raw.QueryRow(query).Scan(&n); err == nil && n > 0 { // its tables may not be there yet
			break
		}
		select {
		case err := <-ended:
			u.t.Fatalf("db migrate ended (%v) before %s", err, what)
		default:
		}
		if time.Now().After(deadline) {
			c.Process.Kill()
			u.t.Fatalf("%s: never seen", what)
		}
	}
	c.Process.Kill()
	if err := <-ended; err == nil {
		u.t.Fatalf("db migrate ended by itself while %s", what)
	}
}

func (u *upgrade) is(what string, want int, query string) {
	u.t.Helper()
	if got := u.count(query); got != want {
		u.t.Errorf("%s: %d, want %d", what, got, want)
	}
}

// phase names the newest phase of the change that was done.
func (u *upgrade) phase() string {
	u.t.Helper()
	phase := "nothing"
	_ = u.raw.QueryRow(`SELECT phase FROM schema_migrations WHERE number = 7 ORDER BY phase = 'contract' DESC, phase = 'backfill' DESC LIMIT 1`).Scan(&phase)
	if phase == "expand" && u.count(`SELECT count(*) FROM schema_backfills WHERE walked > 0`) > 0 {
		return "a part of the backfill"
	}
	return phase
}
