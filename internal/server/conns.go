package server

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"cardinal"
)

// connTable has the open connections of the server, with a limit for all of them and one for each source: the range
// of addresses of a client that is not a trusted proxy. At a limit, a new connection takes the place of the one that
// has waited longest for a complete request: of the same source, or of the source with the most. So clients that
// connect and say nothing keep no other client out, not even one at the same address.
type connTable struct {
	limits  limits
	trusted []netip.Prefix

	mu       sync.Mutex
	open     map[*conn]bool
	bySource map[string]int
}

func newConnTable(l limits, trusted []netip.Prefix) *connTable {
	return &connTable{limits: l, trusted: trusted, open: map[*conn]bool{}, bySource: map[string]int{}}
}

// conn is a connection of the server.
type conn struct {
	net.Conn
	of       *connTable
	source   string       // "" for a trusted proxy
	waiting  atomic.Int64 // since when it waits for a complete header, in nanoseconds; 0 while a request is answered
	requests int
	idle     *time.Timer
}

// limitedListener accepts connTable within the limits.
type limitedListener struct {
	net.Listener
	table *connTable
}

// Accept returns the next connection for which there is room, and closes those before it.
func (l limitedListener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := l.table.add(accepted); c != nil {
			return c, nil
		}
		_ = accepted.Close() // it was not used
	}
}

// add returns nil when there is no room.
func (t *connTable) add(accepted net.Conn) *conn {
	c := &conn{Conn: accepted, of: t, source: sourceOf(accepted.RemoteAddr().String(), t.trusted)}
	c.waiting.Store(time.Now().UnixNano())
	t.mu.Lock()
	var replaced *conn
	ofSource := c.source != "" && t.bySource[c.source] >= t.limits.connectionsPerSource
	if ofSource || len(t.open) >= t.limits.connections {
		if replaced = t.longestWaiting(c.source, ofSource); replaced == nil {
			t.mu.Unlock()
			return nil
		}
		t.forget(replaced)
	}
	t.open[c] = true
	t.bySource[c.source]++
	t.mu.Unlock()
	if replaced != nil {
		_ = replaced.Close() // net/http notices
	}
	return c
}

// longestWaiting returns the connection of a source that has waited longest for a complete request; nil for none. When
// the limit of all connections is reached, it is the source with the most, before trusted proxies.
func (t *connTable) longestWaiting(source string, ofSource bool) *conn {
	var longest *conn
	for c := range t.open {
		since := c.waiting.Load()
		if since == 0 || ofSource && c.source != source {
			continue
		}
		if longest == nil || t.weight(c) > t.weight(longest) ||
			t.weight(c) == t.weight(longest) && since < longest.waiting.Load() {
			longest = c
		}
	}
	return longest
}

// weight is how many connections the source of a connection has. Trusted proxies have clients of many sources.
func (t *connTable) weight(c *conn) int {
	if c.source == "" {
		return 0
	}
	return t.bySource[c.source]
}

func (t *connTable) forget(c *conn) {
	if !t.open[c] {
		return
	}
	delete(t.open, c)
	if t.bySource[c.source]--; t.bySource[c.source] == 0 {
		delete(t.bySource, c.source)
	}
}

// Close closes the connection, and makes room for another.
func (c *conn) Close() error {
	c.of.mu.Lock()
	c.of.forget(c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// CloseWrite is for net/http: with it a client receives an answer that was sent before its request was read.
func (c *conn) CloseWrite() error {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		return tcp.CloseWrite()
	}
	return nil
}

// changed follows the state of a connection. The time that an unused connection stays open grows with the requests that
// it had, up to the limit for all: a new one is closed after seconds.
func (t *connTable) changed(of net.Conn, state http.ConnState) {
	c, ok := of.(*conn)
	if !ok {
		return
	}
	switch state {
	case http.StateActive:
		c.waiting.Store(time.Now().UnixNano())
		if c.idle != nil {
			c.idle.Stop()
		}
	case http.StateIdle:
		c.waiting.Store(time.Now().UnixNano())
		c.requests++
		allowed := time.Duration(c.requests) * t.limits.freshIdle
		if c.source == "" || allowed >= t.limits.idle {
			return // net/http closes it
		}
		if c.idle == nil {
			c.idle = time.AfterFunc(allowed, func() { _ = c.Close() })
		} else {
			c.idle.Reset(allowed)
		}
	case http.StateClosed:
		if c.idle != nil {
			c.idle.Stop()
		}
	}
}

// sourceOf returns the range of addresses that limits per source count; "" for a trusted proxy, which has clients of
// many sources.
func sourceOf(address string, trusted []netip.Prefix) string {
	from, ok := parseAddress(address)
	if !ok {
		return "unknown"
	}
	if isTrusted(from, trusted) {
		return ""
	}
	return cardinal.Client{Address: from.String()}.Prefix()
}

type connKey struct{}

func (t *connTable) remember(ctx context.Context, of net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, of)
}

// headerComplete marks the connection of a request as one that is used.
func headerComplete(ctx context.Context) {
	if c, ok := ctx.Value(connKey{}).(*conn); ok {
		c.waiting.Store(0)
	}
}
