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
	"cardinal/internal/store"
)

func (a *app) serve() *cobra.Command {
	c := command("serve", "Run the service", "  cardinal serve\n  cardinal serve --http 127.0.0.1:9000 --db postgres://cardinal@localhost/cardinal", a.runServer)
	a.serveFlags(c.Flags())
	return c
}

// serveGCPercent lets garbage grow to eight times what lives (about 8 MiB) before it is collected. Every password hash leaves 19 MiB
// behind, and at Go's usual 100 each would cost a collection of everything: 7 to 15 % of a sign-in, measured by `make bench`.
const serveGCPercent = 800

// setGCPercent sets how much garbage there may be, in percent of what lives, unless the environment says it (GOGC).
func setGCPercent(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

// runServer runs the service until ctx ends, which is how it is meant to end.
func (a *app) runServer(ctx context.Context, _ []string) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	log := a.logger(c)
	listener, err := listen(ctx, c.HTTP)
	if err != nil {
		return err
	}
	// It answers before the database is open, so that whoever probes it is told that it is not ready.
	var starting pendingAPI
	serving, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	s := server.New(server.Options{API: &starting, Annotate: api.WithRequest, Uploads: api.IsUpload, Ready: starting.ready, Version: version,
		TrustedProxies: c.TrustedProxies, Logger: log})
	go func() { ended <- s.Serve(serving, listener) }()

	d, err := a.openService(ctx)
	if err != nil {
		stop()
		return errors.Join(err, <-ended)
	}
	runner := jobs.New(d, log, version)
	if err := runner.Join(ctx); err != nil {
		stop()
		return errors.Join(withSchemaFix(err), <-ended)
	}
	handler := api.New(d, api.Options{Version: version, PublicURL: c.PublicURL, Logger: log})
	if err := a.printStartup(ctx, d, c); err != nil {
		stop()
		return errors.Join(err, <-ended)
	}
	starting.open(d, handler)
	setGCPercent(serveGCPercent) // not before: what lives would lie scattered among what starting leaves behind
	if os.Getenv("GOMAXPROCS") == "" {
		// Hashes hold all but one, each for as long as it takes. With one more the kernel decides who waits, in shorter turns than
		// Go's: the slowest session checks of a storm of sign-ins take a quarter less (`make bench`).
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1)
	}
	go debug.FreeOSMemory() // what starting took and nothing needs any more
	working := make(chan error, 1)
	go func() { working <- runner.Run(serving) }()

	err = <-ended
	stop() // when it was the server that failed
	err = errors.Join(err, <-working)
	// What the last requests used.
	if err := errors.Join(err, d.FlushSeen(context.WithoutCancel(ctx))); err != nil {
		return &commandError{code: "not_clean", message: err.Error(), fix: "The service has ended, but not cleanly."}
	}
	a.close()
	fmt.Fprintln(a.out, "stopped, nothing left behind")
	return nil
}

// listen takes the port before anything else is touched.
func listen(ctx context.Context, address string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, &commandError{kind: err, code: "port_busy", message: "something else listens on " + address + " already", fix: "Stop it, or choose another port: --http 127.0.0.1:8081"}
	case err != nil:
		return nil, &commandError{kind: err, code: "cannot_listen", message: "cannot listen on " + address + ": " + err.Error(), fix: "Choose another address: --http 127.0.0.1:8080"}
	}
	return l, nil
}

// openService opens the database for the server: an empty one is migrated, one that is behind is refused.
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

// waitForSchema asks whether the schema is ready. On PostgreSQL another node may be migrating right now, a script at a time: as long
// as that goes on, it is waited for.
func waitForSchema(ctx context.Context, s *store.Store) (empty bool, err error) {
	last, since := "", time.Now()
	for {
		empty, err = s.Ready(ctx)
		if err == nil || empty || s.Engine() != "postgres" || !errors.Is(err, store.ErrSchema) {
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

// pendingAPI stands where the API will be until the database is open.
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
	return []string{"it is starting"}
}

// ServeHTTP is the API's, once there is one.
func (o *pendingAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := o.opened.Load()
	if now == nil {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "Cardinal is starting", http.StatusServiceUnavailable)
		return
	}
	now.api.ServeHTTP(w, r)
}

// printStartup says on standard output, and nowhere else, what whoever started the service must know. The set-up link is a secret.
func (a *app) printStartup(ctx context.Context, d *directory.Directory, c config.Config) error {
	fmt.Fprintf(a.out, "Cardinal %s is ready.\n  URL        %s   (the API: /openapi.json)\n  Data       %s\n", version, localURL(c.HTTP), a.dataLocation(c))
	if a.newKeyNotice != "" {
		fmt.Fprintf(a.out, "  Key        %s\n", a.newKeyNotice)
	}
	there, err := d.HasAdministrator(ctx)
	if err != nil {
		return err
	}
	if !there {
		link, err := d.As(cardinal.Operator()).NewSetupLink(ctx)
		if err != nil {
			return err
		}
		base := baseURL(c)
		fmt.Fprintf(a.out, "  Set-up     %s\n             makes the first administrator: one use, until %s. From a shell:\n             %s\n", setupURL(base, link), clock(link.ExpiresAt), setupCurl(base, link))
	}
	for i, sentence := range c.Unfit() {
		if i == 0 {
			fmt.Fprintln(a.out, "Before production:")
		}
		fmt.Fprintln(a.out, "  "+sentence)
	}
	return nil
}

// dataLocation tells where the data is, without the password of a database's URL.
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

// localURL is how this machine reaches the service: localhost, not an address, because passkeys refuse addresses.
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
