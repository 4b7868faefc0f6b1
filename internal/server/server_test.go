package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

const patience = 10 * time.Second

// running is a server on a free port of this machine.
type running struct {
	url, address string
	stop         func()
	ended        <-chan error
	log          *buffer
}

// start serves api with the options and limits that change makes of the standard ones.
func start(t *testing.T, api http.Handler, change func(*Options, *limits)) running {
	t.Helper()
	log := &buffer{}
	o := Options{API: api, Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	l := standard
	l.lull = time.Millisecond
	if change != nil {
		change(&o, &l)
	}
	s := New(o)
	s.limits = l
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

// buffer is a log that is read while it is written.
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

// do sends a request, on a connection of its own, and returns the answer with its body read.
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
	answer, err := (&http.Client{Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
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

// wantProblem checks the whole form of a problem.
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
	want := map[string]any{"type": "/problems/" + code, "title": known.Title, "status": float64(status), "code": code, "request_id": answer.Header.Get("Request-Id")}
	for name, value := range want {
		if p[name] != value {
			t.Errorf("%s is %v, want %v", name, p[name], value)
		}
	}
	if detail, _ := p["detail"].(string); detail == "" || len(p) != len(want)+1 {
		t.Errorf("the problem is %v", p)
	}
}

func await[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("%s did not happen", what)
		panic("unreachable")
	}
}

func noContent(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

func TestStoppingCutsNothingInFlight(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	s := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-release
		if err := r.Context().Err(); err != nil {
			t.Errorf("the request in flight was cancelled: %v", err)
		}
		_, _ = io.WriteString(w, "done")
	}), func(_ *Options, l *limits) { l.lull = 300 * time.Millisecond })

	// A connection that is in use before the end.
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
		got <- fmt.Sprint(string(text), err)
	}()
	await(t, "the request", entered)
	s.stop()
	for deadline := time.Now().Add(patience); ; {
		conn, err := net.Dial("tcp", s.address)
		if err != nil {
			break
		}
		conn.Close()
		if time.Now().After(deadline) {
			t.Fatal("new connections are taken after the end")
		}
	}
	kept.send(t, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
	if answer, body := kept.answer(t); answer.StatusCode != 503 || !strings.Contains(body, `"status":"stopping"`) || !answer.Close {
		t.Errorf("readyz at the end: %d %q close=%t", answer.StatusCode, body, answer.Close)
	}
	select {
	case err := <-s.ended:
		t.Fatalf("ended with a request in flight: %v", err)
	case <-time.After(500 * time.Millisecond):
	}
	close(release)
	if text := await(t, "the answer", got); text != "done<nil>" {
		t.Errorf("the request in flight got %q", text)
	}
	if err := await(t, "the end", s.ended); err != nil {
		t.Error(err)
	}
}

func TestStoppingTellsWhatItCut(t *testing.T) {
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

// connection is a client that says what it likes.
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
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
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

func TestSlowBodyIsCut(t *testing.T) {
	read := make(chan error, 1)
	s := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		read <- err
		w.WriteHeader(http.StatusRequestTimeout)
	}), func(_ *Options, l *limits) { l.read = 200 * time.Millisecond })
	c := open(t, s.address)
	c.send(t, "POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nslow")
	if err := await(t, "the cut", read); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("reading the body ended with %v", err)
	}
	answer, _ := c.answer(t)
	if _, err := c.in.ReadByte(); answer.StatusCode != http.StatusRequestTimeout || err != io.EOF {
		t.Errorf("%d, then %v; want 408 and the end of the connection", answer.StatusCode, err)
	}
}

func TestSlowHeaderIsCut(t *testing.T) {
	s := start(t, http.HandlerFunc(noContent), func(_ *Options, l *limits) { l.readHeader = 100 * time.Millisecond })
	c := open(t, s.address)
	c.send(t, "GET /v1/session HTTP/1.1\r\nHost:")
	if _, err := io.ReadAll(c.in); err != nil {
		t.Error(err)
	}
}

