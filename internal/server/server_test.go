package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

const timeout = 10 * time.Second

// running is a server on a free local port.
type running struct {
	url, address string
	stop         func()
	ended        <-chan error
	log          *buffer
}

// start serves api. change changes the standard options and limits.
func start(t *testing.T, api http.Handler, change func(*Options, *limits)) running {
	t.Helper()
	log := &buffer{}
	o := Options{API: api, Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	l := standard
	l.drainDelay = time.Millisecond
	if change != nil {
		change(&o, &l)
	}
	s := newServer(o, l)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, listener) }()
	t.Cleanup(stop)
	address := listener.Addr().String()
	return running{"http://" + address, address, stop, ended, log}
}

// buffer is a log that can be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// do sends a request on a new connection, and returns the response and its body.
func do(t *testing.T, method, url, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	r.Close = true
	answer, err := (&http.Client{Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(text)
}

// wantProblem checks all members of a problem.
func wantProblem(t *testing.T, answer *http.Response, body string, status int, code string) {
	t.Helper()
	if answer.StatusCode != status || answer.Header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("%d %s %q, want a problem %d", answer.StatusCode, answer.Header.Get("Content-Type"), body, status)
	}
	var p map[string]any
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatal(err)
	}
	known, ok := cardinal.FindCode(code)
	if !ok {
		t.Errorf("%s is not in the catalogue", code)
	}
	want := map[string]any{"type": "/problems/" + code, "title": known.Title, "status": float64(status), "code": code,
		"request_id": answer.Header.Get("Request-Id")}
	for name, value := range want {
		if p[name] != value {
			t.Errorf("%s is %v, want %v", name, p[name], value)
		}
	}
	if detail, _ := p["detail"].(string); detail == "" || strings.Contains(detail, "{") || len(p) != len(want)+1 {
		t.Errorf("the problem is %v", p)
	}
}

func await[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(timeout):
		t.Fatalf("%s did not happen", what)
		panic("unreachable")
	}
}

func noContent(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

func TestStopWaitsForRequests(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	s := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-release
		if err := r.Context().Err(); err != nil {
			t.Errorf("the request in flight was cancelled: %v", err)
		}
		_, _ = io.WriteString(w, "done")
	}), func(_ *Options, l *limits) { l.drainDelay = 300 * time.Millisecond })

	// A connection that is used before the server stops.
	kept := open(t, s.address)
	kept.send(t, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
	if answer, body := kept.answer(t); answer.StatusCode != 200 || body != `{"status":"ready"}`+"\n" {
		t.Errorf("readyz: %d %q", answer.StatusCode, body)
	}
	got := make(chan string)
	go func() {
		answer, err := http.Get(s.url + "/v1/slow")
		if err != nil {
			got <- err.Error()
			return
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		got <- fmt.Sprint(string(text), err, answer.Close)
	}()
	await(t, "the request", entered)
	s.stop()
	for deadline := time.Now().Add(timeout); ; {
		conn, err := net.Dial("tcp", s.address)
		if err != nil {
			break
		}
		conn.Close()
		if time.Now().After(deadline) {
			t.Fatal("new connections are accepted after the stop")
		}
	}
	kept.send(t, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
	if answer, body := kept.answer(t); answer.StatusCode != 503 || !strings.Contains(body, `"status":"stopping"`) ||
		!answer.Close {
		t.Errorf("readyz at the end: %d %q close=%t", answer.StatusCode, body, answer.Close)
	}
	select {
	case err := <-s.ended:
		t.Fatalf("ended with a request in flight: %v", err)
	case <-time.After(500 * time.Millisecond):
	}
	close(release)
	if text := await(t, "the answer", got); text != "done<nil> true" {
		t.Errorf("the request in flight got %q", text)
	}
	if err := await(t, "the end", s.ended); err != nil {
		t.Error(err)
	}
}

func TestStopReportsCutRequests(t *testing.T) {
	entered, cancelled := make(chan struct{}), make(chan struct{})
	s := start(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
		close(cancelled)
	}), func(_ *Options, l *limits) { l.grace = 50 * time.Millisecond })
	c := open(t, s.address)
	c.send(t, "GET /v1/for-ever HTTP/1.1\r\nHost: x\r\n\r\n")
	await(t, "the request", entered)
	s.stop()
	if err := await(t, "the end", s.ended); err == nil || !strings.Contains(err.Error(), "1 requests were cut off") {
		t.Errorf("the error is %v", err)
	}
	await(t, "the cancellation", cancelled)
}

// connection is a client that sends raw text.
type connection struct {
	net.Conn
	in *bufio.Reader
}

func open(t *testing.T, address string) connection {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		t.Fatal(err)
	}
	return connection{conn, bufio.NewReader(conn)}
}

func (c connection) send(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

func (c connection) answer(t *testing.T) (*http.Response, string) {
	t.Helper()
	answer, err := http.ReadResponse(c.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(text)
}

func TestSecurityHeaders(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/session", noContent)
	mux.HandleFunc("GET /openapi.json", noContent)
	s := start(t, mux, nil)
	for _, path := range []string{"/v1/session", "/v1/nowhere", "/openapi.json", "/", "/livez", "/version"} {
		answer, _ := do(t, "GET", s.url+path, "")
		want := map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; " +
				"frame-ancestors 'none'",
			"Cache-Control": "no-store"}
		if path == "/openapi.json" {
			want["Cache-Control"] = ""
		}
		for name, value := range want {
			if answer.Header.Get(name) != value {
				t.Errorf("%s: %s is %q", path, name, answer.Header.Get(name))
			}
		}
		if _, err := uuid.Parse(answer.Header.Get("Request-Id")); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestCrossSiteRequests(t *testing.T) {
	s := start(t, http.HandlerFunc(noContent), nil)
	tests := []struct {
		name, method string
		headers      []string
		status       int
	}{
		{"OtherSite", "POST", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"OtherSubdomain", "DELETE", []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"OldBrowser", "POST", []string{"Origin", "https://evil.example"}, 403},
		{"OwnPage", "POST", []string{"Sec-Fetch-Site", "same-origin", "Origin", s.url}, 204},
		{"NoBrowser", "POST", nil, 204},
		{"Reading", "GET", []string{"Sec-Fetch-Site", "cross-site"}, 204},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			answer, body := do(t, test.method, s.url+"/v1/sign-out", "", test.headers...)
			if test.status == 403 {
				wantProblem(t, answer, body, 403, "cross_site")
			} else if answer.StatusCode != test.status {
				t.Errorf("%d %s", answer.StatusCode, body)
			}
		})
	}
}
