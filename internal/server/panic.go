package server

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
)

// panicked answers for a handler that panicked, if no answer was begun. http.ErrAbortHandler is a handler's way to hang up.
func (s *Server) panicked(e *exchange, cause any) {
	if cause == http.ErrAbortHandler {
		e.status, e.routine = -1, true
		return
	}
	s.log.LogAttrs(e.request.Context(), slog.LevelError, "a handler panicked", slog.String("request_id", e.id[0]),
		slog.String("panic", harmless(cause)), slog.String("stack", stack()))
	if e.status != 0 {
		e.status = -1
		return
	}
	clear(e.Header()) // of an answer that will not come
	s.dress(e)
	e.refuse(http.StatusInternalServerError, "internal", "")
}

// harmless is what may be logged of a panic: the text of the runtime's own errors, else only the type. A panic that somebody
// wrote may hold what somebody sent.
func harmless(cause any) string {
	if err, ok := cause.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", cause)
}

// stack is the way to the panic, without the arguments that debug.Stack prints.
func stack() string {
	var counters [64]uintptr
	frames := runtime.CallersFrames(counters[:runtime.Callers(2, counters[:])])
	var text strings.Builder
	for {
		frame, more := frames.Next()
		fmt.Fprintf(&text, "%s %s:%d\n", frame.Function, frame.File, frame.Line)
		if !more {
			return text.String()
		}
	}
}

// complaints is where net/http logs. Much of what it says names the client's address, so only what is known not to is kept.
type complaints struct{ log *slog.Logger }

func (c complaints) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	for _, known := range []string{"http: Accept error: ", "http: superfluous response.WriteHeader call from ", "http: response.WriteHeader on hijacked connection"} {
		if strings.HasPrefix(text, known) {
			c.log.Error(text)
			return len(line), nil
		}
	}
	c.log.Warn("net/http complained of a connection; what it said may hold an address and is left out")
	return len(line), nil
}
