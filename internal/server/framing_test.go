package server

import (
	"io"
	"net/http"
	"testing"
)

// TestNothingFollowsTransferEncoding: where a proxy and this server disagree about the end of a request, the rest must
// not become the request of another client.
func TestNothingFollowsTransferEncoding(t *testing.T) {
	s := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusNoContent)
	}), nil)
	for name, request := range map[string]string{
		"chunked":        "POST /v1/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
		"chunked, empty": "POST /v1/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"both lengths": "POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" +
			"0\r\n\r\n",
		"health": "GET /livez HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.0": "POST /v1/x HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n" +
			"0\r\n\r\n",
	} {
		c := open(t, s.address)
		c.send(t, request+"GET /v1/stolen HTTP/1.1\r\nHost: x\r\n\r\n")
		if answer, _ := c.answer(t); !answer.Close {
			t.Errorf("%s: the connection stays open after %d", name, answer.StatusCode)
		}
		if _, err := http.ReadResponse(c.in, nil); err == nil {
			t.Errorf("%s: what follows was answered", name)
		}
	}
	kept := open(t, s.address)
	for range 2 {
		kept.send(t, "POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")
		if answer, _ := kept.answer(t); answer.Close {
			t.Error("a request with its length ends the connection")
		}
	}
}

func TestRepeatedHeaders(t *testing.T) {
	s := start(t, http.HandlerFunc(noContent), nil)
	for _, name := range singleHeaders {
		for _, path := range []string{"/v1/session", "/readyz"} {
			answer, body := do(t, "GET", s.url+path, "", name, "identity", name, "identity")
			wantProblem(t, answer, body, 400, "header_repeated")
		}
	}
	if answer, _ := do(t, "GET", s.url+"/v1/session", "", "Accept", "a/b", "Accept", "c/d"); answer.StatusCode != 204 {
		t.Errorf("a header that can be repeated: %d", answer.StatusCode)
	}
}

func TestContentEncoding(t *testing.T) {
	s := start(t, http.HandlerFunc(noContent), nil)
	for _, coding := range []string{"gzip", "br", "x", "", "identity, gzip"} {
		answer, body := do(t, "POST", s.url+"/v1/users", "{}", "Content-Encoding", coding)
		wantProblem(t, answer, body, 415, "content_encoding")
		if answer.Header.Get("Accept-Encoding") != "identity" {
			t.Errorf("Accept-Encoding is %q", answer.Header.Get("Accept-Encoding"))
		}
	}
	if answer, _ := do(t, "POST", s.url+"/v1/users", "{}", "Content-Encoding", "Identity"); answer.StatusCode != 204 {
		t.Errorf("identity: %d", answer.StatusCode)
	}
}
