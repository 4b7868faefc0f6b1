// Package server is the HTTP server. It adds to every request an id, its origin, limits and security headers before
// the API handles it, answers the endpoints for operators (liveness, readiness, version, metrics), and stops without
// cutting off requests. Its logs and metrics contain nothing that a caller sent, except for the ids that are meant to
// be logged.
package server

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"cardinal"
	"cardinal/internal/directory"
)

// Options configures the server. Only API is required.
type Options struct {
	// API answers every path that the server does not answer itself, and sets Pattern on the request that it gets.
	API http.Handler
	// Annotate adds the id and the origin of a request to its context, for the API.
	Annotate func(context.Context, uuid.UUID, cardinal.Client) context.Context
	// Uploads reports whether the API itself limits the size and the time of the body of a request; nil for no request.
	Uploads func(*http.Request) bool
	// Ready returns why the service is not ready, in texts that can be public; none when it is ready.
	Ready func(context.Context) []string
	// Stats returns the load of the directory, false while it is not open; nil for no such metrics.
	Stats func(context.Context) (directory.Stats, bool)

	Version        string               // of the program
	TrustedProxies []netip.Prefix       // X-Forwarded-For is used only from these addresses
	Logger         *slog.Logger         // nil discards
	Metrics        *prometheus.Registry // nil for a new one
}

// limits are what one request, one source and the server can use. A source is the range of addresses of a client. What
// trusted proxies pass on counts for their clients.
type limits struct {
	inFlight int64 // requests in the API at once, with their whole bodies

	connections, connectionsPerSource int
	uploads, uploadsPerSource         int // at once; they are streamed, and take no slot of the API

	body                int64 // bytes
	bodies              int64 // bytes of all bodies that are buffered
	incompletePerSource int   // bodies that are not complete, at once
	header              int   // bytes; net/http allows 4 KiB more

	readHeader, read, write, idle time.Duration
	freshIdle                     time.Duration // idle, for each request that a connection had
	ready                         time.Duration // for Ready
	drainDelay                    time.Duration // from closing the listener to closing idle connections
	grace                         time.Duration // for requests in flight when the server stops
}

var standard = limits{
	inFlight: 1024, connections: 4096, connectionsPerSource: 512, uploads: 16, uploadsPerSource: 4,
	body: 256 << 10, bodies: 64 << 20, incompletePerSource: 64, header: 16 << 10,
	readHeader: 5 * time.Second, read: 15 * time.Second, write: time.Minute, idle: 2 * time.Minute,
	freshIdle: 5 * time.Second,
	ready:     5 * time.Second, drainDelay: 250 * time.Millisecond, grace: 30 * time.Second,
}

// Server serves one port.
type Server struct {
	options        Options
	limits         limits
	log            *slog.Logger
	metrics        *metrics
	origin         *http.CrossOriginProtection
	version        versionInfo
	inFlight       atomic.Int64
	bodies         *bodies
	uploads        *slots
	overloadLogged atomic.Int64 // Unix seconds when an overload was last logged: at most once per second
	stopping       atomic.Bool
	wasReady       atomic.Bool // the service was ready once; not being ready after that is an error
}

// New builds a server. It does not listen yet.
func New(o Options) *Server {
	return newServer(o, standard)
}

func newServer(o Options, l limits) *Server {
	s := &Server{options: o, limits: l, log: o.Logger, version: versionOf(o.Version),
		bodies:  &bodies{bytes: l.bodies, perSource: l.incompletePerSource},
		uploads: &slots{all: l.uploads, perSource: l.uploadsPerSource, bySource: map[string]int{}},
	}
	s.origin = http.NewCrossOriginProtection()
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.metrics = newMetrics(o.Metrics, func() float64 { return float64(s.inFlight.Load()) }, o.Stats)
	return s
}

// Handler returns what Serve serves, for callers with an http.Server of their own.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serve) }

// Serve answers on l, which it closes, until ctx ends. Then it accepts no new connections and answers the requests in
// flight. It returns nil when no request was cut off, and returns at the latest 30 seconds later.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	// The requests in flight outlive ctx.
	requestCtx, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	open := newConnTable(s.limits, s.options.TrustedProxies)
	h := &http.Server{
		Handler:           s.Handler(),
		ConnState:         open.changed,
		ConnContext:       open.remember,
		BaseContext:       func(net.Listener) context.Context { return requestCtx },
		ErrorLog:          log.New(errorLogWriter{s.log}, "", 0),
		ReadHeaderTimeout: s.limits.readHeader,
		ReadTimeout:       s.limits.read, WriteTimeout: s.limits.write, IdleTimeout: s.limits.idle,
		MaxHeaderBytes:               s.limits.header,
		DisableGeneralOptionsHandler: true,
	}
	l = limitedListener{l, open}
	ended := make(chan error, 1)
	go func() { ended <- h.Serve(l) }()
	select {
	case err := <-ended:
		return errors.Join(fmt.Errorf("serve: %w", err), h.Close())
	case <-ctx.Done():
	}
	s.stopping.Store(true)
	_ = l.Close() // an error changes nothing; the next line waits until it is closed
	<-ended
	// Shutdown closes idle connections at once, even one on which a request is just arriving. So the server answers a
	// moment longer and closes each connection with its answer. Then only unused connections are left for Shutdown.
	time.Sleep(s.limits.drainDelay)
	graceCtx, cancel := context.WithTimeout(requestCtx, s.limits.grace)
	defer cancel()
	if err := h.Shutdown(graceCtx); err != nil {
		left := s.inFlight.Load()
		cut()
		err = fmt.Errorf("stop: %d requests were cut off after %s: %w", left, s.limits.grace, err)
		return errors.Join(err, h.Close())
	}
	return nil
}