// Without the lifted deadline net/http cancels the context of whoever works longer than the read timeout.
func TestLongWorkIsNotCutByTheReadDeadline(t *testing.T) {
	for _, body := range []string{"", "a body"} {
		s := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.ReadAll(r.Body); err != nil {
				t.Error(err)
			}
			select {
			case <-r.Context().Done():
				w.WriteHeader(http.StatusTeapot)
			case <-time.After(300 * time.Millisecond):
				w.WriteHeader(http.StatusNoContent)
			}
		}), func(_ *Options, l *limits) { l.read = 100 * time.Millisecond })
		if answer, _ := do(t, "POST", s.url+"/v1/users", body); answer.StatusCode != http.StatusNoContent {
			t.Errorf("with body %q the request was cancelled", body)
		}
	}
}

func TestBodyIsLimited(t *testing.T) {
	s := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		if tooMuch := (*http.MaxBytesError)(nil); errors.As(err, &tooMuch) {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}
	}), nil)
	size := int(standard.body)
	if answer, _ := do(t, "POST", s.url+"/v1/users", strings.Repeat("x", size)); answer.StatusCode != 200 {
		t.Errorf("a body of the limit: %d", answer.StatusCode)
	}
	c := open(t, s.address)
	c.send(t, fmt.Sprintf("POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", size+1))
	answer, body := c.answer(t)
	wantProblem(t, answer, body, 413, "body_too_large")
	// Without a length beforehand it is found out on the way, and the handler answers.
	r, err := http.NewRequest("POST", s.url+"/v1/users", io.LimitReader(endless{}, int64(size)+1))
	if err != nil {
		t.Fatal(err)
	}
	if answer, err = http.DefaultClient.Do(r); err != nil || answer.StatusCode != 413 {
		t.Errorf("a chunked body over the limit: %v %v", answer, err)
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

func TestHeaderIsLimited(t *testing.T) {
	s := start(t, http.HandlerFunc(noContent), nil)
	if answer, _ := do(t, "GET", s.url+"/v1/session", "", "X-Long", strings.Repeat("x", 15<<10)); answer.StatusCode != 204 {
		t.Errorf("a header below the limit: %d", answer.StatusCode)
	}
	// net/http hangs up on what it does not read, so only the head of the answer is sure to arrive.
	c := open(t, s.address)
	c.send(t, "GET /v1/session HTTP/1.1\r\nHost: x\r\nX-Long: "+strings.Repeat("x", 21<<10)+"\r\n\r\n")
	if answer, err := http.ReadResponse(c.in, nil); err != nil || answer.StatusCode != 431 {
		t.Errorf("a header over the limit: %v %v", answer, err)
	}
}

func TestRequestsInFlightAreLimited(t *testing.T) {
	release := make(chan struct{})
	entered := make(chan struct{}, 2)
	s := start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		entered <- struct{}{}
		<-release
		w.WriteHeader(204)
	}), func(_ *Options, l *limits) { l.inFlight = 2 })
	held := []connection{open(t, s.address), open(t, s.address)}
	for _, c := range held {
		c.send(t, "GET /v1/session HTTP/1.1\r\nHost: x\r\n\r\n")
		await(t, "the request", entered)
	}
	answer, body := do(t, "GET", s.url+"/v1/session", "")
	wantProblem(t, answer, body, 503, "busy")
	if answer.Header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After is %q", answer.Header.Get("Retry-After"))
	}
	if answer, _ := do(t, "GET", s.url+"/livez", ""); answer.StatusCode != 200 {
		t.Errorf("livez under load: %d", answer.StatusCode)
	}
	close(release)
	for _, c := range held {
		c.answer(t)
	}
	if answer, _ := do(t, "GET", s.url+"/v1/session", ""); answer.StatusCode != 204 {
		t.Errorf("with room again: %d", answer.StatusCode)
	}
}

const canary = "canary-7d1f"

