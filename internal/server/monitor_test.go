package server

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestMonitor(t *testing.T) {
	s := New(Options{API: http.HandlerFunc(noContent), Version: "v1.2.3-4-gdeadbee"})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.ServeMonitor(ctx, listener, "127.0.0.1") }()
	url := "http://" + listener.Addr().String()
	for path, want := range map[string]string{
		"/livez": `"alive"`, "/readyz": `"ready"`, "/metrics": "go_goroutines",
		"/version": `{"version":"v1.2.3-4-gdeadbee","go":"go1.`,
	} {
		if answer, body := do(t, "GET", url+path, ""); answer.StatusCode != 200 || !strings.Contains(body, want) ||
			answer.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %.200s", path, answer.StatusCode, body)
		}
	}
	for _, path := range []string{"/", "/v1/session"} {
		answer, body := do(t, "GET", url+path, "")
		wantProblem(t, answer, body, 404, "route_unknown")
	}
	stop()
	if err := await(t, "the end", ended); err != nil {
		t.Error(err)
	}
}

// TestMetricsOnlyOnMonitor: the port for clients has no metrics, whatever address a request seems to come from.
func TestMetricsOnlyOnMonitor(t *testing.T) {
	s := New(Options{API: http.HandlerFunc(noContent)})
	r := httptest.NewRequest("GET", "http://localhost/metrics", nil)
	r.RemoteAddr = "127.0.0.1:1"
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusNoContent { // of the API, which does not know this path
		t.Errorf("%d %.200s", w.Code, w.Body)
	}
}

// TestMonitorHost: a web page cannot read the monitor under a name of its own (DNS rebinding).
func TestMonitorHost(t *testing.T) {
	s := New(Options{API: http.NotFoundHandler()})
	for host, ok := range map[string]bool{
		"127.0.0.1:9090": true, "[::1]:9090": true, "[::1]": true, "localhost:9090": true, "LOCALHOST": true,
		"10.0.0.7": true, "metrics.internal:9090": true,
		"evil.example:9090": false, "localhost.evil.example": false, "127.0.0.1.evil.example": false, "": false,
	} {
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.Host = host
		w := httptest.NewRecorder()
		s.serveMonitor(w, r, "metrics.internal")
		if ok && w.Code != http.StatusOK {
			t.Errorf("%q: %d", host, w.Code)
		} else if !ok {
			wantProblem(t, w.Result(), w.Body.String(), http.StatusMisdirectedRequest, "host_unknown")
		}
	}
}
