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

// disposableSetting is a setting that only servers started by Start have.
const disposableSetting = "cardinal.throw_away"

// Options configure the server that Start creates. The zero value is meant for tests: the server can lose committed
// data when the machine stops.
type Options struct {
	// Durable keeps fsync, full-page writes and synchronous commits on, as in production. Benchmarks and crash tests
	// need it.
	Durable bool
	// Settings are further server settings by name ("wal_level": "logical"). They override those of this package.
	Settings map[string]string
}

// Cluster is a running PostgreSQL server in a temporary folder. It listens on a Unix socket in that folder and on a
// free port of 127.0.0.1, and accepts every connection without a password. Its superuser is postgres.
//
// The server is a child of this process. A second child is the watchdog: a shell that waits for the end of a pipe. Only
// this process has the other end. Stop closes the pipe, and so does the kernel when this process ends for any reason.
// The watchdog then stops the server and deletes the folder.
type Cluster struct {
	bin      string
	folder   string
	port     int
	options  Options
	owner    *owner
	watchdog *watchdog

	mu      sync.Mutex
	process *os.Process
	exited  chan struct{} // closed when process has ended
	running bool          // the server has answered, and neither Crash nor Stop was called since
}

// Start creates a cluster and returns when it accepts connections. This takes about a second, most of it for initdb.
func Start(options Options) (*Cluster, error) { return newCluster(options, (*Cluster).initialize) }

// Replica creates a hot standby of a cluster: it replicates by streaming and serves read-only queries.
func Replica(primary *Cluster) (*Cluster, error) {
	return newCluster(primary.options, func(c *Cluster) error { return c.copyFrom(primary) })
}

// newCluster creates a cluster; createData creates its data folder.
func newCluster(options Options, createData func(*Cluster) error) (*Cluster, error) {
	bin, err := findBinaries("/usr/lib/postgresql/*/bin")
	if err != nil {
		return nil, err
	}
	c := &Cluster{bin: bin, options: options}
	if c.owner, err = serverOwner(); err != nil {
		return nil, fmt.Errorf("pgtest: %w", err)
	}
	if c.folder, err = c.owner.createFolder(options.parentFolder()); err != nil {
		return nil, fmt.Errorf("pgtest: create a folder for PostgreSQL: %w", err)
	}
	if c.watchdog, err = startWatchdog(c.folder); err != nil {
		return nil, errors.Join(fmt.Errorf("pgtest: start the watchdog: %w", err), os.RemoveAll(c.folder))
	}
	if err := createData(c); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	// Another process can take the free port before the server does. Then another port is tried.
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

// URL returns the URL of the database "postgres" for the superuser.
func (c *Cluster) URL() string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", c.port)
}

// PID returns the process id of the postmaster, the parent of all server processes.
func (c *Cluster) PID() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.process.Pid
}

// Folder returns the folder of the data, the socket and the log.
func (c *Cluster) Folder() string { return c.folder }

// Log returns the last few kilobytes of the server's log.
func (c *Cluster) Log() string {
	const maxBytes = 4 << 10
	text, err := os.ReadFile(c.logFile())
	if err != nil {
		return err.Error()
	}
	if cut := len(text) - maxBytes; cut > 0 {
		text = text[cut:]
		if _, rest, found := bytes.Cut(text, []byte("\n")); found {
			text = rest
		}
	}
	return string(bytes.TrimSpace(text))
}

// Stop stops the server and deletes its folder. It returns an error if the server had already ended unexpectedly. It
// can be called more than once.
func (c *Cluster) Stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var exitErr error
	if c.running {
		select {
		case <-c.exited:
			exitErr = fmt.Errorf("pgtest: PostgreSQL ended unexpectedly; its log:\n%s", c.Log())
		default:
		}
	}
	c.running = false
	if err := c.watchdog.release(); err != nil {
		return errors.Join(exitErr, fmt.Errorf("pgtest: stop PostgreSQL and delete %s: %w", c.folder, err))
	}
	if c.exited != nil {
		<-c.exited
	}
	return exitErr
}

// Crash stops the server immediately, without a checkpoint and without closing client connections properly. It keeps
// the folder. Data that the operating system has accepted but not yet written to the disk survives: the server crashes,
// not the machine.
func (c *Cluster) Crash() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.process.Signal(syscall.SIGQUIT); err != nil {
		return fmt.Errorf("pgtest: crash PostgreSQL: %w", err)
	}
	<-c.exited
	c.running = false
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

