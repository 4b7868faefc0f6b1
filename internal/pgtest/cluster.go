package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// throwAwayMark is a setting of every server that Start makes and of no other.
const throwAwayMark = "cardinal.throw_away"

// Options say what kind of server Start makes. The zero value is the one for tests: it may lose what it committed when
// the machine stops.
type Options struct {
	// Durable keeps fsync, full-page writes and synchronous commits on, as production has them: for benchmarks and
	// for tests of crashes.
	Durable bool
	// Settings are further server settings by name ("wal_level": "logical"). They win over this package's own.
	Settings map[string]string
}

// Cluster is a running PostgreSQL server in a temporary folder. It listens on a Unix socket in that folder and on a free
// port of 127.0.0.1, and trusts whoever connects. Its superuser is called postgres.
//
// The server is a direct child of this process, and beside it runs a guardian: a shell that waits for the end of a pipe
// whose other end only this process holds. Stop closes the pipe, and so does the kernel however this process ends; the
// guardian then ends the server and deletes the folder.
type Cluster struct {
	bin      string
	folder   string
	port     int
	options  Options
	owner    *owner
	guardian *guardian

	mu      sync.Mutex
	process *os.Process
	exited  chan struct{} // closed when process has ended
	up      bool          // it answered, and Crash was not asked for since
}

// Start makes a cluster and returns when it answers: after about a second, most of it initdb's.
func Start(options Options) (*Cluster, error) { return makeCluster(options, (*Cluster).initialize) }

// Replica makes a hot standby of a cluster, which streams from it and answers to readers.
func Replica(of *Cluster) (*Cluster, error) {
	return makeCluster(of.options, func(c *Cluster) error { return c.copyFrom(of) })
}

// makeCluster makes a cluster whose data folder fill makes.
func makeCluster(options Options, fill func(*Cluster) error) (*Cluster, error) {
	bin, err := findBinaries("/usr/lib/postgresql/*/bin")
	if err != nil {
		return nil, err
	}
	c := &Cluster{bin: bin, options: options}
	if c.owner, err = serverOwner(); err != nil {
		return nil, fmt.Errorf("pgtest: %w", err)
	}
	if c.folder, err = c.owner.makeFolder(options.parent()); err != nil {
		return nil, fmt.Errorf("pgtest: make a folder for PostgreSQL: %w", err)
	}
	if c.guardian, err = startGuardian(c.folder); err != nil {
		return nil, errors.Join(fmt.Errorf("pgtest: start the guardian: %w", err), os.RemoveAll(c.folder))
	}
	if err := fill(c); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	// Somebody may take the free port before the server does; then another one is tried.
	for attempt := 1; ; attempt++ {
		if c.port, err = freePort(); err == nil {
			err = c.launch()
		}
		if err == nil {
			return c, nil
		}
		if attempt == 3 {
			return nil, errors.Join(err, c.Stop())
		}
	}
}

// URL is how the superuser reaches the database "postgres".
func (c *Cluster) URL() string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", c.port)
}

// PID is the process id of the server's first process, the ancestor of all the others.
func (c *Cluster) PID() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.process.Pid
}

// Folder is where the data, the socket and the log are.
func (c *Cluster) Folder() string { return c.folder }

// Log returns the last few kilobytes of the server's log.
func (c *Cluster) Log() string {
	const most = 4 << 10
	text, err := os.ReadFile(c.logFile())
	if err != nil {
		return err.Error()
	}
	if cut := len(text) - most; cut > 0 {
		text = text[cut:]
		if _, rest, found := bytes.Cut(text, []byte("\n")); found {
			text = rest
		}
	}
	return string(bytes.TrimSpace(text))
}

// Stop ends the server and deletes its folder. Its error says so when the server had ended by itself before. It may be
// called twice.
func (c *Cluster) Stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var died error
	if c.up {
		select {
		case <-c.exited:
			died = fmt.Errorf("pgtest: PostgreSQL had ended by itself; its log:\n%s", c.Log())
		default:
		}
	}
	c.up = false
	if err := c.guardian.release(); err != nil {
		return errors.Join(died, fmt.Errorf("pgtest: stop PostgreSQL and delete %s: %w", c.folder, err))
	}
	if c.exited != nil {
		<-c.exited
	}
	return died
}

// Crash ends the server at once, with no checkpoint and no goodbye to its clients, and keeps the folder. What the
// operating system has taken but not yet written to the disk survives: it is the server that crashes, not the machine.
func (c *Cluster) Crash() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.process.Signal(syscall.SIGQUIT); err != nil {
		return fmt.Errorf("pgtest: crash PostgreSQL: %w", err)
	}
	<-c.exited
	c.up = false
	return nil
}

// Resume starts the server again after Crash, on the same port.
func (c *Cluster) Resume() error { return c.launch() }

func (c *Cluster) dataFolder() string { return filepath.Join(c.folder, "data") }
func (c *Cluster) logFile() string    { return filepath.Join(c.folder, "log") }

func (c *Cluster) initialize() error {
	cmd := c.command("initdb", "--pgdata="+c.dataFolder(), "--username=postgres", "--auth=trust",
		"--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("pgtest: initdb: %w\n%s", err, bytes.TrimSpace(output))
	}
	return nil
}

