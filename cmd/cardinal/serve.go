package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"cardinal"
	"cardinal/internal/api"
	"cardinal/internal/config"
	"cardinal/internal/directory"
	"cardinal/internal/jobs"
	"cardinal/internal/server"
	"cardinal/internal/signin"
	"cardinal/internal/store"
	"cardinal/internal/store/schema"
)

func (a *app) serve() *cobra.Command {
	c := command("serve", "Run the service", "  cardinal serve\n"+
		"  cardinal serve --http 127.0.0.1:9000 --db postgres://cardinal@localhost/cardinal", a.runServer)
	a.serveFlags(c.Flags())
	c.Flags().StringVar(&a.pprof, "pprof", "", "serve Go's profiles on this loopback `host:port`")
	return c
}

// serveGCPercent lets garbage grow to eight times the live heap (about 8 MiB) before a collection. Every password hash
// leaves 19 MiB of garbage. With Go's default of 100 each hash would cause a full collection: 7 to 15 % of a sign-in,
// measured by `make bench`.
const serveGCPercent = 800

// setGCPercent sets the limit of garbage, in percent of the live heap, unless the environment sets it (GOGC).
func setGCPercent(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

// runServer runs the service until ctx ends. The end of ctx is no error.
func (a *app) runServer(ctx context.Context, _ []string) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	log := a.logger(c)
	listener, err := listen(ctx, "--http", c.HTTP)
	if err != nil {
		return err
	}
	var monitor net.Listener
	if c.Monitor != "" {
		if monitor, err = listen(ctx, "--monitor", c.Monitor); err != nil {
			return err
		}
	}
	if err := a.servePprof(ctx); err != nil {
		return err
	}
	// The server answers before the database is open, so that probes get the answer that it is not ready.
	var pending pendingAPI
	serving, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	s := server.New(server.Options{API: &pending, Annotate: api.WithRequest, Uploads: api.IsUpload,
		Ready: pending.ready, Stats: pending.stats, Version: version, TrustedProxies: c.TrustedProxies, Logger: log})
	go func() { ended <- s.Serve(serving, listener) }()
	if monitor != nil {
		host, _, _ := net.SplitHostPort(c.Monitor)                                // it was parsed before
		monitoring, stopMonitor := context.WithCancel(context.WithoutCancel(ctx)) // until the last request is answered
		defer stopMonitor()
		go func() {
			if err := s.ServeMonitor(monitoring, monitor, host); err != nil {
				log.Error("the listener of --monitor stopped", "error", err)
			}
		}()
	}

	d, err := a.openService(ctx)
	if err != nil {
		stop()
		return errors.Join(err, <-ended)
	}
	runner := jobs.New(d, log, version, backgroundJobs()...)
	if err := runner.Join(ctx); err != nil {
		stop()
		return errors.Join(withSchemaFix(err), <-ended)
	}
	handler := api.New(d, api.Options{Version: version, PublicURL: c.PublicURL, Logger: log})
	if err := a.printStartup(ctx, d, c); err != nil {
		stop()
		return errors.Join(err, <-ended)
	}
	pending.open(d, handler)
	setGCPercent(serveGCPercent) // only now: earlier, live objects would be scattered among the garbage of the start
	if os.Getenv("GOMAXPROCS") == "" {
		// Password hashes use all processors but one, each for its whole duration. With one processor more, the kernel
		// schedules the threads, with shorter time slices than Go's: under many concurrent sign-ins the slowest session
		// checks take a quarter less time (`make bench`).
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1)
	}
	go debug.FreeOSMemory() // returns the memory that only the start needed
	working := make(chan error, 1)
	go func() { working <- runner.Run(serving) }()

	err = <-ended
	stop() // in case the server failed
	err = errors.Join(err, <-working)
	// The last-seen times of the last requests.
	if err := errors.Join(err, d.FlushLastSeen(context.WithoutCancel(ctx))); err != nil {
		return &commandError{code: "not_clean", message: err.Error(), fix: "The service stopped, but not cleanly."}
	}
	a.close()
	fmt.Fprintln(a.out, "stopped cleanly")
	return nil
}

// listen opens the port, before anything else is changed.
func listen(ctx context.Context, flag, address string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, &commandError{kind: err, code: "port_busy",
			message: "another process already listens on " + address,
			fix:     "Stop it, or choose another port with " + flag + "."}
	case err != nil:
		return nil, &commandError{kind: err, code: "cannot_listen",
			message: "cannot listen on " + address + ": " + err.Error(),
			fix:     "Choose another address with " + flag + ", like " + flag + " 127.0.0.1:8080."}
	}
	return l, nil
}

