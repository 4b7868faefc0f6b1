package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestProfilesOnlyUnderLoopbackNames: a page in a browser on this machine cannot read profiles under a name of its own.
func TestProfilesOnlyUnderLoopbackNames(t *testing.T) {
	profiles := onlyLoopbackHost(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {}))
	for host, want := range map[string]int{
		"localhost:6060": http.StatusOK, "127.0.0.1:6060": http.StatusOK, "[::1]:6060": http.StatusOK,
		"evil.example.com:6060": http.StatusForbidden, "192.0.2.1:6060": http.StatusForbidden,
		"localhost.example.com:6060": http.StatusForbidden, "": http.StatusForbidden,
	} {
		r := httptest.NewRequest(http.MethodGet, "/debug/pprof/heap", nil)
		r.Host = host
		w := httptest.NewRecorder()
		profiles.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("Host %q: status %d, want %d", host, w.Code, want)
		}
	}
}
