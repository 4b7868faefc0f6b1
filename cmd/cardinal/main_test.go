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

// withPostgres stops the PostgreSQL server of the tests after the last test.
type withPostgres struct{ m *testing.M }

func (w withPostgres) Run() int { return pgtest.Main(w.m) }

// TestScripts runs every script of testdata/script on both engines. $CARDINAL_DB and $OTHER are two empty databases,
// $ENGINE is sqlite or postgres, and $PORT is a free port. In addition to the commands of testscript there are:
//
//	exits CODE COMMAND…      runs a command that must exit with exactly this code
//	undo                     runs the command that the last one printed after "undo: "
//	ready                    waits until the server in the background is ready
//	http METHOD PATH [BODY]  sends a request to the server; prints the status and the body
//	terminate                sends SIGTERM to the processes in the background
//	unapply NUMBER           deletes the record of an applied migration
//	sql STATEMENT            runs a statement on the database
func TestScripts(t *testing.T) {
	for engine, empty := range map[string]func() (db, other string){
		"sqlite":   func() (string, string) { return "sqlite:cardinal-data/cardinal.db", "sqlite:other/cardinal.db" },
		"postgres": func() (string, string) { return pgtest.Database(t), pgtest.Database(t) },
	} {
		t.Run(engine, func(t *testing.T) {
			if engine == "postgres" {
				pgtest.SkipShort(t)
			}
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
					"exits": exits, "undo": undo, "ready": ready, "http": httpRequest, "terminate": terminate,
					"unapply": removeMigration, "sql": execSQL,
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
		ts.Fatalf("no undo command was printed")
	}
	line, _, _ = strings.Cut(line, "\n")
	ts.Check(ts.Exec("sh", "-c", line))
}

func url(ts *testscript.TestScript, path string) string {
	return "http://127.0.0.1:" + ts.Getenv("PORT") + path
}

func ready(ts *testscript.TestScript, _ bool, _ []string) {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if response, err := http.Get(url(ts, "/readyz")); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
	}
	ts.Fatalf("the server is not ready after 10 seconds")
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
	response, err := http.DefaultClient.Do(request)
	ts.Check(err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%d\n%s\n", response.StatusCode, text)
	if failed := response.StatusCode >= 400; failed != neg {
		ts.Fatalf("status %d: %s", response.StatusCode, text)
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
		driver, dsn = "sqlite", ts.MkAbs(path)+"?_pragma=busy_timeout(10000)"
	} else {
		dsn += "&search_path=cardinal"
	}
	db, err := sql.Open(driver, dsn)
	ts.Check(err)
	defer db.Close()
	_, err = db.Exec(args[0])
	ts.Check(err)
}

func TestShellQuote(t *testing.T) {
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

// TestRerunCommandNamesDatabase: a command to copy names the same database, without its password.
func TestRerunCommandNamesDatabase(t *testing.T) {
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

func TestCommandsHaveDescription(t *testing.T) {
	a := &app{in: os.Stdin, out: io.Discard, err: io.Discard}
	for _, c := range a.tree().Commands() {
		for _, c := range append(c.Commands(), c) {
			if c.Short == "" || c.RunE == nil {
				t.Errorf("%s has no description or no function", c.CommandPath())
			}
		}
	}
}
