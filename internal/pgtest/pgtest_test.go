package pgtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// victim makes this test binary a process that starts a cluster and waits to be killed.
const victim = "PGTEST_VICTIM"

func TestMain(m *testing.M) {
	if os.Getenv(victim) != "" {
		c, err := Start(Options{})
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		fmt.Println("folder", c.Folder())
		fmt.Println("url", c.URL())
		select {}
	}
	os.Exit(Main(m))
}

func TestDatabase(t *testing.T) {
	var first string
	t.Run("IsEmptyAndItsOwn", func(t *testing.T) {
		first = Database(t)
		conn := connect(t, first)
		if n := scan[int](t, conn, `SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace`); n != 0 {
			t.Errorf("a fresh database has %d relations, want none", n)
		}
		if second := Database(t); second == first {
			t.Errorf("two databases at one URL: %s", second)
		}
		if zone := scan[string](t, conn, `SHOW timezone`); shared.suffix == "" && zone != "UTC" {
			t.Errorf("timezone %s, want UTC", zone)
		}
		// The connection stays open: dropping must not wait for it.
	})
	t.Run("IsDroppedAfterTheTest", func(t *testing.T) {
		if conn, err := pgx.Connect(t.Context(), first); err == nil {
			conn.Close(t.Context())
			t.Error("the database of the test before is still there")
		}
	})
}

