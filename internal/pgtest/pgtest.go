// Package pgtest gives tests a PostgreSQL of their own, made on the spot and gone afterwards.
//
// A package that needs one says so in its TestMain and asks for databases where it wants them:
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }
//
//	url := pgtest.Database(t)                        // an empty database
//	url := pgtest.Template(t, "migrated", migrate)   // a copy of one that was prepared once
//
// The server starts at the first request, in a temporary folder, in memory where there is room. When CARDINAL_TEST_POSTGRES holds the URL of a
// superuser, that server is used instead; `go run ./internal/pgtest/cmd -- go test ./...` sets it, so that all packages
// share one server. A test that asks for a database on a machine without PostgreSQL fails; it is never skipped.
package pgtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Variable is the environment variable that names a running server by the URL of a superuser.
const Variable = "CARDINAL_TEST_POSTGRES"

// patience bounds every step that waits for the server, so that a test hangs for a known time only.
const patience = time.Minute

// Main runs the tests of a package and returns the exit status for os.Exit once the package's server is stopped and its
// folder is gone. A test binary that dies earlier (a panic, a time-out, a signal, SIGKILL) leaves this to the guardian.
func Main(m *testing.M) int {
	defer shared.stop()
	status := m.Run()
	if status != 0 {
		shared.showLog()
	}
	return status
}

// Server returns the URL of a superuser on the tests' server, for what concerns no single database: roles, say.
func Server(t testing.TB) string {
	t.Helper()
	shared.once.Do(shared.start)
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.url
}

// Database makes an empty database and returns its URL. It is dropped after the test, open connections or not.
func Database(t testing.TB) string {
	t.Helper()
	return create(t, Server(t), "template0")
}

// Template returns the URL of a fresh copy of the database that prepare fills; the copy is dropped after the test.
// The tests that share a server prepare each name once between them: the first one does it, others wait.
// On a server that this package did not start, where an older template could lie about, each test binary prepares its own.
func Template(t testing.TB, name string, prepare func(url string) error) string {
	t.Helper()
	server := Server(t)
	template := "cardinal_template_" + name + shared.suffix
	if err := shared.prepare(server, template, prepare); err != nil {
		t.Fatalf("prepare the template database %s: %v", template, err)
	}
	return create(t, server, template)
}

func create(t testing.TB, server, template string) string {
	t.Helper()
	name := "cardinal_test_" + random()
	if err := execute(server, "CREATE DATABASE "+quote(name)+" TEMPLATE "+quote(template)+" STRATEGY "+shared.strategy); err != nil {
		t.Fatalf("create a test database: %v", err)
	}
	t.Cleanup(func() {
		if err := drop(server, name); err != nil {
			t.Errorf("drop the test database: %v", err)
		}
	})
	return withDatabase(server, name)
}

// shared is the server of this test binary.
var shared server

type server struct {
	once     sync.Once
	url      string
	err      error
	cluster  *Cluster // nil when CARDINAL_TEST_POSTGRES names the server
	strategy string   // of CREATE DATABASE
	suffix   string   // of the names of templates that other test binaries must not use

	mu       sync.Mutex
	prepared map[string]bool
}

func (s *server) start() {
	s.prepared = make(map[string]bool)
	// Copying files takes two checkpoints: cheaper than logging each page without fsync (12 and 17 ms), dearer with it.
	s.strategy = "FILE_COPY"
	if s.url = os.Getenv(Variable); s.url != "" {
		throwAway, err := isThrowAway(s.url)
		if err != nil {
			s.err = fmt.Errorf("the server that %s names: %w", Variable, err)
		} else if !throwAway {
			s.strategy = "WAL_LOG"
			s.suffix = "_" + random()
		}
		return
	}
	if s.cluster, s.err = Start(Options{}); s.err == nil {
		s.url = s.cluster.URL()
	}
}

func (s *server) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.suffix != "" {
		for name := range s.prepared {
			if err := dropTemplate(s.url, name); err != nil {
				fmt.Fprintln(os.Stderr, "pgtest: drop a template database:", err)
			}
		}
	}
	if s.cluster != nil {
		if err := s.cluster.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
}

func (s *server) showLog() {
	if s.cluster != nil {
		fmt.Fprintf(os.Stderr, "pgtest: the end of PostgreSQL's log:\n%s\n", s.cluster.Log())
	}
}

// prepare makes the template unless it is there. An advisory lock keeps other test binaries out meanwhile, and
// datistemplate is set last: a database without it is what a test binary that died left behind.
func (s *server) prepare(server, template string, fill func(url string) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.prepared[template] {
		return nil
	}
	// Not bounded by patience: it waits for as long as another binary's fill takes.
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock(hashtextextended($1, 0))`, template); err != nil {
		return err
	}
	var ready bool
	err = conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1 AND datistemplate)`, template).Scan(&ready)
	if err != nil {
		return err
	}
	if !ready {
		if err := makeTemplate(ctx, conn, server, template, fill); err != nil {
			return err
		}
	}
	s.prepared[template] = true
	return nil
}

func makeTemplate(ctx context.Context, conn *pgx.Conn, server, template string, fill func(url string) error) error {
	run := func(statement string, arguments ...any) error {
		_, err := conn.Exec(ctx, statement, arguments...)
		return err
	}
	if err := run("DROP DATABASE IF EXISTS " + quote(template) + " WITH (FORCE)"); err != nil {
		return err
	}
	if err := run("CREATE DATABASE " + quote(template) + " TEMPLATE template0"); err != nil {
		return err
	}
	if err := fill(withDatabase(server, template)); err != nil {
		return err
	}
	// A database with open connections cannot be copied: let nobody in, and end those that fill forgot.
	if err := run("ALTER DATABASE " + quote(template) + " ALLOW_CONNECTIONS false"); err != nil {
		return err
	}
	if err := run(`SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1`, template); err != nil {
		return err
	}
	return run("ALTER DATABASE " + quote(template) + " IS_TEMPLATE true")
}

func dropTemplate(server, name string) error {
	if err := execute(server, "ALTER DATABASE "+quote(name)+" IS_TEMPLATE false"); err != nil {
		return err
	}
	return drop(server, name)
}

func drop(server, name string) error {
	return execute(server, "DROP DATABASE IF EXISTS "+quote(name)+" WITH (FORCE)")
}

// isThrowAway tells a server that Start made from one that outlives the tests.
func isThrowAway(server string) (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return false, err
	}
	defer conn.Close(ctx)
	var mark *string
	err = conn.QueryRow(ctx, `SELECT current_setting($1, true)`, throwAwayMark).Scan(&mark)
	return mark != nil && *mark == "on", err
}

func execute(server, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}

// withDatabase is the URL of another database on the same server.
func withDatabase(server, name string) string {
	u, err := url.Parse(server)
	if err != nil { // it was connected to before
		panic(err)
	}
	u.Path = "/" + name
	return u.String()
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

func random() string {
	b := make([]byte, 8)
	rand.Read(b) // never fails: crypto/rand ends the process instead
	return fmt.Sprintf("%x", b)
}
