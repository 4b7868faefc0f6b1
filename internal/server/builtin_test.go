package server

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cardinal/internal/directory"
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
	if w := get("GET", "/version"); w.Code != 200 || w.Body.String() != `{"version":"v1.2.3"}`+"\n" {
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

// metricsOf returns the page of metrics.
func metricsOf(s *Server) string {
	w := httptest.NewRecorder()
	s.serveMonitor(w, httptest.NewRequest("GET", "http://localhost/metrics", nil), "")
	return w.Body.String()
}

// TestVersionTellsNoRevision: a revision says which faults are not corrected yet.
func TestVersionTellsNoRevision(t *testing.T) {
	for version, want := range map[string]string{
		"v1.2.3": "v1.2.3", "1.2.3-rc.1": "1.2.3-rc.1", "v1.2.3-4-gdeadbee": "v1.2.3", "v1.2.3-dirty": "v1.2.3",
		"deadbee": "dev", "1234567": "dev", "dev": "dev", "": "dev",
	} {
		if got := (versionInfo{Version: version, Go: "go1.26", Revision: "deadbee"}).public(); got != (versionInfo{
			Version: want}) {
			t.Errorf("%q: %+v", version, got)
		}
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
	page := metricsOf(s)
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
	if n := strings.Count(metricsOf(s), "\ncardinal_http_requests_total{"); n > maxRoutes+5 {
		t.Errorf("%d series", n)
	}
}

func TestStatsMetrics(t *testing.T) {
	stats := directory.Stats{HashesRunning: 2, HashesWaiting: 3, HashesRejected: 5, Jobs: map[string]int{"failed": 7}}
	stats.Pool.Readers.InUse = 4
	page := metricsOf(New(Options{API: http.NotFoundHandler(),
		Stats: func(context.Context) (directory.Stats, bool) { return stats, true }}))
	for _, line := range []string{"cardinal_hashing_running 2", "cardinal_hashing_waiting 3",
		"cardinal_hashing_rejected_total 5", `cardinal_db_connections{pool="readers",state="in_use"} 4`,
		`cardinal_jobs{state="failed"} 7`} {
		if !strings.Contains(page, "\n"+line+"\n") {
			t.Errorf("the metrics do not have %q", line)
		}
	}
	closed := metricsOf(New(Options{API: http.NotFoundHandler(),
		Stats: func(context.Context) (directory.Stats, bool) { return stats, false }}))
	without := metricsOf(New(Options{API: http.NotFoundHandler()}))
	if strings.Contains(closed, "cardinal_hashing") || strings.Contains(without, "cardinal_hashing") {
		t.Error("metrics of a directory that is not open")
	}
}
