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

// exchange is one request and its answer: it notes what was answered.
type exchange struct {
	http.ResponseWriter
	request *http.Request
	id      []string // as the header has it
	route   string   // of the server's own; the others say theirs in request.Pattern
	status  int      // 0 until the answer begins
	bytes   int64
	counted bool         // in inFlight
	last    *atomic.Bool // no request shall follow on the connection: the server is stopping
	routine bool         // a 5xx that is no fault
}

// Unwrap is for http.ResponseController.
func (e *exchange) Unwrap() http.ResponseWriter { return e.ResponseWriter }

func (e *exchange) WriteHeader(status int) {
	// 1xx answers come before the answer; 101 is one.
	if e.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		e.begin(status)
	}
	e.ResponseWriter.WriteHeader(status)
}

func (e *exchange) Write(b []byte) (int, error) {
	if e.status == 0 {
		e.begin(http.StatusOK)
	}
	n, err := e.ResponseWriter.Write(b)
	e.bytes += int64(n)
	return n, err
}

func (e *exchange) begin(status int) {
	e.status = status
	if e.last.Load() {
		e.Header()["Connection"] = closing
	}
}

// Values of headers that every answer has, made once.
var (
	nosniff    = []string{"nosniff"}
	noReferrer = []string{"no-referrer"}
	nothing    = []string{"default-src 'none'; frame-ancestors 'none'"}
	sameOrigin = []string{"same-origin"}
	noStore    = []string{"no-store"}
	closing    = []string{"close"}
)

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	id, text := requestID(r.Header)
	e := &exchange{ResponseWriter: w, request: r, id: text, last: &s.stopping}
	defer s.end(e, began)
	own := s.own(r.URL.Path)
	if own != nil {
		e.route = "GET " + r.URL.Path
	}
	s.dress(e)
	switch {
	case s.origin.Check(r) != nil:
		e.refuse(http.StatusForbidden, "forbidden", "Another site's page sent this; send it from a page of this site, or from outside a browser")
	case own != nil:
		own(e, r)
	default:
		s.pass(e, id)
	}
}

// dress sets the headers of every answer; the API may set others in their place.
func (s *Server) dress(e *exchange) {
	h := e.Header()
	h["Request-Id"] = e.id
	h["X-Content-Type-Options"] = nosniff
	h["Referrer-Policy"] = noReferrer
	h["Content-Security-Policy"] = nothing
	h["Cross-Origin-Resource-Policy"] = sameOrigin
	if e.route != "" || strings.HasPrefix(e.request.URL.Path, "/v1/") {
		h["Cache-Control"] = noStore
	}
}

// pass hands a request to the API, within the limits.
func (s *Server) pass(e *exchange, id uuid.UUID) {
	e.counted = true
	if s.inFlight.Add(1) > s.limits.inFlight {
		s.full(e)
		return
	}
	r := e.request
	upload := s.options.Uploads != nil && s.options.Uploads(r)
	if r.ContentLength > s.limits.body && !upload {
		e.Header()["Connection"] = closing // the body is not worth reading
		e.refuse(http.StatusRequestEntityTooLarge, "body_too_large", "")
		return
	}
	ctx := r.Context()
	if s.options.Annotate != nil {
		ctx = s.options.Annotate(ctx, id, cardinal.Client{
			Address:   clientAddress(r.RemoteAddr, r.Header["X-Forwarded-For"], s.options.TrustedProxies),
			UserAgent: userAgent(r.Header),
		})
	}
	e.request = r.WithContext(ctx)
	if r.Body != nil && r.Body != http.NoBody && !upload {
		e.request.Body = http.MaxBytesReader(e.ResponseWriter, r.Body, s.limits.body)
	}
	s.options.API.ServeHTTP(e, e.request)
}

// full refuses a request for want of room.
func (s *Server) full(e *exchange) {
	if now := time.Now().Unix(); s.refused.Swap(now) != now {
		s.log.WarnContext(e.request.Context(), "requests are refused: too many at once", "limit", s.limits.inFlight)
	}
	e.routine = true
	e.Header()["Retry-After"] = []string{"1"}
	e.refuse(http.StatusServiceUnavailable, "busy", "")
}

// end counts and logs a request, and answers for a handler that panicked.
func (s *Server) end(e *exchange, began time.Time) {
	cause := recover()
	if cause != nil {
		s.panicked(e, cause)
	}
	if e.counted {
		s.inFlight.Add(-1)
	}
	status := e.status
	switch {
	case cause != nil:
		status = http.StatusInternalServerError
	case status == 0:
		e.begin(http.StatusOK)
		status = http.StatusOK
	}
	took := time.Since(began)
	s.metrics.observe(e.routeName(), status, took)
	level := slog.LevelDebug
	if status >= 500 && !e.routine {
		level = slog.LevelError
	}
	if ctx := e.request.Context(); s.log.Enabled(ctx, level) {
		line := []slog.Attr{
			slog.String("method", methodName(e.request.Method)), slog.String("route", e.routeName()), slog.Int("status", status),
			slog.Duration("took", took), slog.Int64("bytes", e.bytes), slog.String("request_id", e.id[0]),
		}
		if trace := traceID(e.request.Header["Traceparent"]); trace != "" {
			line = append(line, slog.String("trace_id", trace))
		}
		s.log.LogAttrs(ctx, level, "request", line...)
	}
	if cause != nil && e.status != http.StatusInternalServerError {
		panic(http.ErrAbortHandler) // an answer that was begun must not look whole
	}
}

// routeName is the pattern that the request fitted; what fitted none, or has a pattern made from its own path, is "other".
func (e *exchange) routeName() string {
	switch {
	case e.route != "":
		return e.route
	case e.request.Pattern == "" || e.request.Method == http.MethodConnect: // for CONNECT, ServeMux may set the path as it came
		return other
	}
	return e.request.Pattern
}

// methodName is the method, unless a client made it up.
func methodName(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return method
	}
	return other
}

const other = "other"