func TestPanicBecomesAProblem(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/text/{who}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", canary)
		w.Header().Set("Content-Length", "3")
		panic("could not read " + r.PathValue("who"))
	})
	mux.HandleFunc("GET /v1/runtime/{who}", func(_ http.ResponseWriter, r *http.Request) {
		_ = []byte(r.PathValue("who"))[len(r.URL.Path):]
	})
	mux.HandleFunc("GET /v1/begun", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half an ans")
		w.(interface{ Unwrap() http.ResponseWriter }).Unwrap().(http.Flusher).Flush()
		panic(canary)
	})
	s := start(t, mux, nil)
	for _, path := range []string{"/v1/text/" + canary, "/v1/runtime/" + canary} {
		answer, body := do(t, "GET", s.url+path+"?q="+canary, "", "User-Agent", canary, "Authorization", canary)
		wantProblem(t, answer, body, 500, "internal")
		if strings.Contains(fmt.Sprint(answer.Header, body), canary) {
			t.Errorf("the answer to a panic gives something away: %v %s", answer.Header, body)
		}
		if answer.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(s.log.String(), answer.Header.Get("Request-Id")) {
			t.Errorf("headers %v", answer.Header)
		}
	}
	log := s.log.String()
	for _, part := range []string{"a handler panicked", "server_test.go", "slice bounds out of range", "panic=string"} {
		if !strings.Contains(log, part) {
			t.Errorf("the log lacks %q:\n%s", part, log)
		}
	}
	c := open(t, s.address)
	c.send(t, "GET /v1/begun HTTP/1.1\r\nHost: x\r\n\r\n")
	answer, err := http.ReadResponse(c.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(answer.Body); err == nil {
		t.Errorf("an answer that was cut by a panic looks whole: %q", text)
	}
	if strings.Contains(s.log.String(), canary) {
		t.Errorf("the log of a panic gives something away:\n%s", s.log.String())
	}
}

func TestLogHoldsNothingPersonal(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/users/{id}", noContent)
	mux.HandleFunc("GET /v1/broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	s := start(t, mux, func(o *Options, _ *limits) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	answer, _ := do(t, "GET", s.url+"/v1/users/"+canary+"?email="+canary, canary, "User-Agent", canary, "X-Forwarded-For", "192.0.2.77", "Cookie", canary,
		"Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	do(t, "GET", s.url+"/"+canary, "")
	do(t, canary, s.url+"/v1/users/1", "")
	do(t, "GET", s.url+"/v1/broken", "")
	c := open(t, s.address)
	c.send(t, "CONNECT /"+canary+"/../x HTTP/1.1\r\nHost: x\r\n\r\n")
	c.answer(t)
	s.stop()
	await(t, "the end", s.ended)
	log := s.log.String()
	for _, secret := range []string{canary, "192.0.2.77", "127.0.0.1"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q:\n%s", secret, log)
		}
	}
	for _, part := range []string{
		`level=DEBUG msg=request method=GET route="GET /v1/users/{id}" status=204`, "request_id=" + answer.Header.Get("Request-Id"),
		"trace_id=0af7651916cd43dd8448eb211c80319c", "method=other", "route=other status=404", `level=ERROR msg=request method=GET route="GET /v1/broken" status=500`,
	} {
		if !strings.Contains(log, part) {
			t.Errorf("the log lacks %q:\n%s", part, log)
		}
	}
}

func TestAnswersHaveTheHeaders(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/session", noContent)
	mux.HandleFunc("GET /openapi.json", noContent)
	s := start(t, mux, nil)
	for _, path := range []string{"/v1/session", "/v1/nowhere", "/openapi.json", "/", "/livez", "/metrics"} {
		answer, _ := do(t, "GET", s.url+path, "")
		want := map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Cache-Control": "no-store"}
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

func TestCrossSiteRequestsAreRefused(t *testing.T) {
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
				wantProblem(t, answer, body, 403, "forbidden")
			} else if answer.StatusCode != test.status {
				t.Errorf("%d %s", answer.StatusCode, body)
			}
		})
	}
}

