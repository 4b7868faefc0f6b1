package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cardinal"
	"cardinal/internal/api"
	"cardinal/internal/store"
)

// TestSlowAnswers: the time that a client has to send a request is no time that its answer has to be ready in, with a
// body or without. Once it was, five seconds for what has a body: a sign-in that waited so long for its turn was
// ended as if the client had hung up.
func TestSlowAnswers(t *testing.T) {
	h := open(t, "sqlite")
	served := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.api.ServeHTTP(w, r.WithContext(api.WithRequest(r.Context(), cardinal.NewID(), h.from)))
	}))
	served.Config.ReadTimeout = time.Second
	served.Start()
	t.Cleanup(served.Close)
	session := h.do(t, "POST", "/v1/sign-in", "", map[string]any{"identifier": "admin@example.com", "password": goodPassword}).want(t, http.StatusCreated).text("token")

	writing, answered := make(chan struct{}), make(chan struct{}, 2)
	go func() {
		_ = h.Store.Write(t.Context(), func(store.Tx) error { // the only one who may write, for longer than any deadline of reading
			close(writing)
			time.Sleep(6 * time.Second)
			return nil
		})
	}()
	<-writing
	for _, c := range []struct {
		method, path, token, body string
		want                      int
	}{
		{"POST", "/v1/users", h.admin, `{"email":"patient@example.com"}`, http.StatusCreated},
		{"POST", "/v1/sign-out", session, "", http.StatusNoContent},
	} {
		go func() {
			defer func() { answered <- struct{}{} }()
			r, err := http.NewRequestWithContext(t.Context(), c.method, served.URL+c.path, strings.NewReader(c.body))
			if err != nil {
				t.Error(err)
				return
			}
			r.Header.Set("Authorization", "Bearer "+c.token)
			r.Header.Set("Content-Type", "application/json")
			got, err := served.Client().Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			got.Body.Close()
			if got.StatusCode != c.want {
				t.Errorf("%s %s: %s, want %d", c.method, c.path, got.Status, c.want)
			}
		}()
	}
	<-answered
	<-answered
}
