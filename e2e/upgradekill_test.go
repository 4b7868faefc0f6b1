package e2e

import (
	"bytes"
	"database/sql"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// endedBefore is the number of sessions that ended under the version before.
const endedBefore = 20_000

// TestUpgradeKilledInEachPhase kills db migrate with SIGKILL in the middle of the expansion, of an index build, of the
// backfill and of the contraction, where a lock holds it. Each time the next run continues, and the final schema is
// complete.
func TestUpgradeKilledInEachPhase(t *testing.T) {
	u := newUpgrade(t, "postgres")
	u.serveBefore()
	const waiting = `SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE `
	const invalidIndexes = `SELECT count(*) FROM pg_index WHERE NOT indisvalid`

	// The released migrations first: they have locks and an index of their own.
	reader := u.begin(`SELECT count(*) FROM sessions`)
	u.killWhen("a released expansion waits for a lock", waiting+`'%ADD COLUMN confirmed_at%'`)
	reader.Rollback()
	released, err := currentBinary()
	if err != nil {
		t.Fatal(err)
	}
	u.migrate(released)

	reader = u.begin(`SELECT count(*) FROM sessions`)
	u.killWhen("the expansion waits for a lock", waiting+`'%ADD COLUMN ended_by%'`)
	u.expect("applied phases", 0, `SELECT count(*) FROM schema_migrations WHERE number = 9001`)
	reader.Rollback()

	reader = u.begin(`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM settings`)
	building := `FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%CREATE INDEX CONCURRENTLY%'`
	u.killWhen("the index waits for an old snapshot", `SELECT count(*) `+building)
	// A server process that builds an index does not notice that its client is gone.
	u.count(`SELECT count(pg_terminate_backend(pid, 5000)) ` + building)
	u.expect("invalid indexes", 1, invalidIndexes)
	u.expect("applied phases", 1, `SELECT count(*) FROM schema_migrations WHERE number = 9001`)
	reader.Rollback()

	u.killWhen("the backfill is in progress", `SELECT count(*) FROM schema_backfills WHERE walked > 0`)
	walked := u.count(`SELECT walked FROM schema_backfills`)
	if walked == 0 || walked >= endedBefore {
		t.Errorf("the backfill was killed after %d rows", walked)
	}
	u.expect("invalid indexes", 0, invalidIndexes)
	u.expect("rows changed so far", u.count(`SELECT changed FROM schema_backfills`),
		`SELECT count(*) FROM sessions WHERE ended_by = 'before'`)

	reader = u.begin(`SELECT count(*) FROM sessions`)
	u.killWhen("the contraction waits for a lock", waiting+`'%DROP TRIGGER sessions_ended_by_default%'`)
	u.expect("contractions", 0, `SELECT count(*) FROM schema_migrations WHERE number = 9001 AND phase = 'contract'`)
	u.expect("backfills", 1, `SELECT count(*) FROM schema_migrations WHERE number = 9001 AND phase = 'backfill'`)
	reader.Rollback()

	u.migrate(u.after)
	u.expect("sessions filled", endedBefore, `SELECT count(*) FROM sessions WHERE ended_by = 'before'`)
	u.checkSchema()
	u.checkBeforeIsRefused()
}

// TestUpgradeKilledOnSQLite kills db migrate again and again, a little later each time, until it finishes.
func TestUpgradeKilledOnSQLite(t *testing.T) {
	u := newUpgrade(t, "sqlite")
	u.serveBefore()
	text, err := u.command(u.after, "serve", "--http", "127.0.0.1:0").CombinedOutput()
	if err == nil || !strings.Contains(string(text), "run cardinal db migrate") {
		t.Errorf("serve before db migrate: %v\n%s", err, text)
	}
	kills, phases := 0, map[string]int{}
	for after := 10 * time.Millisecond; ; after += 10 * time.Millisecond {
		c := u.command(u.after, "db", "migrate")
		var output bytes.Buffer
		c.Stdout, c.Stderr = &output, &output
		ended := u.start(c)
		select {
		case err := <-ended:
			if err != nil {
				t.Fatalf("db migrate after %d kills: %v\n%s", kills, err, &output)
			}
		case <-time.After(after):
			c.Process.Kill()
			if err := <-ended; err != nil {
				kills++
				phases[u.newestPhase()]++
				continue
			}
		}
		break
	}
	t.Logf("killed %d times; what was done by then: %v", kills, phases)
	if kills < 5 || len(phases) < 2 {
		t.Error("too few kills to prove anything")
	}
	u.expect("sessions filled", endedBefore, `SELECT count(*) FROM sessions WHERE ended_by = 'before'`)
	u.expect("errors of the file", 0, `SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'`)
	u.checkSchema()
	u.checkBeforeIsRefused()
	after := u.serve(u.after)
	credentials := map[string]any{"identifier": "admin@example.com", "password": password}
	after.admin = after.must(201, "POST", "/v1/sign-in", "", credentials).str("token")
	after.must(200, "GET", "/v1/users", after.admin, nil)
}

// serveBefore lets the version before serve, creates an administrator and ended sessions, and stops it.
func (u *upgrade) serveBefore() {
	u.t.Helper()
	before := u.serve(u.before)
	before.setUp()
	u.insertEndedSessions(endedBefore)
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
		if err := u.raw.QueryRow(query).Scan(&n); err == nil && n > 0 {
			break
		}
		select {
		case err := <-ended:
			u.t.Fatalf("db migrate ended (%v) before %s", err, what)
		default:
		}
		if time.Now().After(deadline) {
			c.Process.Kill()
			u.t.Fatalf("%s: not seen within a minute", what)
		}
	}
	c.Process.Kill()
	if err := <-ended; err == nil {
		u.t.Fatalf("db migrate finished while %s", what)
	}
}

func (u *upgrade) expect(what string, want int, query string) {
	u.t.Helper()
	if got := u.count(query); got != want {
		u.t.Errorf("%s: %d, want %d", what, got, want)
	}
}

// newestPhase names the newest phase of the migration that was applied.
func (u *upgrade) newestPhase() string {
	u.t.Helper()
	phase := "nothing"
	_ = u.raw.QueryRow(`
		SELECT phase FROM schema_migrations WHERE number = 9001
		 ORDER BY phase = 'contract' DESC, phase = 'backfill' DESC LIMIT 1`).Scan(&phase)
	if phase == "expand" && u.count(`SELECT count(*) FROM schema_backfills WHERE walked > 0`) > 0 {
		return "a part of the backfill"
	}
	return phase
}
