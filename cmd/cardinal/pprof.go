package main

import (
	"context"
	"net"
	"net/http"
	"net/http/pprof"
	"time"
)

// servePprof serves Go's profiles on the loopback address that --pprof names, until ctx ends. Profiles show what the
// process has in memory, so no other machine can reach them.
func (a *app) servePprof(ctx context.Context) error {
	if a.pprof == "" {
		return nil
	}
	if !isLoopback(a.pprof) {
		return usageError("Use one, like 127.0.0.1:6060.", "--pprof %q is not a loopback address and a port", a.pprof)
	}
	listener, err := listen(ctx, "--pprof", a.pprof)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.Handle("/debug/pprof/cmdline", http.NotFoundHandler()) // --db can contain a password
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	s := &http.Server{Handler: onlyLoopbackHost(mux), ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = s.Close() })
	go func() { _ = s.Serve(listener) }() // ends with ctx
	return nil
}

// onlyLoopbackHost refuses requests for another host: a web page can make a browser on this machine send them, under a
// name that resolves to a loopback address.
func onlyLoopbackHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLoopback(r.Host) {
			http.Error(w, "only for this machine", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isLoopback reports whether a host and port name this machine only.
func isLoopback(hostPort string) bool {
	host, _, err := net.SplitHostPort(hostPort)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}