func TestTemplate(t *testing.T) {
	var prepared atomic.Int32
	fill := func(url string) error {
		prepared.Add(1)
		conn, err := pgx.Connect(context.Background(), url) // and left open, as a pool would be
		if err != nil {
			return err
		}
		_, err = conn.Exec(context.Background(), `CREATE TABLE countries (code text); INSERT INTO countries VALUES ('IS')`)
		return err
	}

	t.Run("IsPreparedOnceByManyProcesses", func(t *testing.T) {
		url, name := Server(t), "cardinal_template_race_"+random()
		var group sync.WaitGroup
		for range 4 { // each stands for the test binary of one package
			group.Go(func() {
				other := server{prepared: map[string]bool{}}
				if err := other.prepare(url, name, fill); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if n := prepared.Load(); n != 1 {
			t.Errorf("prepared %d times, want once", n)
		}
		if err := dropTemplate(url, name); err != nil {
			t.Error(err)
		}
	})
	t.Run("CopiesAreIndependent", func(t *testing.T) {
		a, b := connect(t, Template(t, "copies", fill)), connect(t, Template(t, "copies", fill))
		if _, err := a.Exec(t.Context(), `DELETE FROM countries`); err != nil {
			t.Fatal(err)
		}
		if n := scan[int](t, b, `SELECT count(*) FROM countries`); n != 1 {
			t.Errorf("%d rows in the second copy after deleting from the first, want 1", n)
		}
	})
	t.Run("IsMadeAgainAfterAFailure", func(t *testing.T) {
		url, name, broken := Server(t), "cardinal_template_broken_"+random(), errors.New("no such migration")
		half := func(url string) error { return errors.Join(fill(url), broken) }
		if err := shared.prepare(url, name, half); !errors.Is(err, broken) {
			t.Fatalf("error %v, want prepare's own", err)
		}
		if err := shared.prepare(url, name, fill); err != nil {
			t.Fatalf("after a failed attempt: %v", err)
		}
		if err := dropTemplate(url, name); err != nil {
			t.Error(err)
		}
		delete(shared.prepared, name)
	})
}

func TestAForeignServerKeepsNothing(t *testing.T) {
	c := start(t, Options{Settings: map[string]string{throwAwayMark: "off"}})
	t.Setenv(Variable, c.URL())
	var foreign server
	foreign.start()
	if foreign.err != nil {
		t.Fatal(foreign.err)
	}
	if foreign.suffix == "" {
		t.Fatal("templates of a foreign server carry no name of their own")
	}
	nothing := func(string) error { return nil }
	if err := foreign.prepare(foreign.url, "cardinal_template_x"+foreign.suffix, nothing); err != nil {
		t.Fatal(err)
	}
	foreign.stop()
	const left = `SELECT count(*) FROM pg_database WHERE datname LIKE 'cardinal%'`
	if n := scan[int](t, connect(t, c.URL()), left); n != 0 {
		t.Errorf("%d databases left on a server that is not ours", n)
	}
}

func TestCluster(t *testing.T) {
	t.Run("DurableKeepsWhatWasCommitted", func(t *testing.T) {
		c := start(t, Options{Durable: true})
		conn := connect(t, c.URL())
		for _, setting := range []string{"fsync", "full_page_writes", "synchronous_commit"} {
			if on := scan[string](t, conn, `SHOW `+setting); on != "on" {
				t.Errorf("%s is %s, want on", setting, on)
			}
		}
		if _, err := conn.Exec(t.Context(), `CREATE TABLE kept AS SELECT 1 AS n`); err != nil {
			t.Fatal(err)
		}
		if err := c.Crash(); err != nil {
			t.Fatal(err)
		}
		if err := c.Resume(); err != nil {
			t.Fatal(err)
		}
		if n := scan[int](t, connect(t, c.URL()), `SELECT n FROM kept`); n != 1 {
			t.Errorf("%d after the crash, want 1", n)
		}
	})
	t.Run("StopLeavesNothing", func(t *testing.T) {
		c := start(t, Options{})
		if err := c.Stop(); err != nil {
			t.Fatal(err)
		}
		waitUntilGone(t, c.Folder(), c.URL())
	})
	t.Run("StopSaysThatTheServerDied", func(t *testing.T) {
		c := start(t, Options{})
		c.process.Signal(syscall.SIGQUIT)
		<-c.exited
		if err := c.Stop(); err == nil || !strings.Contains(err.Error(), "ended by itself") {
			t.Errorf("error %v, want one that says so", err)
		}
	})
	t.Run("AFailedStartShowsTheLog", func(t *testing.T) {
		_, err := Start(Options{Settings: map[string]string{"shared_buffers": "many"}})
		if err == nil || !strings.Contains(err.Error(), `"shared_buffers": "many"`) {
			t.Errorf("error %v, want what PostgreSQL wrote", err)
		}
	})
}

// A test binary that is killed can clean up nothing; its guardian does.
func TestNothingIsLeftOfAKilledProcess(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victim+"=1")
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	facts := make(map[string]string)
	for lines := bufio.NewScanner(output); len(facts) < 2 && lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		facts[name] = value
	}
	connect(t, facts["url"]) // so that it is known to have run
	cmd.Process.Kill()
	cmd.Wait()
	waitUntilGone(t, facts["folder"], facts["url"])
}

func TestFindBinaries(t *testing.T) {
	versions := t.TempDir()
	pattern := filepath.Join(versions, "*", "bin")
	t.Setenv("PATH", t.TempDir())
	t.Setenv("PG_BIN", "")

	_, err := findBinaries(pattern)
	if err == nil || !strings.Contains(err.Error(), "apt-get install postgresql") {
		t.Errorf("without PostgreSQL: error %v, want the command that installs it", err)
	}
	for _, version := range []string{"9", "15", "17"} {
		bin := filepath.Join(versions, version, "bin")
		if err := os.MkdirAll(bin, 0o755); err != nil {
			t.Fatal(err)
		}
		programs := []string{"postgres", "initdb"}
		if version == "17" {
			programs = programs[1:] // clients only: no server
		}
		for _, program := range programs {
			if err := os.WriteFile(filepath.Join(bin, program), nil, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	if bin, err := findBinaries(pattern); err != nil || bin != filepath.Join(versions, "15", "bin") {
		t.Errorf("found %s, %v, want the newest with a server, 15", bin, err)
	}
	t.Setenv("PG_BIN", filepath.Join(versions, "9", "bin"))
	if bin, err := findBinaries(pattern); err != nil || bin != filepath.Join(versions, "9", "bin") {
		t.Errorf("found %s, %v, want PG_BIN", bin, err)
	}
	t.Setenv("PG_BIN", filepath.Join(versions, "17", "bin"))
	if bin, err := findBinaries(pattern); err == nil {
		t.Errorf("PG_BIN without a server: found %s, want an error", bin)
	}
}

func start(t *testing.T, options Options) *Cluster {
	t.Helper()
	c, err := Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Stop() })
	return c
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func scan[T any](t *testing.T, conn *pgx.Conn, query string) T {
	t.Helper()
	var value T
	if err := conn.QueryRow(t.Context(), query).Scan(&value); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return value
}

func waitUntilGone(t *testing.T, folder, server string) {
	t.Helper()
	address, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		_, err := os.Stat(folder)
		// A connection on the network's level: a server without its folder still takes those.
		conn, refused := net.Dial("tcp", address.Host)
		if refused == nil {
			conn.Close()
		}
		if errors.Is(err, fs.ErrNotExist) && refused != nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is left (%v), or the server still answers (%v)", folder, err, refused)
		}
	}
}
