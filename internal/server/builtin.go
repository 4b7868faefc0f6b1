package server

import (
	"context"
	"encoding/json"
	"net/http"
	"runtime"
	"runtime/debug"
)

// own is the handler of a path that the server answers itself; nil for the API's.
func (s *Server) own(path string) func(*exchange, *http.Request) {
	switch path {
	case "/":
		return readOnly(pointTheWay)
	case "/livez":
		return readOnly(live)
	case "/readyz":
		return readOnly(s.ready)
	case "/version":
		return readOnly(s.tellVersion)
	case "/metrics":
		return readOnly(s.tellMetrics)
	}
	return nil
}

func readOnly(h func(*exchange, *http.Request)) func(*exchange, *http.Request) {
	return func(e *exchange, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			e.Header().Set("Allow", "GET, HEAD")
			e.refuse(http.StatusMethodNotAllowed, "method_not_allowed", "")
			return
		}
		h(e, r)
	}
}

func pointTheWay(e *exchange, _ *http.Request) {
	e.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = e.Write([]byte("Cardinal, a user management service.\n\n" + // the client may be gone
		"/openapi.json  what it can be asked\n/readyz        is it ready\n/version       which one it is\n"))
}

func live(e *exchange, _ *http.Request) {
	e.answer(http.StatusOK, map[string]string{"status": "alive"})
}

type readiness struct {
	Status  string   `json:"status"`
	Reasons []string `json:"reasons,omitempty"`
}

func (s *Server) ready(e *exchange, r *http.Request) {
	if s.stopping.Load() {
		e.routine = true
		e.answer(http.StatusServiceUnavailable, readiness{"stopping", []string{"the service is stopping"}})
		return
	}
	if s.options.Ready != nil {
		ctx, cancel := context.WithTimeout(r.Context(), s.limits.ready)
		defer cancel()
		if reasons := s.options.Ready(ctx); len(reasons) > 0 {
			e.routine = !s.wasReady.Load() // it is still starting
			e.answer(http.StatusServiceUnavailable, readiness{"not ready", reasons})
			return
		}
	}
	s.wasReady.Store(true)
	e.answer(http.StatusOK, readiness{Status: "ready"})
}

func (s *Server) tellVersion(e *exchange, _ *http.Request) { e.answer(http.StatusOK, s.version) }

func versionOf(version string) json.RawMessage {
	told := struct {
		Version  string `json:"version"`
		Go       string `json:"go"`
		Revision string `json:"revision,omitempty"`
		Modified bool   `json:"modified,omitempty"` // the work tree had changes
	}{Version: version, Go: runtime.Version()}
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range build.Settings {
			switch setting.Key {
			case "vcs.revision":
				told.Revision = setting.Value
			case "vcs.modified":
				told.Modified = setting.Value == "true"
			}
		}
	}
	text, err := json.Marshal(told)
	if err != nil {
		panic(err) // three texts and a truth value
	}
	return text
}

// tellMetrics answers this machine only, unless it shall answer all. A proxy on this machine that passes on somebody else's
// request is known by what it says of that.
func (s *Server) tellMetrics(e *exchange, r *http.Request) {
	from, ok := parseAddress(r.RemoteAddr)
	direct := len(r.Header["X-Forwarded-For"])+len(r.Header["Forwarded"])+len(r.Header["X-Real-Ip"])+len(r.Header["Via"]) == 0
	if !s.options.MetricsPublic && !(ok && from.IsLoopback() && direct) {
		e.refuse(http.StatusNotFound, "route_unknown", "")
		return
	}
	s.metrics.page.ServeHTTP(e, r)
}
