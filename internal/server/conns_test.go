package server

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// isOpen reports whether the server has not closed a connection.
func (c connection) isOpen(t *testing.T) bool {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	_, err := c.in.Peek(1)
	timedOut, ok := err.(net.Error)
	return ok && timedOut.Timeout()
}

// waitClosed waits until the server has closed a connection.
func (c connection) waitClosed(t *testing.T) {
	t.Helper()
	if _, err := c.in.ReadByte(); err == nil {
		t.Error("the server answered")
	} else if timedOut, ok := err.(net.Error); ok && timedOut.Timeout() {
		t.Error("the server did not close the connection")
	}
}

const get = "GET /v1/session HTTP/1.1\r\nHost: x\r\n\r\n"

func TestConnectionsPerSource(t *testing.T) {
	few := func(_ *Options, l *limits) { l.connectionsPerSource, l.freshIdle = 3, time.Minute }
	t.Run("OneMoreTakesThePlaceOfTheLongestUnused", func(t *testing.T) {
		s := start(t, http.HandlerFunc(noContent), few)
		var unused []connection
		for range 3 {
			c := open(t, s.address)
			c.send(t, get)
			c.answer(t)
			unused = append(unused, c)
		}
		unused[0].send(t, get) // the first one is used again
		unused[0].answer(t)
		added := open(t, s.address)
		added.send(t, get)
		if answer, _ := added.answer(t); answer.StatusCode != http.StatusNoContent {
			t.Errorf("the added connection got %d", answer.StatusCode)
		}
		unused[1].waitClosed(t)
		if !unused[0].isOpen(t) || !unused[2].isOpen(t) {
			t.Error("another connection was closed")
		}
	})
	t.Run("IncompleteHeadersCountAsUnused", func(t *testing.T) {
		s := start(t, http.HandlerFunc(noContent), few)
		var slow []connection
		for range 3 {
			c := open(t, s.address)
			c.send(t, "GET /v1/session HTTP/1.1\r\n")
			slow = append(slow, c)
			if !c.isOpen(t) { // and the server has read the line
				t.Error("closed")
			}
		}
		if answer, _ := do(t, "GET", s.url+"/v1/session", ""); answer.StatusCode != http.StatusNoContent {
			t.Errorf("the added connection got %d", answer.StatusCode)
		}
		if err := slow[0].SetReadDeadline(time.Now().Add(timeout)); err != nil {
			t.Fatal(err)
		}
		slow[0].waitClosed(t)
	})
	t.Run("RequestsAreNotCutOff", func(t *testing.T) {
		entered, release := make(chan struct{}, 3), make(chan struct{})
		s := start(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			entered <- struct{}{}
			<-release
		}), few)
		var held []connection
		for range 3 {
			c := open(t, s.address)
			c.send(t, get)
			await(t, "the request", entered)
			held = append(held, c)
		}
		refused := open(t, s.address)
		refused.waitClosed(t)
		close(release)
		for _, c := range held {
			if answer, _ := c.answer(t); answer.StatusCode != http.StatusOK {
				t.Errorf("%d", answer.StatusCode)
			}
		}
	})
	t.Run("TrustedProxiesHaveNoLimit", func(t *testing.T) {
		s := start(t, http.HandlerFunc(noContent), func(o *Options, l *limits) {
			few(o, l)
			o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		})
		var all []connection
		for range 6 {
			c := open(t, s.address)
			c.send(t, get)
			c.answer(t)
			all = append(all, c)
		}
		for i, c := range all {
			if !c.isOpen(t) {
				t.Errorf("connection %d was closed", i)
			}
		}
	})
}

func TestConnectionLimit(t *testing.T) {
	s := start(t, http.HandlerFunc(noContent), func(_ *Options, l *limits) {
		l.connections, l.freshIdle = 2, time.Minute
	})
	for range 10 {
		c := open(t, s.address)
		c.send(t, get)
		if answer, _ := c.answer(t); answer.StatusCode != http.StatusNoContent {
			t.Errorf("%d", answer.StatusCode)
		}
	}
}

