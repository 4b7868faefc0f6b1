// Package server is the one port: what every request passes before the API sees it (an id, where it came from, limits, security
// headers), what operators ask (is it alive, is it ready, how does it do), and an end that cuts nobody off. No log line and no
// metric of it holds anything that a caller sent, but for the ids that are there to be logged.
package server

import (
	"context"
	"encoding/json"
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
	"golang.org/x/net/netutil"

	"cardinal"
)

// Options is what the server is made of. Only API is required.
type Options struct {
	API            http.Handler                                                      // answers every path that the server does not answer itself, and sets r.Pattern on the request it gets
	Annotate       func(context.Context, uuid.UUID, cardinal.Client) context.Context // puts a request's id and origin where the API finds them
	Uploads        func(*http.Request) bool                                          // requests whose body the API bounds itself, in length and in time; nil for none
	Ready          func(context.Context) []string                                    // why it is not ready, in words for anybody; empty is ready
	Version        string                                                            // of the program
	TrustedProxies []netip.Prefix                                                    // whose X-Forwarded-For is believed
	Logger         *slog.Logger                                                      // nil discards
	Metrics        *prometheus.Registry                                              // nil makes one
	MetricsPublic  bool                                                              // /metrics answers others than this machine
}

// limits are what a request and the server as a whole may use.
type limits struct {
	inFlight    int64 // requests in the API at once
	connections int
	body        int64 // bytes
	header      int   // bytes; net/http allows 4 KiB more

	readHeader, read, write, idle time.Duration
	ready                         time.Duration // for Ready
	lull                          time.Duration // after the listener is closed, before idle connections are
	grace                         time.Duration // for requests in flight at the end
}

var standard = limits{
	inFlight: 1024, connections: 4096, body: 1 << 20, header: 16 << 10,
	readHeader: 5 * time.Second, read: 15 * time.Second, write: time.Minute, idle: 2 * time.Minute,
	ready: 5 * time.Second, lull: 250 * time.Millisecond, grace: 30 * time.Second,
}

// Server is one port.
type Server struct {
	options  Options
	limits   limits
	log      *slog.Logger
	metrics  *metrics
	origin   *http.CrossOriginProtection
	version  json.RawMessage // the answer of /version
	inFlight atomic.Int64
	refused  atomic.Int64 // when a request was last refused for want of room, in Unix seconds: it is logged once a second
	stopping atomic.Bool
	wasReady atomic.Bool // it said so once; not being ready after that is a fault
}

// New builds a server that listens nowhere yet.
func New(o Options) *Server {
	s := &Server{options: o, limits: standard, log: o.Logger, origin: http.NewCrossOriginProtection(), version: versionOf(o.Version)}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.metrics = newMetrics(o.Metrics, func() float64 { return float64(s.inFlight.Load()) })
	return s
}

// Handler is what Serve serves, for whoever brings their own http.Server.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serve) }

// Serve answers on l, which it closes, until ctx ends. Then it takes no new connections, answers what is in flight, and returns
// nil when nothing was cut: at the latest 30 seconds later.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	// The requests in flight outlive ctx.
	working, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	h := &http.Server{
		Handler:           s.Handler(),
		BaseContext:       func(net.Listener) context.Context { return working },
		ErrorLog:          log.New(complaints{s.log}, "", 0),
		ReadHeaderTimeout: s.limits.readHeader, ReadTimeout: s.limits.read, WriteTimeout: s.limits.write, IdleTimeout: s.limits.idle,
		MaxHeaderBytes:               s.limits.header,
		DisableGeneralOptionsHandler: true,
	}
	l = netutil.LimitListener(l, s.limits.connections)
	ended := make(chan error, 1)
	go func() { ended <- h.Serve(l) }()
	select {
	case err := <-ended:
		return errors.Join(fmt.Errorf("serve: %w", err), h.Close())
	case <-ctx.Done():
	}
	s.stopping.Store(true)
	_ = l.Close() // nothing can be done about it, and the next line tells when it is closed
	<-ended
	// Shutdown closes idle connections at once, those too on which a request is just arriving. Answering a moment longer, and
	// closing every connection with its answer, leaves it those that nobody uses.
	time.Sleep(s.limits.lull)
	finishing, enough := context.WithTimeout(working, s.limits.grace)
	defer enough()
	if err := h.Shutdown(finishing); err != nil {
		left := s.inFlight.Load()
		cut()
		return errors.Join(fmt.Errorf("stop: %d requests were cut off after %s: %w", left, s.limits.grace, err), h.Close())
	}
	return nil
}
