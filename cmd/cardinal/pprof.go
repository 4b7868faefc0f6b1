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
	host, _, err := net.SplitHostPort(a.pprof)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return usageError("Use a loopback address, like 127.0.0.1:6060.", "--pprof %q is not on this machine", a.pprof)
	}
	listener, err := listen(ctx, a.pprof)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = s.Close() })
	go func() { _ = s.Serve(listener) }() // ends with ctx
	return nil
}