// TestLargestSourceMakesRoom: at the limit of all connections, the source with the most of them loses one.
func TestLargestSourceMakesRoom(t *testing.T) {
	table := newConnTable(limits{connections: 4, connectionsPerSource: 9}, []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8")})
	connect := func(address string) *conn {
		c := table.add(fakeConn{address: address})
		if c == nil {
			t.Fatalf("%s is refused", address)
		}
		return c
	}
	connect("10.0.0.1:1")
	other := connect("192.0.2.1:1") // has waited longer
	one := connect("[2001:db8:1:2::1]:1")
	connect("[2001:db8:1:3::1]:1")
	connect("192.0.2.2:1")
	if table.open[one] || !table.open[other] || len(table.open) != 4 {
		t.Error("the source with two connections lost none")
	}
}

type fakeConn struct {
	net.Conn
	address string
}

func (c fakeConn) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.address))
}
func (fakeConn) Close() error { return nil }

// TestFreshIdleConnections: a connection that had few requests is closed soon, one that had many is not.
func TestFreshIdleConnections(t *testing.T) {
	s := start(t, http.HandlerFunc(noContent), func(_ *Options, l *limits) {
		l.freshIdle, l.idle = 300*time.Millisecond, time.Hour
	})
	fresh, used := open(t, s.address), open(t, s.address)
	fresh.send(t, get)
	fresh.answer(t)
	for range 200 {
		used.send(t, get)
		used.answer(t)
	}
	fresh.waitClosed(t)
	if !used.isOpen(t) {
		t.Error("a connection with many requests was closed")
	}
}

func TestIncompleteBodies(t *testing.T) {
	const head = "POST /v1/sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
	t.Run("TakeNoSlot", func(t *testing.T) {
		s := start(t, http.HandlerFunc(noContent), func(_ *Options, l *limits) { l.inFlight = 1 })
		for range 20 {
			open(t, s.address).send(t, head+"{")
		}
		for range 3 {
			if answer, _ := do(t, "POST", s.url+"/v1/session", "{}"); answer.StatusCode != http.StatusNoContent {
				t.Errorf("%d next to incomplete requests", answer.StatusCode)
			}
		}
	})
	t.Run("EndInTime", func(t *testing.T) {
		s := start(t, http.HandlerFunc(noContent), func(_ *Options, l *limits) { l.read = 200 * time.Millisecond })
		c := open(t, s.address)
		c.send(t, head+"{")
		answer, body := c.answer(t)
		wantProblem(t, answer, body, 408, "body_incomplete")
		if _, err := c.in.ReadByte(); err != io.EOF || !answer.Close {
			t.Errorf("the connection stays open: %v", err)
		}
	})
	t.Run("OneMoreEndsTheOldestOfTheSource", func(t *testing.T) {
		s := start(t, http.HandlerFunc(noContent), func(_ *Options, l *limits) { l.incompletePerSource = 2 })
		var slow []connection
		for range 2 {
			c := open(t, s.address)
			c.send(t, head+"{")
			slow = append(slow, c)
			if !c.isOpen(t) {
				t.Error("closed")
			}
		}
		if answer, _ := do(t, "POST", s.url+"/v1/session", "{}"); answer.StatusCode != http.StatusNoContent {
			t.Errorf("the third request got %d", answer.StatusCode)
		}
		for _, c := range slow {
			if err := c.SetReadDeadline(time.Now().Add(timeout)); err != nil {
				t.Fatal(err)
			}
		}
		answer, body := slow[0].answer(t)
		wantProblem(t, answer, body, 503, "busy")
		if !slow[1].isOpen(t) {
			t.Error("the second request was ended too")
		}
	})
	t.Run("ClientsOfTrustedProxiesHaveTheirOwnLimit", func(t *testing.T) {
		s := start(t, http.HandlerFunc(noContent), func(o *Options, l *limits) {
			l.incompletePerSource = 1
			o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		})
		var slow []connection
		for i := range 3 {
			c := open(t, s.address)
			from := fmt.Sprintf("\r\nX-Forwarded-For: 192.0.2.%d\r\n", 1+i/2)
			c.send(t, strings.Replace(head, "\r\n", from, 1)+"{")
			slow = append(slow, c)
			c.isOpen(t)
		}
		if err := slow[0].SetReadDeadline(time.Now().Add(timeout)); err != nil {
			t.Fatal(err)
		}
		answer, body := slow[0].answer(t)
		wantProblem(t, answer, body, 503, "busy")
		if !slow[1].isOpen(t) || !slow[2].isOpen(t) {
			t.Error("the request of another client was ended")
		}
	})
}

