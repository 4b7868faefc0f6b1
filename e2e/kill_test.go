package e2e

import (
	"flag"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"sync"
	"testing"
	"time"
)

var kills = flag.Int("kills", 12, "how often TestKilled kills the service on SQLite; on PostgreSQL it kills the service and the server a tenth as often each, three times at least")

// crashTest is a service that is killed again and again while writers use it.
type crashTest struct {
	*run
	random       *rand.Rand
	writers      []*writer
	signIns      *signInWriter
	acknowledged int // changes acknowledged so far
}

// TestKilled ends the service, or the database server under it, with no warning and at random moments while eight writers change
// things. What was acknowledged is there, what was not is there whole or not at all, each change has its event and no event is without
// its change, and a repeated request gets the answer that it got.
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
	v := &crashTest{run: &run{service: s}, random: rand.New(rand.NewPCG(seed, 1))}
	v.setUp()
	for i := range 8 {
		v.writers = append(v.writers, &writer{crashTest: v, number: i, random: rand.New(rand.NewPCG(seed, uint64(i+2)))})
	}
	v.signIns = &signInWriter{crashTest: v, tokens: map[string]bool{}}
	return v
}

// startOn runs the service on a database that is there.
func startOn(t *testing.T, db string) *service {
	t.Helper()
	s := &service{t: t, folder: t.TempDir(), db: db, client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	s.run()
	t.Cleanup(func() { s.stop() })
	return s
}

// killService lets the writers write for a while, kills the service and looks at what the next one finds.
func (v *crashTest) killService() {
	v.t.Helper()
	stopped := v.write()
	v.kill()
	stopped()
	if v.random.IntN(4) == 0 {
		v.killDuringStart()
	}
	v.service.run()
	v.verify()
}

// write starts the writers, and returns at a random moment with what waits for them to notice that nobody answers.
func (v *crashTest) write() (stopped func()) {
	var wait sync.WaitGroup
	for _, w := range v.writers {
		wait.Go(w.write)
	}
	wait.Go(v.signIns.write)
	longest := 150
	if v.random.IntN(8) == 0 {
		longest = 1000 // long enough for sign-ins
	}
	time.Sleep(time.Duration(5+v.random.IntN(longest)) * time.Millisecond)
	return wait.Wait
}

// kill is SIGKILL.
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

// verify lets every writer find out what became of its last change, and holds everything it touched against what it knows.
func (v *crashTest) verify() {
	v.t.Helper()
	for _, w := range v.writers {
		w.resolvePending()
		w.verify()
	}
	v.signIns.verify()
	if v.t.Failed() {
		v.t.Fatalf("the service said at last:\n%s", v.logTail())
	}
}

func (v *crashTest) report(kills int) {
	for _, w := range v.writers {
		v.acknowledged += w.acknowledged
	}
	if v.acknowledged < kills {
		v.t.Errorf("only %d changes between %d kills", v.acknowledged, kills)
	}
	v.t.Logf("%d kills, %d changes acknowledged, %d people, %d requests repeated, %d sessions", kills, v.acknowledged, v.sum(func(w *writer) int { return w.created }),
		v.sum(func(w *writer) int { return w.repeated }), len(v.signIns.tokens))
}

func (v *crashTest) sum(of func(*writer) int) (n int) {
	for _, w := range v.writers {
		n += of(w)
	}
	return n
}
