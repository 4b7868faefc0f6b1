package e2e

import (
	"database/sql"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"cardinal/internal/pgtest"
)

// server is a PostgreSQL server that writes to the disk as in production, because the tests crash it.
type server struct {
	*pgtest.Cluster
	database string // URL of the service's database
}

func startServer(t *testing.T) *server {
	t.Helper()
	cluster, err := pgtest.Start(pgtest.Options{Durable: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Stop(); err != nil {
			t.Error(err)
		}
	})
	db, err := sql.Open("pgx", cluster.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`CREATE DATABASE killed`); err != nil {
		t.Fatal(err)
	}
	return &server{cluster, strings.Replace(cluster.URL(), "/postgres?", "/killed?", 1)}
}

// killServer crashes the server or kills one of its processes, after which PostgreSQL restarts itself. The service
// keeps running, returns errors in the meantime, and must recover without a restart.
func (v *crashTest) killServer(s *server, n int) {
	v.t.Helper()
	stopped := v.startWriters()
	if n%2 == 0 {
		if err := s.Crash(); err != nil {
			v.t.Fatal(err)
		}
		stopped()
		if err := s.Resume(); err != nil {
			v.t.Fatal(err)
		}
	} else {
		v.killBackend(s)
		stopped()
	}
	v.waitForReady()
	v.verify()
}

// killBackend kills a server process that has a connection of the service.
func (v *crashTest) killBackend(s *server) {
	v.t.Helper()
	db, err := sql.Open("pgx", s.URL())
	if err != nil {
		v.t.Fatal(err)
	}
	defer db.Close()
	var pid int
	err = db.QueryRow(`SELECT pid FROM pg_stat_activity WHERE application_name = 'cardinal'
		ORDER BY state = 'active' DESC, random() LIMIT 1`).Scan(&pid)
	if err != nil {
		v.t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		v.t.Fatal(err)
	}
}

func (v *crashTest) waitForReady() {
	v.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if got, err := v.send("GET", "/readyz", "", nil); err == nil && got.status == http.StatusOK {
			return
		}
	}
	v.t.Fatalf("the service did not become ready again:\n%s", v.output())
}
