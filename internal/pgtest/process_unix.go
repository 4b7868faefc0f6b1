//go:build unix

package pgtest

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
)

// owner is the user that the server runs as; nil means the user of this process.
type owner struct{ uid, gid int }

// serverOwner returns an unprivileged user if this process runs as root, because PostgreSQL refuses to run as root.
func serverOwner() (*owner, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.Atoi(u.Uid)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.Atoi(u.Gid)
		if err != nil {
			return nil, err
		}
		return &owner{uid, gid}, nil
	}
	return nil, errors.New("PostgreSQL does not run as root, and neither the user postgres nor the user nobody exists")
}

// createFolder creates a temporary folder that only the owner can access. If parent is "", it is created in the
// system's folder for temporary files.
func (o *owner) createFolder(parent string) (string, error) {
	if parent == "" {
		parent = os.TempDir()
	}
	if o != nil && !isAccessibleToAll(parent) {
		parent = "/tmp"
	}
	folder, err := os.MkdirTemp(parent, "cardinal-pg-")
	if err != nil || o == nil {
		return folder, err
	}
	return folder, os.Chown(folder, o.uid, o.gid)
}

// isAccessibleToAll reports whether every user can access the contents of a folder. The TMPDIR of root often excludes
// other users.
func isAccessibleToAll(folder string) bool {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return false
	}
	for {
		info, err := os.Stat(folder)
		if err != nil || info.Mode()&0o001 == 0 {
			return false
		}
		if folder == filepath.Dir(folder) {
			return true
		}
		folder = filepath.Dir(folder)
	}
}

// watchdog is the shell that stops a server and deletes its folder when this process closes a pipe, also by ending. The
// parent-death signal of Linux would not be enough: it does not delete the folder, and it is sent when a thread ends.
type watchdog struct {
	pid     int
	release func() error // closes the pipe and waits for the end of the cleanup
}

// watchdogScript is the program of the watchdog. Its argument is the folder to delete. The watchdog leads a process
// group that includes initdb and the server: a Ctrl-C in the terminal does not reach them, and one signal reaches them
// all. SIGQUIT is PostgreSQL's immediate shutdown, which also removes the shared memory.
const watchdogScript = `
trap '' HUP INT QUIT TERM
cat >/dev/null
kill -QUIT 0
for try in 1 2 3 4 5 6 7 8 9 10; do
	rm -rf -- "$1" && exit 0
	sleep 0.$try
done 2>/dev/null
exit 1
`

func startWatchdog(folder string) (*watchdog, error) {
	cmd := exec.Command("/bin/sh", "-c", watchdogScript, "sh", folder)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// This process's end of StdinPipe has close-on-exec set, so no child of this process keeps it open.
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &watchdog{pid: cmd.Process.Pid, release: sync.OnceValue(func() error {
		return errors.Join(ignoreClosed(pipe), cmd.Wait())
	})}, nil
}

func ignoreClosed(pipe io.Closer) error {
	if err := pipe.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// processAttributes are the attributes of a process that runs as the owner and that the watchdog stops.
func (w *watchdog) processAttributes(o *owner) *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Setpgid: true, Pgid: w.pid}
	if o != nil {
		attributes.Credential = &syscall.Credential{Uid: uint32(o.uid), Gid: uint32(o.gid)}
	}
	return attributes
}
