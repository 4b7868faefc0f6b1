package server

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"cardinal"
)

// bodies are the buffered bodies of requests. A request takes a slot of the API only when its body is complete. Until
// then it costs its buffer, and all buffers together have a limit. A source can have some incomplete bodies at once:
// one more ends the oldest of them, because a client that sends its body at once is done long before.
type bodies struct {
	bytes     int64 // limit of all buffers
	perSource int   // limit of incomplete bodies

	mu         sync.Mutex
	buffered   int64
	incomplete []*body // the oldest first
}

// body is the body of one request.
type body struct {
	of     *bodies
	source string // "" for a trusted proxy, which has no limit
	size   int64  // of the buffer
	abort  func()
	ended  bool // given up
}

// begin adds an incomplete body. abort ends its reading.
func (t *bodies) begin(source string, abort func()) *body {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := &body{of: t, source: source, abort: abort}
	ofSource := func(b *body) bool { return b.source == source }
	n := 0
	for _, other := range t.incomplete {
		if ofSource(other) {
			n++
		}
	}
	if source != "" && n >= t.perSource {
		t.giveUp(t.incomplete[slices.IndexFunc(t.incomplete, ofSource)])
	}
	t.incomplete = append(t.incomplete, b)
	return b
}

// giveUp ends an incomplete body in favour of another.
func (t *bodies) giveUp(b *body) {
	t.remove(b)
	t.buffered -= b.size
	b.size, b.ended = 0, true
	b.abort()
}

func (t *bodies) remove(b *body) {
	t.incomplete = slices.DeleteFunc(t.incomplete, func(other *body) bool { return other == b })
}

// grow adds bytes to the buffer of an incomplete body, and reports whether there is room. Room is made at the expense
// of the source with the most bytes in incomplete bodies.
func (b *body) grow(n int64) bool {
	t := b.of
	t.mu.Lock()
	defer t.mu.Unlock()
	if b.ended {
		return false
	}
	for t.buffered+n > t.bytes {
		largest := t.larger(b.source, n)
		if largest == nil {
			return false
		}
		t.giveUp(largest)
	}
	t.buffered += n
	b.size += n
	return true
}

// larger returns the oldest incomplete body with a buffer, of the source that has the most bytes in such bodies; nil
// when that is not more than a source will have with n bytes more.
func (t *bodies) larger(source string, n int64) *body {
	sizes := map[string]int64{}
	for _, b := range t.incomplete {
		sizes[b.source] += b.size
	}
	var largest *body
	for _, b := range t.incomplete {
		if b.size > 0 && (largest == nil || sizes[b.source] > sizes[largest.source]) {
			largest = b
		}
	}
	if largest != nil && sizes[largest.source] > sizes[source]+n {
		return largest
	}
	return nil
}

// end marks a body as complete, and reports whether it was not given up before.
func (b *body) end() bool {
	b.of.mu.Lock()
	defer b.of.mu.Unlock()
	b.of.remove(b)
	return !b.ended
}

// isEnded reports whether the body was given up.
func (b *body) isEnded() bool {
	b.of.mu.Lock()
	defer b.of.mu.Unlock()
	return b.ended
}

// free gives the buffer back, at the end of the request.
func (b *body) free() {
	b.of.mu.Lock()
	defer b.of.mu.Unlock()
	b.of.remove(b)
	b.of.buffered -= b.size
	b.size = 0
}

// readBody reads the body of a request for the API into a buffer. It answers and returns false when it cannot.
func (s *Server) readBody(w *responseRecorder, client cardinal.Client) bool {
	r := w.request
	if r.Body == nil || r.Body == http.NoBody {
		return true
	}
	if r.ContentLength > s.limits.body {
		return w.refuseBody("body_too_large", bodyLimit)
	}
	control := http.NewResponseController(w.ResponseWriter)
	abort := func() { _ = control.SetReadDeadline(time.Unix(1, 0)) } // in the past
	b := s.bodies.begin(sourceOf(client.Address, s.options.TrustedProxies), abort)
	w.body = b
	var buffer []byte
	for {
		if len(buffer) == cap(buffer) {
			size := max(2*cap(buffer), 512)
			if r.ContentLength >= 0 { // one byte more, to see the end
				size = min(size, int(r.ContentLength)+1)
			}
			size = min(max(size, len(buffer)+1), int(s.limits.body)+1)
			if !b.grow(int64(size - cap(buffer))) {
				return w.refuseBody("busy")
			}
			buffer = append(make([]byte, 0, size), buffer...)
		}
		n, err := r.Body.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
		switch {
		case int64(len(buffer)) > s.limits.body:
			return w.refuseBody("body_too_large", bodyLimit)
		case err == io.EOF && b.end():
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(buffer)), int64(len(buffer))
			return true
		case err != nil:
			if b.isEnded() {
				return w.refuseBody("busy")
			}
			return w.refuseBody("body_incomplete", fmt.Sprintf("%.0f seconds", s.limits.read.Seconds()))
		}
	}
}

// bodyLimit is limits.body in texts.
const bodyLimit = "256 KiB"

// refuseBody answers a request whose body is not read to its end.
func (w *responseRecorder) refuseBody(code string, values ...any) bool {
	w.Header()["Connection"] = connectionClose
	if code == "busy" {
		w.expected5xx = true
		w.Header()["Retry-After"] = []string{"1"}
	}
	w.writeProblem(code, values...)
	return false
}

// slots are what requests of one kind can have at once, and what one source can have of them.
type slots struct {
	all, perSource int

	mu       sync.Mutex
	taken    int
	bySource map[string]int
}

// take takes a slot, and reports whether there was one.
func (t *slots) take(source string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.taken >= t.all || source != "" && t.bySource[source] >= t.perSource {
		return false
	}
	t.taken++
	t.bySource[source]++
	return true
}

func (t *slots) free(source string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.taken--
	if t.bySource[source]--; t.bySource[source] == 0 {
		delete(t.bySource, source)
	}
}
