package server

import (
	"context"
	"encoding/json"
	"net/http"
	"runtime"
	"runtime/debug"

	"cardinal/internal/api"
)

// builtinRoute returns the handler of a path that the server answers itself, or nil for a path of the API.
func (s *Server) builtinRoute(path string) func(*responseRecorder, *http.Request) {
	switch path {
	case "/":
		return readOnly(serveIndex)
	case "/livez":
		return readOnly(serveLive)
	case "/readyz":
		return readOnly(s.serveReady)
	case "/version":
		return readOnly(s.serveVersion)
	case "/metrics":
		return readOnly(s.serveMetrics)
	}
	return nil
}

func readOnly(h func(*responseRecorder, *http.Request)) func(*responseRecorder, *http.Request) {
	return func(w *responseRecorder, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			w.writeProblem("method_not_allowed")
			return
		}
		h(w, r)
	}
}

func serveIndex(w *responseRecorder, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("Cardinal, a user management service.\n\n" + // the client can be gone
		"/openapi.json  description of the API\n/readyz        readiness\n/version       version of the program\n"))
}

func serveLive(w *responseRecorder, _ *http.Request) {
	w.writeJSON(http.StatusOK, map[string]string{"status": "alive"})
}

type readiness struct {
	Status  string   `json:"status"`
	Reasons []string `json:"reasons,omitempty"`
}

func (s *Server) serveReady(w *responseRecorder, r *http.Request) {
	if s.stopping.Load() {
		w.expected5xx = true
		w.writeJSON(http.StatusServiceUnavailable, readiness{"stopping", []string{"the service is stopping"}})
		return
	}
	if s.options.Ready != nil {
		ctx, cancel := context.WithTimeout(r.Context(), s.limits.ready)
		defer cancel()
		if reasons := s.options.Ready(ctx); len(reasons) > 0 {
			w.expected5xx = !s.wasReady.Load() // the service is still starting
			w.writeJSON(http.StatusServiceUnavailable, readiness{"not ready", reasons})
			return
		}
	}
	s.wasReady.Store(true)
	w.writeJSON(http.StatusOK, readiness{Status: "ready"})
}

func (s *Server) serveVersion(w *responseRecorder, _ *http.Request) {
	w.writeJSON(http.StatusOK, s.version)
}

func versionOf(version string) json.RawMessage {
	answer := struct {
		Version  string `json:"version"`
		Go       string `json:"go"`
		Revision string `json:"revision,omitempty"`
		Modified bool   `json:"modified,omitempty"` // the work tree had changes
	}{Version: version, Go: runtime.Version()}
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range build.Settings {
			switch setting.Key {
			case "vcs.revision":
				answer.Revision = setting.Value
			case "vcs.modified":
				answer.Modified = setting.Value == "true"
			}
		}
	}
	text, err := json.Marshal(answer)
	if err != nil {
		panic(err) // three strings and a bool
	}
	return text
}

// serveMetrics answers only requests from this machine, unless the metrics are public. The request of another client
// that a proxy on this machine forwards is recognised by the headers that proxies add.
func (s *Server) serveMetrics(w *responseRecorder, r *http.Request) {
	from, ok := parseAddress(r.RemoteAddr)
	direct := true
	for _, header := range []string{"X-Forwarded-For", "Forwarded", "X-Real-Ip", "Via"} {
		direct = direct && len(r.Header[header]) == 0
	}
	if !s.options.MetricsPublic && !(ok && from.IsLoopback() && direct) {
		w.writeProblem("route_unknown")
		return
	}
	s.metrics.page.ServeHTTP(w, r)
}

// writeProblem answers with the problem of a code, with the values of the placeholders of its texts.
func (w *responseRecorder) writeProblem(code string, values ...any) {
	p := api.NewProblem(code, values...)
	p.RequestID = w.id[0]
	_ = p.Write(w) // the client can be gone
}

func (w *responseRecorder) writeJSON(status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // of types of this package
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // the client can be gone
}
