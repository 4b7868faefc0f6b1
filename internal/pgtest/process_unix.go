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

// owner is the user that the server runs as; nil is the user of this process.
type owner struct{ uid, gid int }

// serverOwner picks a user without privileges when this process is root's: PostgreSQL refuses to run as root.
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
	return nil, errors.New("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")
}

// makeFolder makes a temporary folder that nobody but the owner may enter; "" is the system's parent for such.
func (o *owner) makeFolder(parent string) (string, error) {
	if parent == "" {
		parent = os.TempDir()
	}
	if o != nil && !openToAll(parent) {
		parent = "/tmp"
	}
	folder, err := os.MkdirTemp(parent, "cardinal-pg-")
	if err != nil || o == nil {
		return folder, err
	}
	return folder, os.Chown(folder, o.uid, o.gid)
}

// openToAll reports whether any user may reach what is inside a folder; root's own TMPDIR often keeps others out.
func openToAll(folder string) bool {
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

// guardian is the shell that ends a server and deletes its folder when this process lets go of a pipe, be it by dying.
// Linux's parent-death signal would do half of that: it leaves the folder, and it comes when a thread ends.
type guardian struct {
	pid     int
	release func() error // lets go and waits until all is gone
}

// The guardian leads a process group in which initdb and the server are, so that a terminal's Ctrl-C reaches none of them
// and one signal reaches them all. SIGQUIT is PostgreSQL's immediate shutdown, which leaves no shared memory behind.
const watch = `
trap '' HUP INT QUIT TERM
cat >/dev/null
kill -QUIT 0
for try in 1 2 3 4 5 6 7 8 9 10; do
	rm -rf -- "$1" && exit 0
	sleep 0.$try
done 2>/dev/null
exit 1
`

func startGuardian(folder string) (*guardian, error) {
	cmd := exec.Command("/bin/sh", "-c", watch, "sh", folder)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// StdinPipe's own end closes on exec, so that no child of this process keeps it open.
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &guardian{pid: cmd.Process.Pid, release: sync.OnceValue(func() error {
		return errors.Join(ignoreClosed(pipe), cmd.Wait())
	})}, nil
}

func ignoreClosed(pipe io.Closer) error {
	if err := pipe.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// ward are the attributes of a process that runs as the owner and that the guardian ends.
func (g *guardian) ward(o *owner) *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Setpgid: true, Pgid: g.pid}
	if o != nil {
		attributes.Credential = &syscall.Credential{Uid: uint32(o.uid), Gid: uint32(o.gid)}
	}
	return attributes
}