// openService opens the database for the server. It migrates an empty database; an outdated one is an error.
func (a *app) openService(ctx context.Context) (*directory.Directory, error) {
	s, err := a.openOrCreateStore(ctx)
	if err != nil {
		return nil, err
	}
	empty, err := waitForSchema(ctx, s)
	if empty {
		_, err = s.Migrate(ctx, time.Now().UTC(), "")
	}
	if err != nil {
		return nil, withSchemaFix(err)
	}
	return a.openDirectory(ctx, s)
}

// waitForSchema checks whether the schema is ready. On PostgreSQL another node can be migrating at the same time: it
// waits as long as that migration makes progress.
func waitForSchema(ctx context.Context, s *store.Store) (empty bool, err error) {
	last, since := "", time.Now()
	for {
		empty, err = s.Ready(ctx)
		if err == nil || empty || s.Engine() != "postgres" || !errors.Is(err, schema.ErrUnusable) {
			return empty, err
		}
		if err.Error() != last {
			last, since = err.Error(), time.Now()
		}
		if time.Since(since) > 2*time.Second {
			return false, err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// pendingAPI is the handler of the API. It answers 503 until the database is open, and passes requests on after that.
type pendingAPI struct {
	opened atomic.Pointer[openedAPI]
}

type openedAPI struct {
	directory *directory.Directory
	api       http.Handler
}

func (o *pendingAPI) open(d *directory.Directory, api http.Handler) {
	o.opened.Store(&openedAPI{d, api})
}

func (o *pendingAPI) ready(ctx context.Context) []string {
	if now := o.opened.Load(); now != nil {
		return now.directory.Ready(ctx)
	}
	return []string{"the service is starting"}
}

func (o *pendingAPI) stats(ctx context.Context) (directory.Stats, bool) {
	if now := o.opened.Load(); now != nil {
		return now.directory.Stats(ctx), true
	}
	return directory.Stats{}, false
}

// ServeHTTP passes a request to the API once it is open.
func (o *pendingAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := o.opened.Load()
	if now == nil {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "Cardinal is starting", http.StatusServiceUnavailable)
		return
	}
	now.api.ServeHTTP(w, r)
}

// printStartup prints what the operator needs to know after the start. It prints to standard output only, because the
// set-up link is a secret.
func (a *app) printStartup(ctx context.Context, d *directory.Directory, c config.Config) error {
	fmt.Fprintf(a.out, "Cardinal %s is ready.\n  URL        %s   (the API: /openapi.json)\n  Data       %s\n",
		version, localURL(c.HTTP), a.dataLocation(c))
	if a.newKeyNotice != "" {
		fmt.Fprintf(a.out, "  Key        %s\n", a.newKeyNotice)
	}
	hasAdministrator, err := signin.HasAdministrator(ctx, d)
	if err != nil {
		return err
	}
	if !hasAdministrator {
		link, err := signin.NewSetupLink(ctx, d.As(cardinal.Operator()))
		if err != nil {
			return err
		}
		base := baseURL(c)
		fmt.Fprintf(a.out, "  Set-up     %s\n             Creates the first administrator. Works once, until %s. "+
			"Without a browser:\n             %s\n", setupURL(base, link), clock(link.ExpiresAt), setupCurl(base, link))
	}
	for i, sentence := range c.ProductionWarnings() {
		if i == 0 {
			fmt.Fprintln(a.out, "Before production:")
		}
		fmt.Fprintln(a.out, "  "+sentence)
	}
	return nil
}

// dataLocation returns the path or the URL of the database, without the password.
func (a *app) dataLocation(c config.Config) string {
	if path, ok := sqlitePath(c); ok {
		if full, err := filepath.Abs(path); err == nil {
			return full
		}
		return path
	}
	for _, f := range config.Fields(c, a.configured.origins) {
		if f.Name == "db" {
			return f.Value
		}
	}
	return "PostgreSQL"
}

// localURL returns the URL of the service on this machine. It has localhost instead of an IP address, because passkeys
// do not work with IP addresses.
func localURL(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "http://" + address
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && (ip.IsLoopback() || ip.IsUnspecified()) {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}
