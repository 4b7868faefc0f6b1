package server

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/uuid"

	"cardinal"
)

// BenchmarkServer measures the cost of the server per request. BenchmarkBare is the same request without the server.
func BenchmarkServer(b *testing.B) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/session", noContent)
	type key struct{}
	s := New(Options{API: mux, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Annotate: func(ctx context.Context, _ uuid.UUID, from cardinal.Client) context.Context {
			return context.WithValue(ctx, key{}, from)
		}})
	benchmark(b, s.Handler())
}

// BenchmarkBare measures a ServeMux and a handler that does nothing.
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

// sink is a response writer that discards everything.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header { return s.header }

func (s *sink) Write(b []byte) (int, error) { return len(b), nil }

func (s *sink) WriteHeader(int) {}