func TestBodiesTogether(t *testing.T) {
	ended := map[string]bool{}
	table := &bodies{bytes: 100, perSource: 9}
	begin := func(source string, bytes int64) *body {
		b := table.begin(source, func() { ended[source] = true })
		if !b.grow(bytes) {
			t.Fatalf("no room for %d bytes of %s", bytes, source)
		}
		return b
	}
	begin("small", 30)
	begin("large", 30)
	largest := begin("large", 30)
	added := begin("added", 20)
	if !ended["large"] || ended["small"] || table.buffered != 80 {
		t.Errorf("ended are %v, %d bytes are left", ended, table.buffered)
	}
	if largest.grow(1000) {
		t.Error("the source with the most takes the room of others")
	}
	added.end()
	added.free()
	added.free()
	if table.buffered != 60 || len(table.incomplete) != 2 {
		t.Errorf("%d bytes, %d incomplete are left", table.buffered, len(table.incomplete))
	}
	t.Run("OverHTTP", func(t *testing.T) {
		entered, release := make(chan struct{}), make(chan struct{})
		s := start(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			entered <- struct{}{}
			<-release
		}), func(_ *Options, l *limits) { l.bodies = 6000 })
		c := open(t, s.address)
		c.send(t, "POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n"+strings.Repeat("x", 5000))
		await(t, "the request", entered)
		answer, body := do(t, "POST", s.url+"/v1/x", strings.Repeat("x", 5000))
		wantProblem(t, answer, body, 503, "busy")
		release <- struct{}{}
		c.answer(t)
		go func() { <-entered; release <- struct{}{} }()
		if answer, _ := do(t, "POST", s.url+"/v1/x", strings.Repeat("x", 5000)); answer.StatusCode != 200 {
			t.Errorf("after the first request: %d", answer.StatusCode)
		}
	})
}

func TestUploadSlots(t *testing.T) {
	entered := make(chan struct{})
	s := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/imports" {
			entered <- struct{}{}
			_, _ = io.Copy(io.Discard, r.Body)
		}
		w.WriteHeader(http.StatusNoContent)
	}), func(o *Options, l *limits) {
		l.inFlight, l.uploadsPerSource = 1, 1
		o.Uploads = func(r *http.Request) bool { return r.URL.Path == "/v1/imports" }
	})
	c := open(t, s.address)
	c.send(t, "POST /v1/imports HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nx")
	await(t, "the upload, before its end", entered)
	if answer, _ := do(t, "GET", s.url+"/v1/session", ""); answer.StatusCode != http.StatusNoContent {
		t.Errorf("an upload takes a slot of the API: %d", answer.StatusCode)
	}
	answer, body := do(t, "POST", s.url+"/v1/imports", "x")
	wantProblem(t, answer, body, 503, "busy")
	c.send(t, "x")
	if answer, _ := c.answer(t); answer.StatusCode != http.StatusNoContent {
		t.Errorf("the upload got %d", answer.StatusCode)
	}
	go func() { <-entered }()
	if answer, _ := do(t, "POST", s.url+"/v1/imports", "x"); answer.StatusCode != http.StatusNoContent {
		t.Errorf("the next upload got %d", answer.StatusCode)
	}
}