func TestRequestID(t *testing.T) {
	seen := make(chan uuid.UUID, 1)
	s := start(t, http.HandlerFunc(noContent), func(o *Options, _ *limits) {
		o.Annotate = func(ctx context.Context, id uuid.UUID, _ cardinal.Client) context.Context {
			seen <- id
			return ctx
		}
	})
	const v4, v7 = "8c6c1a3e-4a29-4f0e-9d55-0f4a1d5b7e21", "0198c0de-0000-7000-8000-00000000000a"
	tests := []struct {
		name  string
		given []string
		taken bool
	}{
		{"None", nil, false},
		{"V7", []string{v7}, true},
		{"V4", []string{v4}, true},
		{"UpperCase", []string{strings.ToUpper(v4)}, false},
		{"Braces", []string{"{" + v4 + "}"}, false},
		{"NoDashes", []string{strings.ReplaceAll(v4, "-", "")}, false},
		{"Nil", []string{uuid.Nil.String()}, false},
		{"Two", []string{v4, v7}, false},
		{"NotOne", []string{"zc6c1a3e-4a29-4f0e-9d55-0f4a1d5b7e21"}, false},
		{"Script", []string{"<script>alert(1)</script>0000000000-"}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var headers []string
			for _, id := range test.given {
				headers = append(headers, "Request-Id", id)
			}
			answer, _ := do(t, "GET", s.url+"/v1/session", "", headers...)
			got, err := uuid.Parse(answer.Header.Get("Request-Id"))
			if err != nil {
				t.Fatal(err)
			}
			if id := <-seen; id != got {
				t.Errorf("the API was told %s, the caller %s", id, got)
			}
			if test.taken != (len(test.given) > 0 && got.String() == test.given[0]) {
				t.Errorf("the answer has %s", got)
			}
			if !test.taken && (got.Version() != 7 || time.Since(cardinal.TimeOf(got)).Abs() > time.Minute) {
				t.Errorf("the new id is %s, no UUIDv7 of now", got)
			}
		})
	}
}