// copyFrom fills the data folder with a copy of another cluster's, and makes it follow that one.
func (c *Cluster) copyFrom(primary *Cluster) error {
	cmd := c.command("pg_basebackup", "--pgdata="+c.dataFolder(), "--dbname="+primary.URL(), "--write-recovery-conf", "--wal-method=stream",
		"--checkpoint=fast", "--no-sync")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("pgtest: pg_basebackup: %w\n%s", err, bytes.TrimSpace(output))
	}
	return nil
}

// launch starts the server process and returns when it answers.
func (c *Cluster) launch() error {
	log, err := os.OpenFile(c.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	defer log.Close()
	cmd := c.command("postgres", "-D", c.dataFolder(), "-k", c.folder, "-p", strconv.Itoa(c.port))
	cmd.Args = append(cmd.Args, c.options.flags()...)
	cmd.Stdout, cmd.Stderr = log, log // a file and not a pipe: nothing of this process has to outlive the server
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("pgtest: start PostgreSQL: %w", err)
	}
	exited := make(chan struct{})
	go func() {
		cmd.Wait() // how it ended is in the log
		close(exited)
	}()
	err = c.await(exited)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.process, c.exited, c.up = cmd.Process, exited, err == nil
	return err
}

// await asks through the socket, not the port: the folder is this server's for certain, the port may be a stranger's.
func (c *Cluster) await(exited <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	address := fmt.Sprintf("host=%s port=%d user=postgres dbname=postgres sslmode=disable", c.folder, c.port)
	for {
		conn, err := pgx.Connect(ctx, address)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-exited:
			return fmt.Errorf("pgtest: PostgreSQL ended while it started; its log:\n%s", c.Log())
		case <-ctx.Done():
			return fmt.Errorf("pgtest: PostgreSQL did not answer within %s: %w; its log:\n%s", patience, err, c.Log())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// command is a program of PostgreSQL, run as the owner and in reach of the guardian.
func (c *Cluster) command(program string, arguments ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.bin, program), arguments...)
	cmd.Dir = c.folder
	cmd.SysProcAttr = c.guardian.ward(c.owner)
	return cmd
}

// parent is the folder to make the cluster's in; "" is the system's for temporary files. A server that may lose everything
// is quickest in memory: a database is made and dropped in 20 ms there, and in up to 250 ms on a busy disk.
func (o Options) parent() string {
	if o.Durable || os.Getenv("TMPDIR") != "" {
		return ""
	}
	return memoryFolder()
}

// flags are the settings as arguments of postgres; of two for one setting the later one counts.
func (o Options) flags() []string {
	settings := [][2]string{
		{throwAwayMark, "on"},
		{"listen_addresses", "127.0.0.1"},
		{"timezone", "UTC"},
		{"log_timezone", "UTC"},
		{"log_line_prefix", "%m [%p] %d "},
		{"max_connections", "200"},
		{"shared_buffers", "64MB"},
	}
	if !o.Durable {
		settings = append(settings, [][2]string{
			{"fsync", "off"},
			{"full_page_writes", "off"},
			{"synchronous_commit", "off"},
			{"max_wal_size", "256MB"},
		}...)
	}
	for name, value := range o.Settings {
		settings = append(settings, [2]string{name, value})
	}
	var flags []string
	for _, s := range settings {
		flags = append(flags, "-c", s[0]+"="+s[1])
	}
	return flags
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("pgtest: find a free port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// findBinaries returns the folder that holds PostgreSQL's programs: $PG_BIN, where the PATH finds postgres, or the
// newest of the versions that the pattern finds.
func findBinaries(versions string) (string, error) {
	if bin := os.Getenv("PG_BIN"); bin != "" {
		if !isBinaries(bin) {
			return "", fmt.Errorf("pgtest: no postgres and initdb in PG_BIN, which is %s", bin)
		}
		return bin, nil
	}
	if postgres, err := exec.LookPath("postgres"); err == nil {
		// A link to postgres alone, as some images have it, leads to the folder that has initdb too.
		if real, err := filepath.EvalSymlinks(postgres); err == nil && isBinaries(filepath.Dir(real)) {
			return filepath.Abs(filepath.Dir(real))
		}
	}
	found, err := filepath.Glob(versions)
	if err != nil {
		return "", err
	}
	slices.SortFunc(found, func(a, b string) int { return majorVersion(b) - majorVersion(a) })
	for _, bin := range found {
		if isBinaries(bin) {
			return bin, nil
		}
	}
	return "", errors.New("pgtest: no PostgreSQL server found in $PG_BIN, $PATH or /usr/lib/postgresql: " +
		"apt-get install postgresql")
}

// majorVersion reads the 15 of /usr/lib/postgresql/15/bin; anything else counts as oldest.
func majorVersion(bin string) int {
	version, _ := strconv.Atoi(filepath.Base(filepath.Dir(bin)))
	return version
}

func isBinaries(folder string) bool {
	for _, program := range []string{"postgres", "initdb"} {
		if _, err := exec.LookPath(filepath.Join(folder, program)); err != nil {
			return false
		}
	}
	return true
}
