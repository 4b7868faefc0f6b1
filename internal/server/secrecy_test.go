package server

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

const canary = "canary-7d1f"

func TestPanic(t *testing.T) {
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
			t.Errorf("the response to a panic contains input: %v %s", answer.Header, body)
		}
		if answer.Header.Get("X-Content-Type-Options") != "nosniff" ||
			!strings.Contains(s.log.String(), answer.Header.Get("Request-Id")) {
			t.Errorf("headers %v", answer.Header)
		}
	}
	log := s.log.String()
	for _, part := range []string{"a handler panicked", "secrecy_test.go", "slice bounds out of range",
		"panic=string"} {
		if !strings.Contains(log, part) {
			t.Errorf("the log does not have %q:\n%s", part, log)
		}
	}
	c := open(t, s.address)
	c.send(t, "GET /v1/begun HTTP/1.1\r\nHost: x\r\n\r\n")
	answer, err := http.ReadResponse(c.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(answer.Body); err == nil {
		t.Errorf("a response that a panic ended looks complete: %q", text)
	}
	if strings.Contains(s.log.String(), canary) {
		t.Errorf("the log of a panic contains input:\n%s", s.log.String())
	}
}

func TestLogOmitsPersonalData(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/users/{id}", noContent)
	mux.HandleFunc("/v1/tree/{branch}/", noContent)
	mux.HandleFunc("GET /v1/broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	s := start(t, mux, func(o *Options,
		_ *limits) {
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	answer, _ := do(t, "GET", s.url+"/v1/users/"+canary+"?email="+canary, canary, "User-Agent", canary,
		"X-Forwarded-For", "192.0.2.77", "Cookie", canary,
		"Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	do(t, "GET", s.url+"/"+canary, "")
	do(t, canary, s.url+"/v1/users/1", "")
	do(t, "GET", s.url+"/v1/broken", "")
	c := open(t, s.address)
	c.send(t, "CONNECT /v1/tree/"+canary+" HTTP/1.1\r\nHost: x\r\n\r\n")
	c.answer(t)
	s.stop()
	await(t, "the end", s.ended)
	log := s.log.String()
	for _, secret := range []string{canary, "192.0.2.77", "127.0.0.1"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log contains %q:\n%s", secret, log)
		}
	}
	for _, part := range []string{
		`level=DEBUG msg=request method=GET route="GET /v1/users/{id}" status=204`,
		"request_id=" + answer.Header.Get("Request-Id"),
		"trace_id=0af7651916cd43dd8448eb211c80319c", "method=other", "route=other status=404",
		`level=ERROR msg=request method=GET route="GET /v1/broken" status=500`,
	} {
		if !strings.Contains(log, part) {
			t.Errorf("the log does not have %q:\n%s", part, log)
		}
	}
}

func TestServerErrorsOmitAddress(t *testing.T) {
	var log buffer
	c := errorLogWriter{slog.New(slog.NewTextHandler(&log, nil))}
	_, _ = c.Write([]byte("http: TLS handshake error from 192.0.2.77:1234: EOF\n"))
	_, _ = c.Write([]byte("http: Accept error: accept tcp 127.0.0.1:8080: too many open files; retrying in 5ms\n"))
	if text := log.String(); strings.Contains(text, "192.0.2.77") || !strings.Contains(text, "too many open files") {
		t.Error(text)
	}
}
