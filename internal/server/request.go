package server

import (
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// responseRecorder is one request and its answer. It records what was answered.
type responseRecorder struct {
	http.ResponseWriter
	request     *http.Request
	id          []string // as in the header
	route       string   // of a built-in route; for the others it is request.Pattern
	status      int      // 0 until the answer begins
	bytes       int64
	counted     bool         // in inFlight
	body        *body        // nil for none
	stopping    *atomic.Bool // the connection closes after this answer, because the server is stopping
	expected5xx bool         // the status is 5xx, but not because of an error
}

// Unwrap is for http.ResponseController.
func (w *responseRecorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *responseRecorder) WriteHeader(status int) {
	// 1xx answers come before the final answer; 101 is a final one.
	if w.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		w.begin(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *responseRecorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.begin(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

func (w *responseRecorder) begin(status int) {
	w.status = status
	if w.stopping.Load() {
		w.Header()["Connection"] = connectionClose
	}
}

// Values of headers, allocated once because every answer has most of them.
var (
	nosniff         = []string{"nosniff"}
	noReferrer      = []string{"no-referrer"}
	noContentPolicy = []string{"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}
	sameOrigin      = []string{"same-origin"}
	noStore         = []string{"no-store"}
	connectionClose = []string{"close"}
	identity        = []string{"identity"}
)

func (s *Server) serve(rw http.ResponseWriter, r *http.Request) {
	began := time.Now()
	headerComplete(r.Context())
	id, text := requestID(r.Header)
	w := &responseRecorder{ResponseWriter: rw, request: r, id: text, stopping: &s.stopping}
	defer s.end(w, began)
	builtin := s.builtinRoute(r.URL.Path)
	if builtin != nil {
		w.route = "GET " + r.URL.Path
	}
	s.setSecurityHeaders(w)
	// A proxy can find the end of a chunked request elsewhere than this server, which would then read the rest as the
	// beginning of another client's request. So nothing follows on such a connection (RFC 9112, section 6.1). In
	// HTTP/1.0, net/http ignores the header and removes it.
	if len(r.TransferEncoding) > 0 || !r.ProtoAtLeast(1, 1) {
		w.Header()["Connection"] = connectionClose
	}
	repeated := repeatedHeader(r.Header)
	switch {
	case repeated != "":
		w.writeProblem("header_repeated", repeated)
	case s.origin.Check(r) != nil:
		w.writeProblem("cross_site")
	case builtin != nil:
		builtin(w, r)
	default:
		s.serveAPI(w, id)
	}
}

// setSecurityHeaders sets the headers of every answer. The API can replace them.
func (s *Server) setSecurityHeaders(w *responseRecorder) {
	h := w.Header()
	h["Request-Id"] = w.id
	h["X-Content-Type-Options"] = nosniff
	h["Referrer-Policy"] = noReferrer
	h["Content-Security-Policy"] = noContentPolicy
	h["Cross-Origin-Resource-Policy"] = sameOrigin
	if w.route != "" || strings.HasPrefix(w.request.URL.Path, "/v1/") {
		h["Cache-Control"] = noStore
	}
}

// serveAPI passes a request to the API, within the limits: an upload as it arrives, any other with its whole body.
func (s *Server) serveAPI(w *responseRecorder, id uuid.UUID) {
	r := w.request
	if coding := r.Header["Content-Encoding"]; len(coding) > 0 && !strings.EqualFold(coding[0], "identity") {
		w.Header()["Accept-Encoding"] = identity   // RFC 9110, section 15.5.16
		w.Header()["Connection"] = connectionClose // the body is not read
		w.writeProblem("content_encoding")
		return
	}
	client := cardinal.Client{
		Address:   clientAddress(r.RemoteAddr, r.Header["X-Forwarded-For"], s.options.TrustedProxies),
		UserAgent: userAgent(r.Header),
	}
	if s.options.Uploads != nil && s.options.Uploads(r) {
		source := sourceOf(client.Address, s.options.TrustedProxies)
		if !s.uploads.take(source) {
			w.Header()["Connection"] = connectionClose // the body is not read
			s.rejectOverload(w)
			return
		}
		defer s.uploads.free(source)
	} else {
		if !s.readBody(w, client) {
			return
		}
		w.counted = true
		if s.inFlight.Add(1) > s.limits.inFlight {
			s.rejectOverload(w)
			return
		}
	}
	ctx := r.Context()
	if s.options.Annotate != nil {
		ctx = s.options.Annotate(ctx, id, client)
	}
	w.request = r.WithContext(ctx)
	s.options.API.ServeHTTP(w, w.request)
}

// rejectOverload answers a request above the limit of requests in flight.
func (s *Server) rejectOverload(w *responseRecorder) {
	if now := time.Now().Unix(); s.overloadLogged.Swap(now) != now {
		const message = "too many requests in flight: new requests are rejected"
		s.log.WarnContext(w.request.Context(), message)
	}
	w.expected5xx = true
	w.Header()["Retry-After"] = []string{"1"}
	w.writeProblem("busy")
}

// end counts and logs a request, and answers for a handler that panicked.
func (s *Server) end(w *responseRecorder, began time.Time) {
	cause := recover()
	if cause != nil {
		s.handlePanic(w, cause)
	}
	if w.counted {
		s.inFlight.Add(-1)
	}
	if w.body != nil {
		w.body.free()
	}
	status := w.status
	switch {
	case cause != nil:
		status = http.StatusInternalServerError
	case status == 0:
		w.begin(http.StatusOK)
		status = http.StatusOK
	}
	took := time.Since(began)
	s.metrics.observe(w.routeName(), status, took)
	level := slog.LevelDebug
	if status >= 500 && !w.expected5xx {
		level = slog.LevelError
	}
	if ctx := w.request.Context(); s.log.Enabled(ctx, level) {
		line := []slog.Attr{
			slog.String("method", methodName(w.request.Method)), slog.String("route", w.routeName()),
			slog.Int("status", status), slog.Duration("took", took), slog.Int64("bytes", w.bytes),
			slog.String("request_id", w.id[0]),
		}
		if trace := traceID(w.request.Header["Traceparent"]); trace != "" {
			line = append(line, slog.String("trace_id", trace))
		}
		s.log.LogAttrs(ctx, level, "request", line...)
	}
	if cause != nil && w.status != http.StatusInternalServerError {
		panic(http.ErrAbortHandler) // an incomplete answer must not look complete
	}
}

// routeName returns the pattern that the request matched. It is "other" without a match, and for a pattern that
// contains the path of the request.
func (w *responseRecorder) routeName() string {
	switch {
	case w.route != "":
		return w.route
	case w.request.Pattern == "" || w.request.Method == http.MethodConnect:
		return other // for CONNECT, ServeMux can set the pattern to the path as it was sent
	}
	return w.request.Pattern
}

// methodName returns the method, or "other" for one that HTTP does not define.
func methodName(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return method
	}
	return other
}

const other = "other"
