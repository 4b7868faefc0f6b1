package server

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"

	"cardinal/internal/api"
)

// handler answers a request.
type handler func(*responseRecorder, *http.Request)

// builtinRoute returns the handler of a path that the server answers itself, or nil for a path of the API.
func (s *Server) builtinRoute(path string) handler {
	switch path {
	case "/":
		return readOnly(serveIndex)
	case "/livez":
		return readOnly(serveLive)
	case "/readyz":
		return readOnly(s.serveReady)
	case "/version":
		return readOnly(func(w *responseRecorder, _ *http.Request) { w.writeJSON(http.StatusOK, s.version.public()) })
	}
	return nil
}

func readOnly(h handler) handler {
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

// versionInfo is the answer of /version.
type versionInfo struct {
	Version  string `json:"version"`
	Go       string `json:"go,omitempty"`
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"` // the work tree had changes
}

func versionOf(version string) versionInfo {
	info := versionInfo{Version: version, Go: runtime.Version()}
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range build.Settings {
			switch setting.Key {
			case "vcs.revision":
				info.Revision = setting.Value
			case "vcs.modified":
				info.Modified = setting.Value == "true"
			}
		}
	}
	return info
}

var released = regexp.MustCompile(`^v?[0-9]+(\.[0-9]+)*(-(alpha|beta|rc)[.0-9]*)?`)

// public returns what every caller can know: the release. The version of a build between two releases contains a
// revision (git describe), and a revision names the faults that it does not have fixed yet.
func (v versionInfo) public() versionInfo {
	if release := released.FindString(v.Version); strings.Contains(release, ".") {
		return versionInfo{Version: release}
	}
	return versionInfo{Version: "dev"}
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
