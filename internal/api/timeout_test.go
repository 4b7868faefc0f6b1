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

// TestSlowResponse: the read deadline of the server does not limit the time until the response, with a body or
// without. It did once, with five seconds for a request with a body: a sign-in that waited longer in the queue was
// cancelled as if the client had closed the connection.
func TestSlowResponse(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	h := open(t, "sqlite")
	served := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.api.ServeHTTP(w, r.WithContext(api.WithRequest(r.Context(), cardinal.NewID(), h.from)))
	}))
	served.Config.ReadTimeout = time.Second
	served.Start()
	t.Cleanup(served.Close)
	session := h.do(t, "POST", "/v1/sign-in", "",
		map[string]any{"identifier": "admin@example.com", "password": goodPassword}).
		want(t, http.StatusCreated).text("token")

	writing, answered := make(chan struct{}), make(chan struct{}, 2)
	go func() {
		_ = h.Store.Write(t.Context(), func(store.Tx) error { // the only writer, for longer than any read deadline
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
		{"POST", "/v1/users", h.admin, `{"email":"slow@example.com"}`, http.StatusCreated},
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
