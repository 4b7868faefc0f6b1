package main

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/pflag"

	"cardinal/internal/pgtest"
)

func TestMain(m *testing.M) {
	testscript.Main(withPostgres{m}, map[string]func(){"cardinal": main})
}

// withPostgres stops the tests' PostgreSQL when they are over.
type withPostgres struct{ m *testing.M }

func (w withPostgres) Run() int { return pgtest.Main(w.m) }

// TestScripts runs every script of testdata/script on both databases. A script finds two empty ones in $CARDINAL_DB and $OTHER,
// a free port in $PORT, and these commands beside testscript's own:
//
//	exits CODE COMMAND…      runs a command that must exit with exactly this code
//	undo                     runs the command that the last one printed after "undo: "
//	ready                    waits until the server in the background is
//	http METHOD PATH [BODY]  asks it; the answer's status and body are the standard output
//	terminate                sends SIGTERM to what runs in the background
//	forget NUMBER            makes the database forget that it has a migration
//	sql STATEMENT            changes the database behind Cardinal's back
func TestScripts(t *testing.T) {
	for engine, empty := range map[string]func() (db, other string){
		"sqlite":   func() (string, string) { return "sqlite:cardinal-data/cardinal.db", "sqlite:other/cardinal.db" },
		"postgres": func() (string, string) { return pgtest.Database(t), pgtest.Database(t) },
	} {
		t.Run(engine, func(t *testing.T) {
			testscript.Run(t, testscript.Params{
				Dir: "testdata/script",
				Setup: func(e *testscript.Env) error {
					db, other := empty()
					e.Setenv("CARDINAL_DB", db)
					e.Setenv("OTHER", other)
					e.Setenv("ENGINE", engine)
					port, err := freePort()
					e.Setenv("PORT", port)
					return err
				},
				Condition: func(name string) (bool, error) { return name == engine, nil },
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"exits": exits, "undo": undo, "ready": ready, "http": httpRequest, "terminate": terminate, "forget": removeMigration,
					"sql": execSQL,
				},
				RequireExplicitExec: true,
			})
		})
	}
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func undo(ts *testscript.TestScript, _ bool, _ []string) {
	_, line, found := strings.Cut(ts.ReadFile("stdout"), "undo: ")
	if !found {
		ts.Fatalf("no undo was printed")
	}
	line, _, _ = strings.Cut(line, "\n")
	ts.Check(ts.Exec("sh", "-c", line))
}

func url(ts *testscript.TestScript, path string) string {
	return "http://127.0.0.1:" + ts.Getenv("PORT") + path
}

func ready(ts *testscript.TestScript, _ bool, _ []string) {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if answer, err := http.Get(url(ts, "/readyz")); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
	}
	ts.Fatalf("the server was not ready in 10 seconds")
}

func httpRequest(ts *testscript.TestScript, neg bool, args []string) {
	var body io.Reader
	if len(args) > 2 {
		body = bytes.NewBufferString(ts.ReadFile(args[2]))
	}
	request, err := http.NewRequest(args[0], url(ts, args[1]), body)
	ts.Check(err)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(request)
	ts.Check(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%d\n%s\n", answer.StatusCode, text)
	if failed := answer.StatusCode >= 400; failed != neg {
		ts.Fatalf("status %d: %s", answer.StatusCode, text)
	}
}

func terminate(ts *testscript.TestScript, _ bool, _ []string) {
	for _, c := range ts.BackgroundCmds() {
		ts.Check(c.Process.Signal(syscall.SIGTERM))
	}
}

func removeMigration(ts *testscript.TestScript, neg bool, args []string) {
	number, err := strconv.Atoi(args[0])
	ts.Check(err)
	execSQL(ts, neg, []string{fmt.Sprintf("DELETE FROM schema_migrations WHERE number = %d", number)})
}

func execSQL(ts *testscript.TestScript, _ bool, args []string) {
	driver, dsn := "pgx", ts.Getenv("CARDINAL_DB")
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		driver, dsn = "sqlite", ts.MkAbs(path)
	} else {
		dsn += "&search_path=cardinal"
	}
	db, err := sql.Open(driver, dsn)
	ts.Check(err)
	defer db.Close()
	_, err = db.Exec(args[0])
	ts.Check(err)
}

func TestQuoted(t *testing.T) {
	for in, want := range map[string]string{
		"ada@example.com": "ada@example.com",
		"":                "''",
		"it's":            `'it'\''s'`,
		"$(reboot)":       "'$(reboot)'",
		"a\x1b[31m":       "'a\uFFFD[31m'",
	} {
		if got := shellQuote(in); got != want {
			t.Errorf("quoted(%q) = %s, want %s", in, got, want)
		}
	}
}

// TestAgainMeansTheSameDatabase: a command that is to be copied names the database that was meant, but not its password.
func TestAgainMeansTheSameDatabase(t *testing.T) {
	for db, want := range map[string]string{
		"sqlite:a.db":                     "cardinal runs undo --db sqlite:a.db",
		"postgres://ada@db.example/users": "cardinal runs undo --db postgres://ada@db.example/users",
		"postgres://ada:geheim@db/users":  "cardinal runs undo --db 'postgres://ada:***@db/users'",
	} {
		a := &app{flags: pflag.NewFlagSet("", pflag.ContinueOnError)}
		for _, name := range []string{"config", "db", "keys"} {
			a.flags.String(name, "", "")
		}
		if err := a.flags.Set("db", db); err != nil {
			t.Fatal(err)
		}
		if got := a.rerunCommand("runs", "undo"); got != want {
			t.Errorf("for %s: %s, want %s", db, got, want)
		}
	}
}

func TestEveryCommandIsDescribed(t *testing.T) {
	a := &app{in: os.Stdin, out: io.Discard, err: io.Discard}
	for _, c := range a.tree().Commands() {
		for _, c := range append(c.Commands(), c) {
			if c.Short == "" || c.RunE == nil {
				t.Errorf("%s: no description, or it does nothing", c.CommandPath())
			}
		}
	}
}
