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

// waitVariable is an environment variable. It makes this test binary start a cluster and wait until it is killed.
const waitVariable = "PGTEST_WAIT"

func TestMain(m *testing.M) {
	if os.Getenv(waitVariable) != "" {
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
	t.Run("EmptyAndSeparate", func(t *testing.T) {
		first = Database(t)
		conn := connect(t, first)
		const relations = `SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace`
		if n := scan[int](t, conn, relations); n != 0 {
			t.Errorf("a new database has %d relations, want 0", n)
		}
		if second := Database(t); second == first {
			t.Errorf("two databases have the URL %s", second)
		}
		if zone := scan[string](t, conn, `SHOW timezone`); shared.suffix == "" && zone != "UTC" {
			t.Errorf("timezone %s, want UTC", zone)
		}
		// The connection stays open: DROP DATABASE must not wait for it.
	})
	t.Run("DroppedAfterTest", func(t *testing.T) {
		if conn, err := pgx.Connect(t.Context(), first); err == nil {
			conn.Close(t.Context())
			t.Error("the database of the previous test still exists")
		}
	})
}

func TestTemplate(t *testing.T) {
	var prepared atomic.Int32
	fill := func(url string) error {
		prepared.Add(1)
		conn, err := pgx.Connect(context.Background(), url) // left open, as by a connection pool
		if err != nil {
			return err
		}
		_, err = conn.Exec(context.Background(),
			`CREATE TABLE countries (code text); INSERT INTO countries VALUES ('IS')`)
		return err
	}

	t.Run("PreparedOnce", func(t *testing.T) {
		url, name := Server(t), "cardinal_template_race_"+random()
		var group sync.WaitGroup
		for range 4 { // each represents the test binary of a package
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
	t.Run("RecreatedAfterError", func(t *testing.T) {
		url, name, broken := Server(t), "cardinal_template_broken_"+random(), errors.New("no such migration")
		failing := func(url string) error { return errors.Join(fill(url), broken) }
		if err := shared.prepare(url, name, failing); !errors.Is(err, broken) {
			t.Fatalf("error %v, want that of prepare", err)
		}
		if err := shared.prepare(url, name, fill); err != nil {
			t.Fatalf("after an error: %v", err)
		}
		if err := dropTemplate(url, name); err != nil {
			t.Error(err)
		}
		delete(shared.prepared, name)
	})
}

func TestExternalServerIsCleanedUp(t *testing.T) {
	c := start(t, Options{Settings: map[string]string{disposableSetting: "off"}})
	t.Setenv(Variable, c.URL())
	var external server
	external.start()
	if external.err != nil {
		t.Fatal(external.err)
	}
	if external.suffix == "" {
		t.Fatal("templates on an external server have no suffix")
	}
	nothing := func(string) error { return nil }
	if err := external.prepare(external.url, "cardinal_template_x"+external.suffix, nothing); err != nil {
		t.Fatal(err)
	}
	external.stop()
	const left = `SELECT count(*) FROM pg_database WHERE datname LIKE 'cardinal%'`
	if n := scan[int](t, connect(t, c.URL()), left); n != 0 {
		t.Errorf("%d databases were left on the external server", n)
	}
}

func TestCluster(t *testing.T) {
	t.Run("DurableKeepsCommits", func(t *testing.T) {
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
	t.Run("StopCleansUp", func(t *testing.T) {
		c := start(t, Options{})
		if err := c.Stop(); err != nil {
			t.Fatal(err)
		}
		waitForCleanup(t, c.Folder(), c.URL())
	})
	t.Run("StopReportsExit", func(t *testing.T) {
		c := start(t, Options{})
		c.process.Signal(syscall.SIGQUIT)
		<-c.exited
		if err := c.Stop(); err == nil || !strings.Contains(err.Error(), "ended unexpectedly") {
			t.Errorf("error %v, want one that reports the exit", err)
		}
	})
	t.Run("StartErrorIncludesLog", func(t *testing.T) {
		_, err := Start(Options{Settings: map[string]string{"shared_buffers": "many"}})
		if err == nil || !strings.Contains(err.Error(), `"shared_buffers": "many"`) {
			t.Errorf("error %v, want PostgreSQL's log", err)
		}
	})
}

// TestWatchdogCleansUpAfterKill kills a test binary, which then cannot clean up. Its watchdog must do it.
func TestWatchdogCleansUpAfterKill(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), waitVariable+"=1")
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
	connect(t, facts["url"]) // checks that the server is running
	cmd.Process.Kill()
	cmd.Wait()
	waitForCleanup(t, facts["folder"], facts["url"])
}

func TestFindBinaries(t *testing.T) {
	versions := t.TempDir()
	pattern := filepath.Join(versions, "*", "bin")
	t.Setenv("PATH", t.TempDir())
	t.Setenv("PG_BIN", "")

	_, err := findBinaries(pattern)
	if err == nil || !strings.Contains(err.Error(), "apt-get install postgresql") {
		t.Errorf("without PostgreSQL: error %v, want the command to install it", err)
	}
	for _, version := range []string{"9", "15", "17"} {
		bin := filepath.Join(versions, version, "bin")
		if err := os.MkdirAll(bin, 0o755); err != nil {
			t.Fatal(err)
		}
		programs := []string{"postgres", "initdb"}
		if version == "17" {
			programs = programs[1:] // without the server
		}
		for _, program := range programs {
			if err := os.WriteFile(filepath.Join(bin, program), nil, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	if bin, err := findBinaries(pattern); err != nil || bin != filepath.Join(versions, "15", "bin") {
		t.Errorf("found %s, %v, want 15, the newest with a server", bin, err)
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

func waitForCleanup(t *testing.T, folder, server string) {
	t.Helper()
	address, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		_, err := os.Stat(folder)
		// Dial opens a TCP connection only: a server without its folder still accepts these.
		conn, dialErr := net.Dial("tcp", address.Host)
		if dialErr == nil {
			conn.Close()
		}
		if errors.Is(err, fs.ErrNotExist) && dialErr != nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s still exists (%v), or the server still accepts connections (%v)", folder, err, dialErr)
		}
	}
}
