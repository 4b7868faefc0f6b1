package e2e

import (
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDiskFull fills the disk of the database. Writes must then fail completely, with a reason in the log, and reads
// must still work. Once there is space again, the same process must write again. The test needs the right to mount a
// small file system.
func TestDiskFull(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		disk := mount(t, "12m")
		v := newCrashTest(t, startOn(t, "sqlite:"+filepath.Join(disk, "cardinal.db")))
		v.failWrites("the disk is full", func() { fillDisk(t, disk) }, func() { clearDisk(t, disk) })
		v.integrity("sqlite")
	})
	t.Run("postgres", func(t *testing.T) {
		disk, server := mount(t, "48m"), startServer(t)
		chownLike(t, disk, server.Folder())
		server.execute(t, fmt.Sprintf(`CREATE TABLESPACE small LOCATION '%s'`, disk),
			`ALTER DATABASE killed SET TABLESPACE small`)
		v := newCrashTest(t, startOn(t, server.database))
		v.failWrites("the disk of the database is full", func() { fillDisk(t, disk) }, func() { clearDisk(t, disk) })
		v.integrity("postgres")
	})
}

// TestReadOnly makes the database read-only while the service runs.
func TestReadOnly(t *testing.T) {
	t.Run("postgres", func(t *testing.T) {
		server := startServer(t)
		v := newCrashTest(t, startOn(t, server.database))
		v.failWrites("the database takes no writes",
			func() {
				server.execute(t, `ALTER SYSTEM SET default_transaction_read_only = on`, `SELECT pg_reload_conf()`)
			},
			func() {
				server.execute(t, `ALTER SYSTEM RESET default_transaction_read_only`, `SELECT pg_reload_conf()`)
			})
		v.integrity("postgres")
	})
	// SQLite has its files open for writing, so their file system cannot be remounted read-only. It can be read-only at
	// the start.
	t.Run("sqlite", func(t *testing.T) {
		disk := mount(t, "12m")
		s := startOn(t, "sqlite:"+filepath.Join(disk, "cardinal.db"))
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		remount(t, disk, "ro")
		c := exec.Command(s.path(), "serve", "--http", "127.0.0.1:0", "--db", s.db)
		c.Dir = s.folder
		if text, err := c.CombinedOutput(); err == nil || !strings.Contains(string(text), "read-only file system") {
			t.Errorf("serve on a read-only file system: %v\n%s", err, text)
		}
		remount(t, disk, "rw")
		s.startProcess()
	})
}

// failWrites runs the writers while breakWrites makes writes fail, and checks the service before and after repair.
func (v *crashTest) failWrites(reason string, breakWrites, repair func()) {
	v.t.Helper()
	for range 2 {
		stopped := v.startWriters()
		breakWrites()
		stopped() // each writer has a failed request
		for _, w := range v.writers {
			if w.pending == nil {
				v.t.Fatal("a writer has no failed request")
			}
		}
		v.must(http.StatusOK, "GET", "/v1/session", v.admin, nil)
		v.must(http.StatusOK, "GET", "/v1/users?limit=20&expand=profile", v.admin, nil)
		if !strings.Contains(string(v.output()), reason) {
			v.t.Errorf("the log does not say that %s", reason)
		}
		repair()
		v.waitForWrites()
		v.verify()
	}
}

// waitForWrites waits until the service writes again. It is not restarted.
func (v *crashTest) waitForWrites() {
	v.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		address := fmt.Sprintf("room%d@example.com", time.Now().UnixNano())
		got, err := v.send("POST", "/v1/users", v.admin, fields{"email": address})
		if err == nil && got.status == http.StatusCreated {
			return
		}
	}
	v.t.Fatalf("the service does not write again:\n%s", v.output())
}

// mount mounts an in-memory file system of a size.
func mount(t *testing.T, size string) string {
	t.Helper()
	folder := t.TempDir()
	asRoot(t, "mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%s,mode=0755,uid=%d", size, os.Getuid()), "tmpfs", folder)
	t.Cleanup(func() { asRoot(t, "umount", "-l", folder) })
	return folder
}

func remount(t *testing.T, folder, how string) {
	t.Helper()
	asRoot(t, "mount", "-o", "remount,"+how, folder)
}

// chownLike changes the owner of a folder to that of another folder.
func chownLike(t *testing.T, folder, like string) {
	t.Helper()
	info, err := os.Stat(like)
	if err != nil {
		t.Fatal(err)
	}
	owner := info.Sys().(*syscall.Stat_t)
	asRoot(t, "chown", fmt.Sprintf("%d:%d", owner.Uid, owner.Gid), folder)
	for at := filepath.Dir(folder); at != os.TempDir() && at != "/"; at = filepath.Dir(at) {
		asRoot(t, "chmod", "a+x", at)
	}
}

func asRoot(t *testing.T, command ...string) {
	t.Helper()
	if os.Getuid() != 0 {
		command = append([]string{"sudo", "-n"}, command...)
	}
	if text, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", command, err, text)
	}
}

// fillDisk writes a file until the disk is full.
func fillDisk(t *testing.T, disk string) {
	t.Helper()
	asRoot(t, "sh", "-c", "cat /dev/zero > '"+filepath.Join(disk, "ballast")+"' 2>/dev/null || true")
}

// clearDisk deletes the file of fillDisk.
func clearDisk(t *testing.T, disk string) {
	t.Helper()
	asRoot(t, "rm", filepath.Join(disk, "ballast"))
}

func (s *server) execute(t *testing.T, statements ...string) {
	t.Helper()
	db, err := sql.Open("pgx", s.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}
