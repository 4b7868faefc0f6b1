// Package pgtest starts a temporary PostgreSQL server for tests.
//
// A package that needs one calls Main in its TestMain and creates databases in its tests:
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }
//
//	url := pgtest.Database(t)                        // an empty database
//	url := pgtest.Template(t, "migrated", migrate)   // a copy of one that was prepared once
//
// The server starts at the first request, in a temporary folder, in memory if there is enough space. If
// CARDINAL_TEST_POSTGRES contains the URL of a superuser, that server is used instead. `go run ./internal/pgtest/cmd --
// go test ./...` sets the variable, so that all packages share one server. On a machine without PostgreSQL, tests that
// need a database fail; they are not skipped.
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

// QuickVariable is the environment variable that adds PostgreSQL to a run with -short, if it is 1: `make quick` tests
// on SQLite only. A run without -short never skips a test.
const QuickVariable = "QUICK_PG"

// serverTimeout is the time limit of each step that waits for the server.
const serverTimeout = time.Minute

// Main runs the tests of a package, stops the package's server, deletes its folder and returns the exit status for
// os.Exit. If the test binary ends earlier (by a panic, a timeout or a signal, including SIGKILL), the watchdog does
// the cleanup.
func Main(m *testing.M) int {
	defer shared.stop()
	status := m.Run()
	if status != 0 {
		shared.printLog()
	}
	return status
}

// SkipShort skips a test that needs PostgreSQL in a run with -short, unless QuickVariable adds PostgreSQL.
func SkipShort(t testing.TB) {
	t.Helper()
	if testing.Short() && os.Getenv(QuickVariable) != "1" {
		t.Skip("-short runs the tests on SQLite only; " + QuickVariable + "=1 adds PostgreSQL")
	}
}

// Server returns the URL of a superuser on the tests' server, for objects that do not belong to a database, such as
// roles.
func Server(t testing.TB) string {
	t.Helper()
	SkipShort(t)
	shared.once.Do(shared.start)
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.url
}

// Database creates an empty database and returns its URL. After the test it is dropped, even with open connections.
func Database(t testing.TB) string {
	t.Helper()
	return create(t, Server(t), "template0")
}

// Template returns the URL of a new copy of the database that prepare fills. The copy is dropped after the test. Tests
// that share a server prepare each name once: the first test does it, and the others wait. On a server that this
// package did not start, each test binary prepares its own template, because an older template could exist there.
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
	statement := "CREATE DATABASE " + quote(name) + " TEMPLATE " + quote(template) + " STRATEGY " + shared.strategy
	if err := execute(server, statement); err != nil {
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
	suffix   string   // of the names of templates, to keep other test binaries from using them

	mu       sync.Mutex
	prepared map[string]bool
}

func (s *server) start() {
	s.prepared = make(map[string]bool)
	// FILE_COPY needs two checkpoints. Without fsync it is faster than writing each page to the WAL (12 and 17 ms),
	// with fsync it is slower.
	s.strategy = "FILE_COPY"
	if s.url = os.Getenv(Variable); s.url != "" {
		disposable, err := isDisposable(s.url)
		if err != nil {
			s.err = fmt.Errorf("the server that %s names: %w", Variable, err)
		} else if !disposable {
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

func (s *server) printLog() {
	if s.cluster != nil {
		fmt.Fprintf(os.Stderr, "pgtest: last lines of PostgreSQL's log:\n%s\n", s.cluster.Log())
	}
}

// prepare creates the template if it does not exist. An advisory lock keeps other test binaries out meanwhile.
// datistemplate is set last, so a database without it was left by a test binary that ended too early.
func (s *server) prepare(server, template string, fill func(url string) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.prepared[template] {
		return nil
	}
	// No time limit: it waits until the other test binary has filled the template.
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
	const exists = `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1 AND datistemplate)`
	err = conn.QueryRow(ctx, exists, template).Scan(&ready)
	if err != nil {
		return err
	}
	if !ready {
		if err := createTemplate(ctx, conn, server, template, fill); err != nil {
			return err
		}
	}
	s.prepared[template] = true
	return nil
}

func createTemplate(ctx context.Context, conn *pgx.Conn, server, template string, fill func(url string) error) error {
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
	// A database with open connections cannot be copied. Refuse new connections and end those that fill left open.
	if err := run("ALTER DATABASE " + quote(template) + " ALLOW_CONNECTIONS false"); err != nil {
		return err
	}
	const terminate = `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1`
	if err := run(terminate, template); err != nil {
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

// isDisposable reports whether Start created the server, so that it does not outlive the tests.
func isDisposable(server string) (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), serverTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return false, err
	}
	defer conn.Close(ctx)
	var value *string
	err = conn.QueryRow(ctx, `SELECT current_setting($1, true)`, disposableSetting).Scan(&value)
	return value != nil && *value == "on", err
}

func execute(server, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), serverTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}

// withDatabase returns the URL of another database on the same server.
func withDatabase(server, name string) string {
	u, err := url.Parse(server)
	if err != nil { // impossible: a connection was opened with this URL
		panic(err)
	}
	u.Path = "/" + name
	return u.String()
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

func random() string {
	b := make([]byte, 8)
	rand.Read(b) // it returns no error: crypto/rand ends the process instead
	return fmt.Sprintf("%x", b)
}
