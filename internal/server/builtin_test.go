package server

import (
	"cardinal/internal/directory"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestBuiltinRoutes(t *testing.T) {
	reasons := []string{"the database does not answer"}
	s := New(Options{API: http.NotFoundHandler(), Version: "v1.2.3", Ready: func(ctx context.Context) []string {
		if _, ok := ctx.Deadline(); !ok {
			t.Error("the context of Ready has no deadline")
		}
		return reasons
	}})
	get := func(method, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest(method, path, nil))
		return w
	}
	if w := get("GET", "/livez"); w.Code != 200 || w.Body.String() != `{"status":"alive"}`+"\n" {
		t.Errorf("livez: %d %s", w.Code, w.Body)
	}
	if w := get("GET", "/readyz"); w.Code != 503 ||
		w.Body.String() != `{"status":"not ready","reasons":["the database does not answer"]}`+"\n" {
		t.Errorf("readyz: %d %s", w.Code, w.Body)
	}
	reasons = nil
	if w := get("GET", "/readyz"); w.Code != 200 || w.Body.String() != `{"status":"ready"}`+"\n" {
		t.Errorf("readyz: %d %s", w.Code, w.Body)
	}
	if w := get("GET", "/version"); w.Code != 200 ||
		!strings.HasPrefix(w.Body.String(), `{"version":"v1.2.3","go":"go1.`) {
		t.Errorf("version: %d %s", w.Code, w.Body)
	}
	if w := get("GET", "/"); w.Code != 200 || !strings.Contains(w.Body.String(), "/openapi.json") ||
		w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("/: %d %s", w.Code, w.Body)
	}
	w := get("POST", "/livez")
	wantProblem(t, w.Result(), w.Body.String(), 405, "method_not_allowed")
	if w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("Allow is %q", w.Header().Get("Allow"))
	}
}

func TestMetricsOnlyForThisMachine(t *testing.T) {
	tests := []struct {
		name, remote string
		headers      []string
		public, seen bool
	}{
		{"ThisMachine", "127.0.0.1:1", nil, false, true},
		{"ThisMachineIPv6", "[::1]:1", nil, false, true},
		{"OtherMachine", "192.0.2.1:1", nil, false, false},
		{"Proxy", "127.0.0.1:1", []string{"X-Forwarded-For", "127.0.0.1"}, false, false},
		{"ProxyWithForwarded", "127.0.0.1:1", []string{"Forwarded", "for=192.0.2.1"}, false, false},
		{"OtherMachinePublic", "192.0.2.1:1", nil, true, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := New(Options{API: http.NotFoundHandler(), MetricsPublic: test.public})
			r := httptest.NewRequest("GET", "/metrics", nil)
			r.RemoteAddr = test.remote
			for i := 0; i < len(test.headers); i += 2 {
				r.Header.Set(test.headers[i], test.headers[i+1])
			}
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, r)
			if !test.seen {
				wantProblem(t, w.Result(), w.Body.String(), 404, "route_unknown")
			} else if w.Code != 200 || !strings.Contains(w.Body.String(), "go_goroutines") ||
				!strings.Contains(w.Body.String(), "process_cpu_seconds_total") {
				t.Errorf("%d %.200s", w.Code, w.Body)
			}
		})
	}
}

func TestMetricsLabelsLimited(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/users/{id}", noContent)
	created := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if pattern := r.Header.Get("X-Pattern"); pattern != "" {
			r.Pattern = pattern
			return
		}
		mux.ServeHTTP(w, r)
	})
	s := New(Options{API: created})
	ask := func(method, path, pattern string) string {
		r := httptest.NewRequest(method, path, nil)
		r.RemoteAddr = "127.0.0.1:1"
		r.Header.Set("X-Pattern", pattern)
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		return w.Body.String()
	}
	for i := range 50 {
		ask("GET", fmt.Sprintf("/v1/users/%s%d", canary, i), "")
		ask("GET", fmt.Sprintf("/%s%d", canary, i), "")
		ask(fmt.Sprintf("%s%d", canary, i), "/v1/users/1", "")
	}
	page := ask("GET", "/metrics", "")
	if strings.Contains(page, canary) {
		t.Error("the metrics contain what a caller sent")
	}
	for _, line := range []string{
		`cardinal_http_requests_total{route="GET /v1/users/{id}",status="2xx"} 50`,
		`cardinal_http_requests_total{route="other",status="4xx"} 100`,
		`cardinal_http_request_duration_seconds_count{route="other",status="4xx"} 100`,
		"cardinal_http_requests_in_flight 0",
	} {
		if !strings.Contains(page, line+"\n") {
			t.Errorf("the metrics do not have %q", line)
		}
	}
	if n := strings.Count(page, "\ncardinal_http_requests_total{"); n != 2 {
		t.Errorf("%d series for two routes", n)
	}
	for i := range 2 * maxRoutes {
		ask("GET", "/", "") // a built-in route
		ask("GET", "/v1/x", fmt.Sprintf("GET /v1/x%d", i))
	}
	if n := strings.Count(ask("GET", "/metrics", ""), "\ncardinal_http_requests_total{"); n > maxRoutes+5 {
		t.Errorf("%d series", n)
	}
}

func TestStatsMetrics(t *testing.T) {
	metricsOf := func(o Options) string {
		o.API, o.MetricsPublic = http.NotFoundHandler(), true
		w := httptest.NewRecorder()
		New(o).Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		return w.Body.String()
	}
	stats := directory.Stats{HashesRunning: 2, HashesWaiting: 3, HashesRejected: 5, Jobs: map[string]int{"failed": 7}}
	stats.Pool.Readers.InUse = 4
	page := metricsOf(Options{Stats: func(context.Context) (directory.Stats, bool) { return stats, true }})
	for _, line := range []string{"cardinal_hashing_running 2", "cardinal_hashing_waiting 3",
		"cardinal_hashing_rejected_total 5", `cardinal_db_connections{pool="readers",state="in_use"} 4`,
		`cardinal_jobs{state="failed"} 7`} {
		if !strings.Contains(page, "\n"+line+"\n") {
			t.Errorf("the metrics do not have %q", line)
		}
	}
	closed := metricsOf(Options{Stats: func(context.Context) (directory.Stats, bool) { return stats, false }})
	if strings.Contains(closed, "cardinal_hashing") || strings.Contains(metricsOf(Options{}), "cardinal_hashing") {
		t.Error("metrics of a directory that is not open")
	}
}
