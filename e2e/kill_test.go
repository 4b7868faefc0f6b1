package e2e

import (
	"flag"
	"math/rand/v2"
	"os/exec"
	"sync"
	"testing"
	"time"
)

var kills = flag.Int("kills", 12, "how often TestKilled kills the service on SQLite; "+
	"on PostgreSQL it kills the service and the server a tenth as often each, at least three times")

// crashTest is a service that is killed repeatedly while writers use it.
type crashTest struct {
	*harness
	random       *rand.Rand
	writers      []*writer
	signIns      *signInWriter
	acknowledged int // number of acknowledged changes
}

// TestKilled kills the service, or its database server, at random times while eight writers send changes. Acknowledged
// changes must be durable. Other changes must be complete or absent. Each change must have its event, and each event
// its change. A repeated request must get the same response.
func TestKilled(t *testing.T) {
	few := max(3, *kills/10)
	t.Run("sqlite", func(t *testing.T) {
		v := newCrashTest(t, start(t, "sqlite"))
		for n := range *kills {
			if v.killService(); n%50 == 0 || n == *kills-1 {
				v.integrity("sqlite")
			}
		}
		v.report(*kills)
	})
	t.Run("postgres", func(t *testing.T) {
		v := newCrashTest(t, start(t, "postgres"))
		for n := range few {
			if v.killService(); n%20 == 0 || n == few-1 {
				v.integrity("postgres")
			}
		}
		v.report(few)
	})
	t.Run("server", func(t *testing.T) {
		server := startServer(t)
		v := newCrashTest(t, startOn(t, server.database))
		for n := range few {
			if v.killServer(server, n); n%20 == 0 || n == few-1 {
				v.integrity("postgres")
			}
		}
		v.report(few)
	})
}

func newCrashTest(t *testing.T, s *service) *crashTest {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	v := &crashTest{harness: &harness{service: s}, random: rand.New(rand.NewPCG(seed, 1))}
	v.setUp()
	for i := range 8 {
		random := rand.New(rand.NewPCG(seed, uint64(i+2)))
		v.writers = append(v.writers, &writer{crashTest: v, number: i, random: random})
	}
	v.signIns = &signInWriter{crashTest: v, tokens: map[string]bool{}}
	return v
}

// startOn runs the service on an existing database.
func startOn(t *testing.T, db string) *service {
	t.Helper()
	s := &service{t: t, folder: t.TempDir(), db: db, client: newClient()}
	s.startProcess()
	t.Cleanup(func() { s.stop() })
	return s
}

// killService kills the service after the writers have run for a short time, starts it again and verifies the data.
func (v *crashTest) killService() {
	v.t.Helper()
	stopped := v.startWriters()
	v.kill()
	stopped()
	if v.random.IntN(4) == 0 {
		v.killDuringStart()
	}
	v.service.startProcess()
	v.verify()
}

// startWriters starts the writers and returns after a random time. The returned function waits until all writers have a
// failed request.
func (v *crashTest) startWriters() (stopped func()) {
	var wait sync.WaitGroup
	for _, w := range v.writers {
		wait.Go(w.write)
	}
	wait.Go(v.signIns.write)
	maxMillis := 150
	if v.random.IntN(8) == 0 {
		maxMillis = 1000 // long enough for sign-ins
	}
	time.Sleep(time.Duration(5+v.random.IntN(maxMillis)) * time.Millisecond)
	return wait.Wait
}

// kill sends SIGKILL to the service.
func (v *crashTest) kill() {
	v.t.Helper()
	if err := v.process.Process.Kill(); err != nil {
		v.t.Fatal(err)
	}
	v.process.Wait()
}

// killDuringStart kills the service while it starts.
func (v *crashTest) killDuringStart() {
	v.t.Helper()
	c := exec.Command(v.path(), "serve", "--http", "127.0.0.1:0", "--db", v.db)
	c.Dir = v.folder
	if err := c.Start(); err != nil {
		v.t.Fatal(err)
	}
	time.Sleep(time.Duration(v.random.IntN(100)) * time.Millisecond)
	c.Process.Kill()
	c.Wait()
}

// verify makes each writer resolve its pending change and compare all users that it changed with their expected state.
func (v *crashTest) verify() {
	v.t.Helper()
	for _, w := range v.writers {
		w.resolvePending()
		w.verify()
	}
	v.signIns.verify()
	if v.t.Failed() {
		v.t.Fatalf("last output of the service:\n%s", v.logTail())
	}
}

func (v *crashTest) report(kills int) {
	for _, w := range v.writers {
		v.acknowledged += w.acknowledged
	}
	if v.acknowledged < kills {
		v.t.Errorf("only %d changes with %d kills", v.acknowledged, kills)
	}
	created := v.sum(func(w *writer) int { return w.created })
	repeated := v.sum(func(w *writer) int { return w.repeated })
	v.t.Logf("%d kills, %d changes acknowledged, %d users, %d requests repeated, %d sessions",
		kills, v.acknowledged, created, repeated, len(v.signIns.tokens))
}

func (v *crashTest) sum(of func(*writer) int) (n int) {
	for _, w := range v.writers {
		n += of(w)
	}
	return n
}
