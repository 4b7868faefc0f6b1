package server

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestSlowHeader(t *testing.T) {
	s := start(t, http.HandlerFunc(noContent), func(_ *Options, l *limits) { l.readHeader = 100 * time.Millisecond })
	c := open(t, s.address)
	c.send(t, "GET /v1/session HTTP/1.1\r\nHost:")
	if _, err := io.ReadAll(c.in); err != nil {
		t.Error(err)
	}
}

// The read timeout is for the body. A handler that runs longer is not cancelled.
func TestSlowHandler(t *testing.T) {
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

func TestBodyLimit(t *testing.T) {
	s := start(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if text, err := io.ReadAll(r.Body); err != nil || int64(len(text)) != r.ContentLength {
			t.Errorf("%d bytes of %d, %v", len(text), r.ContentLength, err)
		}
	}), nil)
	size := int(standard.body)
	for _, chunked := range []bool{false, true} {
		for extra, status := range []int{200, 413} {
			r, err := http.NewRequest("POST", s.url+"/v1/users", io.LimitReader(endless{}, int64(size+extra)))
			if err != nil {
				t.Fatal(err)
			}
			if !chunked {
				r.ContentLength = int64(size + extra)
			}
			answer, err := http.DefaultClient.Do(r)
			if err != nil || answer.StatusCode != status {
				t.Errorf("%d bytes, chunked %t: %v %v, want %d", size+extra, chunked, answer, err, status)
			}
		}
	}
	c := open(t, s.address)
	c.send(t, fmt.Sprintf("POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", size+1))
	answer, body := c.answer(t)
	wantProblem(t, answer, body, 413, "body_too_large")
}

type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

func TestHeaderLimit(t *testing.T) {
	s := start(t, http.HandlerFunc(noContent), nil)
	if answer, _ := do(t, "GET", s.url+"/v1/session", "", "X-Long",
		strings.Repeat("x", 15<<10)); answer.StatusCode != 204 {
		t.Errorf("a header below the limit: %d", answer.StatusCode)
	}
	// net/http closes the connection before it has read the header, so only the head of the response is certain to
	// arrive.
	c := open(t, s.address)
	c.send(t, "GET /v1/session HTTP/1.1\r\nHost: x\r\nX-Long: "+strings.Repeat("x", 21<<10)+"\r\n\r\n")
	if answer, err := http.ReadResponse(c.in, nil); err != nil || answer.StatusCode != 431 {
		t.Errorf("a header over the limit: %v %v", answer, err)
	}
}

func TestInFlightLimit(t *testing.T) {
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
		t.Errorf("below the limit again: %d", answer.StatusCode)
	}
}

// The API limits uploads; the server limits every other body.
func TestUploadNotLimited(t *testing.T) {
	received := make(chan int64, 1)
	s := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			n = -1
		}
		received <- n
		w.WriteHeader(http.StatusNoContent)
	}), func(o *Options, l *limits) {
		l.body, l.uploads, l.uploadsPerSource = 10, 2, 1
		o.Uploads = func(r *http.Request) bool { return r.URL.Path == "/v1/imports" }
	})
	if answer, _ := do(t, "POST", s.url+"/v1/imports",
		strings.Repeat("x", 1000)); answer.StatusCode != http.StatusNoContent ||
		await(t, "the upload", received) != 1000 {
		t.Errorf("an upload got %d", answer.StatusCode)
	}
	answer, body := do(t, "POST", s.url+"/v1/users", strings.Repeat("x", 1000))
	wantProblem(t, answer, body, 413, "body_too_large")
}
