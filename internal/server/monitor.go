package server

import (
	"context"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// monitorLimits are for the callers of the monitor: probes and a collector of metrics.
var monitorLimits = limits{
	connections: 256, connectionsPerSource: 64, header: 16 << 10,
	readHeader: 5 * time.Second, read: 5 * time.Second, write: time.Minute, idle: 2 * time.Minute,
	freshIdle: 20 * time.Second,
}

// ServeMonitor answers operators on l, a listener of its own, until ctx ends: health, the version with its build, and
// metrics. Load of the other listener does not keep probes out. host is the host that l was opened with.
func (s *Server) ServeMonitor(ctx context.Context, l net.Listener, host string) error {
	open := newConnTable(monitorLimits, nil)
	h := &http.Server{
		Handler:           s.monitorHandler(host),
		ConnState:         open.changed,
		ConnContext:       open.remember,
		ErrorLog:          log.New(errorLogWriter{s.log}, "", 0),
		ReadHeaderTimeout: monitorLimits.readHeader,
		ReadTimeout:       monitorLimits.read, WriteTimeout: monitorLimits.write, IdleTimeout: monitorLimits.idle,
		MaxHeaderBytes: monitorLimits.header,
	}
	stop := context.AfterFunc(ctx, func() { _ = h.Close() })
	defer stop()
	if err := h.Serve(limitedListener{l, open}); ctx.Err() == nil {
		return err
	}
	return nil
}

func (s *Server) monitorHandler(host string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { s.serveMonitor(w, r, host) }
}

func (s *Server) serveMonitor(rw http.ResponseWriter, r *http.Request, host string) {
	began := time.Now()
	headerComplete(r.Context())
	_, text := requestID(r.Header)
	w := &responseRecorder{ResponseWriter: rw, request: r, id: text, stopping: &s.stopping}
	defer s.end(w, began)
	serve := s.monitorRoute(r.URL.Path)
	if serve != nil {
		w.route = "monitor GET " + r.URL.Path
	}
	s.setSecurityHeaders(w)
	w.Header()["Cache-Control"] = noStore
	switch {
	case !isMonitorHost(r.Host, host):
		w.writeProblem("host_unknown")
	case serve == nil:
		w.writeProblem("route_unknown")
	default:
		serve(w, r)
	}
}

func (s *Server) monitorRoute(path string) handler {
	switch path {
	case "/livez":
		return readOnly(serveLive)
	case "/readyz":
		return readOnly(s.serveReady)
	case "/version":
		return readOnly(func(w *responseRecorder, _ *http.Request) { w.writeJSON(http.StatusOK, s.version) })
	case "/metrics":
		return readOnly(func(w *responseRecorder, r *http.Request) { s.metrics.page.ServeHTTP(w, r) })
	}
	return nil
}

// isMonitorHost reports whether a request is for an IP address, for localhost, or for the host that the monitor was
// configured with. A web page can make a browser in the network of the monitor send requests, but only under a name
// that the page's owner controls (DNS rebinding).
func isMonitorHost(requested, configured string) bool {
	name, _, err := net.SplitHostPort(requested)
	if err != nil {
		name = requested
	}
	_, err = netip.ParseAddr(strings.Trim(name, "[]"))
	return err == nil || strings.EqualFold(name, "localhost") ||
		configured != "" && strings.EqualFold(name, configured)
}
