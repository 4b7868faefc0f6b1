package server

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
)

// handlePanic answers for a handler that panicked, unless its answer has begun. A handler panics with
// http.ErrAbortHandler to close the connection.
func (s *Server) handlePanic(w *responseRecorder, cause any) {
	if cause == http.ErrAbortHandler {
		w.status, w.expected5xx = -1, true
		return
	}
	s.log.LogAttrs(w.request.Context(), slog.LevelError, "a handler panicked", slog.String("request_id", w.id[0]),
		slog.String("panic", panicText(cause)), slog.String("stack", stack()))
	if w.status != 0 {
		w.status = -1
		return
	}
	clear(w.Header()) // of the answer that the handler did not send
	s.setSecurityHeaders(w)
	w.writeProblem("internal")
}

// panicText returns what can be logged about a panic: the text of an error of the runtime, otherwise only the type.
// The value of any other panic can contain input.
func panicText(cause any) string {
	if err, ok := cause.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", cause)
}

// stack returns the call stack of the panic, without the arguments that debug.Stack prints.
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

// errorLogWriter receives the log of net/http. Many of its messages contain the address of a client, so only messages
// that are known to contain none are kept.
type errorLogWriter struct{ log *slog.Logger }

// withoutAddress are the starts of the messages that contain no address.
var withoutAddress = []string{
	"http: Accept error: ",
	"http: superfluous response.WriteHeader call from ",
	"http: response.WriteHeader on hijacked connection",
}

func (e errorLogWriter) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	for _, start := range withoutAddress {
		if strings.HasPrefix(text, start) {
			e.log.Error(text)
			return len(line), nil
		}
	}
	e.log.Warn("net/http reported a connection error; its message is omitted because it can contain an address")
	return len(line), nil
}