func TestClientAddress(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:aaaa::/48"), netip.MustParsePrefix("127.0.0.1/32")}
	tests := []struct {
		name, remote string
		forwarded    []string
		want         string
	}{
		{"Direct", "192.0.2.1:1234", nil, "192.0.2.1"},
		{"DirectIPv6", "[2001:db8::1]:1234", nil, "2001:db8::1"},
		{"MappedIPv4", "[::ffff:192.0.2.1]:1234", nil, "192.0.2.1"},
		{"Zone", "[fe80::1%eth0]:1234", nil, "fe80::1"},
		{"StrangerClaims", "192.0.2.1:1234", []string{"198.51.100.7"}, "192.0.2.1"},
		{"OneProxy", "10.0.0.1:1234", []string{"198.51.100.7"}, "198.51.100.7"},
		{"ProxySaysNothing", "10.0.0.1:1234", nil, "10.0.0.1"},
		{"ClientClaimsMore", "10.0.0.1:1234", []string{"203.0.113.9, 198.51.100.7"}, "198.51.100.7"},
		{"TwoProxies", "10.0.0.1:1234", []string{"203.0.113.9, 198.51.100.7, 10.0.0.2"}, "198.51.100.7"},
		{"TwoHeaders", "10.0.0.1:1234", []string{"203.0.113.9, 198.51.100.7", "10.0.0.3,10.0.0.2"}, "198.51.100.7"},
		{"AllTrusted", "10.0.0.1:1234", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"MappedProxy", "[::ffff:10.0.0.1]:1234", []string{"198.51.100.7"}, "198.51.100.7"},
		{"IPv6", "[2001:db8:aaaa::1]:1234", []string{"2001:db8:bbbb::7"}, "2001:db8:bbbb::7"},
		{"WithPort", "10.0.0.1:1234", []string{"[2001:db8:bbbb::7]:99, 10.0.0.2:80"}, "2001:db8:bbbb::7"},
		{"Unreadable", "10.0.0.1:1234", []string{"198.51.100.7, unknown"}, "10.0.0.1"},
		{"UnreadableFurther", "10.0.0.1:1234", []string{"<b>, 10.0.0.2"}, "10.0.0.2"},
		{"Empty", "10.0.0.1:1234", []string{""}, "10.0.0.1"},
		{"Socket", "@", []string{"198.51.100.7"}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := clientAddress(test.remote, test.forwarded, trusted); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestUserAgentCanBeStored(t *testing.T) {
	tests := []struct{ name, given, want string }{
		{"Plain", "curl/8.5.0", "curl/8.5.0"},
		{"Cut", strings.Repeat("x", 500), strings.Repeat("x", 400)},
		{"CutBetweenRunes", strings.Repeat("x", 398) + "日本", strings.Repeat("x", 398)},
		{"CutAfterRune", strings.Repeat("x", 397) + "日本", strings.Repeat("x", 397) + "日"},
		{"Invalid", "a\xff\xfeb", "a?b"},
		{"OnlyInvalid", strings.Repeat("\xbf", 500), "?"},
		{"NUL", "a\x00b", "ab"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := userAgent(http.Header{"User-Agent": {test.given}}); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestTraceID(t *testing.T) {
	const trace = "0af7651916cd43dd8448eb211c80319c"
	tests := []struct{ given, want string }{
		{"00-" + trace + "-b7ad6b7169203331-01", trace},
		{"01-" + trace + "-b7ad6b7169203331-01-later", trace},
		{"00-" + trace + "-b7ad6b7169203331-01-more", ""},
		{"ff-" + trace + "-b7ad6b7169203331-01", ""},
		{"00-" + strings.ToUpper(trace) + "-b7ad6b7169203331-01", ""},
		{"00-" + strings.Repeat("0", 32) + "-b7ad6b7169203331-01", ""},
		{"00-" + trace + "-0000000000000000-01", ""},
		{"00-" + trace[1:] + "-b7ad6b7169203331-01", ""},
		{"00-" + trace, ""}, {canary, ""}, {"", ""},
	}
	for _, test := range tests {
		if got := traceID([]string{test.given}); got != test.want {
			t.Errorf("%q: %q, want %q", test.given, got, test.want)
		}
	}
	if traceID(nil) != "" {
		t.Error("a trace out of nothing")
	}
}

func TestOwnRoutes(t *testing.T) {
	reasons := []string{"the database does not answer"}
	s := New(Options{API: http.NotFoundHandler(), Version: "v1.2.3", Ready: func(ctx context.Context) []string {
		if _, ok := ctx.Deadline(); !ok {
			t.Error("Ready may take for ever")
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
	if w := get("GET", "/readyz"); w.Code != 503 || w.Body.String() != `{"status":"not ready","reasons":["the database does not answer"]}`+"\n" {
		t.Errorf("readyz: %d %s", w.Code, w.Body)
	}
	reasons = nil
	if w := get("GET", "/readyz"); w.Code != 200 || w.Body.String() != `{"status":"ready"}`+"\n" {
		t.Errorf("readyz: %d %s", w.Code, w.Body)
	}
	if w := get("GET", "/version"); w.Code != 200 || !strings.HasPrefix(w.Body.String(), `{"version":"v1.2.3","go":"go1.`) {
		t.Errorf("version: %d %s", w.Code, w.Body)
	}
	if w := get("GET", "/"); w.Code != 200 || !strings.Contains(w.Body.String(), "/openapi.json") || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("/: %d %s", w.Code, w.Body)
	}
	w := get("POST", "/livez")
	wantProblem(t, w.Result(), w.Body.String(), 405, "method_not_allowed")
	if w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("Allow is %q", w.Header().Get("Allow"))
	}
}

func TestMetricsAreForThisMachine(t *testing.T) {
	tests := []struct {
		name, remote string
		headers      []string
		public, seen bool
	}{
		{"ThisMachine", "127.0.0.1:1", nil, false, true},
		{"ThisMachineIPv6", "[::1]:1", nil, false, true},
		{"Elsewhere", "192.0.2.1:1", nil, false, false},
		{"ThroughAProxy", "127.0.0.1:1", []string{"X-Forwarded-For", "127.0.0.1"}, false, false},
		{"ThroughAnotherProxy", "127.0.0.1:1", []string{"Forwarded", "for=192.0.2.1"}, false, false},
		{"ElsewhereAndPublic", "192.0.2.1:1", nil, true, true},
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
			} else if w.Code != 200 || !strings.Contains(w.Body.String(), "go_goroutines") || !strings.Contains(w.Body.String(), "process_cpu_seconds_total") {
				t.Errorf("%d %.200s", w.Code, w.Body)
			}
		})
	}
}

func TestMetricsLabelsAreBounded(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/users/{id}", noContent)
	made := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if pattern := r.Header.Get("X-Pattern"); pattern != "" {
			r.Pattern = pattern
			return
		}
		mux.ServeHTTP(w, r)
	})
	s := New(Options{API: made})
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
		t.Error("the metrics hold what a caller sent")
	}
	for _, line := range []string{
		`cardinal_http_requests_total{route="GET /v1/users/{id}",status="2xx"} 50`,
		`cardinal_http_requests_total{route="other",status="4xx"} 100`,
		`cardinal_http_request_duration_seconds_count{route="other",status="4xx"} 100`,
		"cardinal_http_requests_in_flight 0",
	} {
		if !strings.Contains(page, line+"\n") {
			t.Errorf("the metrics lack %q", line)
		}
	}
	if n := strings.Count(page, "\ncardinal_http_requests_total{"); n != 2 {
		t.Errorf("%d series for two routes", n)
	}
	for i := range 2 * maxRoutes {
		ask("GET", "/", "") // the server's own
		ask("GET", "/v1/x", fmt.Sprintf("GET /v1/x%d", i))
	}
	if n := strings.Count(ask("GET", "/metrics", ""), "\ncardinal_http_requests_total{"); n > maxRoutes+5 {
		t.Errorf("%d series", n)
	}
}

func TestComplaintsHoldNoAddress(t *testing.T) {
	var log buffer
	c := complaints{slog.New(slog.NewTextHandler(&log, nil))}
	_, _ = c.Write([]byte("http: TLS handshake error from 192.0.2.77:1234: EOF\n"))
	_, _ = c.Write([]byte("http: Accept error: accept tcp 127.0.0.1:8080: too many open files; retrying in 5ms\n"))
	if text := log.String(); strings.Contains(text, "192.0.2.77") || !strings.Contains(text, "too many open files") {
		t.Error(text)
	}
}

// BenchmarkServer is what every request pays; BenchmarkBare is the same request without it.
func BenchmarkServer(b *testing.B) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/session", noContent)
	type key struct{}
	s := New(Options{API: mux, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Annotate: func(ctx context.Context, _ uuid.UUID, from cardinal.Client) context.Context {
		return context.WithValue(ctx, key{}, from)
	}})
	benchmark(b, s.Handler())
}

// BenchmarkBare is a ServeMux and a handler that does nothing.
func BenchmarkBare(b *testing.B) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/session", noContent)
	benchmark(b, mux)
}

func benchmark(b *testing.B, h http.Handler) {
	r := httptest.NewRequest("GET", "/v1/session", nil)
	r.Header.Set("User-Agent", "curl/8.5.0")
	w := &sink{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		h.ServeHTTP(w, r)
	}
}

// sink is an answer that nobody reads.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header             { return s.header }
func (s *sink) Write(b []byte) (int, error)     { return len(b), nil }
func (s *sink) WriteHeader(int)                 {}
func (s *sink) SetReadDeadline(time.Time) error { return nil }