// copyFrom copies the data folder of another cluster and configures streaming replication from it.
func (c *Cluster) copyFrom(primary *Cluster) error {
	cmd := c.command("pg_basebackup", "--pgdata="+c.dataFolder(), "--dbname="+primary.URL(),
		"--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("pgtest: pg_basebackup: %w\n%s", err, bytes.TrimSpace(output))
	}
	return nil
}

// launch starts the server process and returns when it accepts connections.
func (c *Cluster) launch() error {
	log, err := os.OpenFile(c.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	defer log.Close()
	cmd := c.command("postgres", "-D", c.dataFolder(), "-k", c.folder, "-p", strconv.Itoa(c.port))
	cmd.Args = append(cmd.Args, c.options.flags()...)
	// A file and not a pipe: the server must be able to write its log after this process has ended.
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("pgtest: start PostgreSQL: %w", err)
	}
	exited := make(chan struct{})
	go func() {
		cmd.Wait() // the log says how it ended
		close(exited)
	}()
	err = c.waitReady(exited)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.process, c.exited, c.running = cmd.Process, exited, err == nil
	return err
}

// waitReady waits until the server accepts connections. It connects through the socket and not the port: the socket
// certainly belongs to this server, but another process can have taken the port.
func (c *Cluster) waitReady(exited <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(context.Background(), serverTimeout)
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
			return fmt.Errorf("pgtest: PostgreSQL did not answer within %s: %w; its log:\n%s",
				serverTimeout, err, c.Log())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// command prepares a program of PostgreSQL. It runs as the owner, in the process group of the watchdog.
func (c *Cluster) command(program string, arguments ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.bin, program), arguments...)
	cmd.Dir = c.folder
	cmd.SysProcAttr = c.watchdog.processAttributes(c.owner)
	return cmd
}

// parentFolder is the folder in which the cluster's folder is created; "" is the system's folder for temporary files. A
// server that can lose its data is fastest in memory: creating and dropping a database takes 20 ms there, and up to 250
// ms on a busy disk.
func (o Options) parentFolder() string {
	if o.Durable || os.Getenv("TMPDIR") != "" {
		return ""
	}
	return memoryFolder()
}

// flags returns the settings as arguments of postgres. If a setting occurs twice, the last one counts.
func (o Options) flags() []string {
	settings := [][2]string{
		{disposableSetting, "on"},
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

// findBinaries returns the folder of PostgreSQL's programs: $PG_BIN, else the folder of the postgres in PATH, else the
// newest of the versions that match the pattern.
func findBinaries(versions string) (string, error) {
	if bin := os.Getenv("PG_BIN"); bin != "" {
		if !hasServer(bin) {
			return "", fmt.Errorf("pgtest: PG_BIN is %s, which does not contain postgres and initdb", bin)
		}
		return bin, nil
	}
	if postgres, err := exec.LookPath("postgres"); err == nil {
		// Some images have a symbolic link to postgres only. Its target is in the folder that also contains initdb.
		if real, err := filepath.EvalSymlinks(postgres); err == nil && hasServer(filepath.Dir(real)) {
			return filepath.Abs(filepath.Dir(real))
		}
	}
	found, err := filepath.Glob(versions)
	if err != nil {
		return "", err
	}
	slices.SortFunc(found, func(a, b string) int { return majorVersion(b) - majorVersion(a) })
	for _, bin := range found {
		if hasServer(bin) {
			return bin, nil
		}
	}
	return "", errors.New("pgtest: no PostgreSQL server found in $PG_BIN, $PATH or /usr/lib/postgresql: " +
		"apt-get install postgresql")
}

// majorVersion returns 15 for /usr/lib/postgresql/15/bin, and 0, the oldest, for any other form.
func majorVersion(bin string) int {
	version, _ := strconv.Atoi(filepath.Base(filepath.Dir(bin)))
	return version
}

func hasServer(folder string) bool {
	for _, program := range []string{"postgres", "initdb"} {
		if _, err := exec.LookPath(filepath.Join(folder, program)); err != nil {
			return false
		}
	}
	return true
}
