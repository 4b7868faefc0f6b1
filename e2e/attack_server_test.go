package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestAttackSlowBodies: many connections that send the head of a sign-in and one byte of its body keep no other request
// out, not even one from the same address.
func TestAttackSlowBodies(t *testing.T) {
	n, waves := 300, 1
	if *attack {
		n, waves = 1024, 3
	}
	s := start(t, "sqlite")
	for range waves {
		var held []net.Conn
		for range n {
			held = append(held, s.dial("POST /v1/sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"+
				"Content-Length: 100\r\n\r\n{"))
		}
		for range 20 {
			s.wantStatus(http.StatusUnauthorized, "GET", "/v1/session", "")
			s.wantStatus(http.StatusUnauthorized, "POST", "/v1/sign-in",
				`{"identifier":"unknown@example.com","password":"a wrong password"}`)
			s.wantStatus(http.StatusOK, "GET", "/livez", "")
		}
		for _, c := range held {
			c.Close()
		}
	}
}

// TestAttackIdleConnections: more unused connections than the server accepts keep no other client out, and the
// listener for operators does not notice them.
func TestAttackIdleConnections(t *testing.T) {
	n := 700 // more than one address can have
	if *attack {
		n = 4100
	}
	s := start(t, "sqlite")
	for i := range n {
		request := "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
		if i%3 == 1 {
			request = "GET /livez HTTP/1.1\r\n" // the header is not complete
		} else if i%3 == 2 {
			request = ""
		}
		defer s.dial(request).Close()
	}
	for range 10 {
		s.wantStatus(http.StatusOK, "GET", "/livez", "")
		s.wantStatus(http.StatusUnauthorized, "GET", "/v1/session", "")
	}
	response, err := http.Get(s.monitor + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("the listener for operators answers %d", response.StatusCode)
	}
}

// TestAttackHashingQueue: one account that signs in over many connections, always with the right password, and changes
// its password over more of them, keeps no other user of the same address out.
func TestAttackHashingQueue(t *testing.T) {
	connections, rounds := 40, 5
	if *attack {
		connections, rounds = 48, 40
	}
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			if engine == "postgres" && testing.Short() {
				t.Skip("short")
			}
			r := &harness{service: start(t, engine)}
			r.admin = r.must(http.StatusCreated, "POST", "/v1/set-up", "", fields{"token": r.setupToken,
				"email": "admin@example.com", "password": password}).str("token")
			const secret = "seven lanterns by the river"
			for _, name := range []string{"mallory", "victim"} {
				r.must(http.StatusCreated, "POST", "/v1/users", r.admin,
					fields{"username": name, "chosen_by_user": true, "password": secret})
			}
			var stop atomic.Bool
			var attackers sync.WaitGroup
			for range connections {
				attackers.Go(func() {
					for !stop.Load() {
						if _, err := r.send("POST", "/v1/sign-in", "", fields{"identifier": "mallory",
							"password": secret}); err != nil && !stop.Load() {
							t.Error(err)
							return
						}
					}
				})
			}
			time.Sleep(500 * time.Millisecond) // the queue is full
			for range rounds {
				in := fields{"identifier": "victim", "password": secret}
				r.must(http.StatusCreated, "POST", "/v1/sign-in", "", in)
			}
			stop.Store(true)
			attackers.Wait()
		})
	}
}

// TestAttackFraming: what a proxy could take for the beginning of another request is not answered.
func TestAttackFraming(t *testing.T) {
	s := start(t, "sqlite")
	c := s.dial("POST /v1/sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" +
		"0\r\n\r\nGET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
	defer c.Close()
	text, err := io.ReadAll(c)
	answers := strings.Count(string(text), "HTTP/1.1 ")
	if err != nil || answers != 1 || !strings.Contains(string(text), "Connection: close") {
		t.Errorf("%v, %d answers: %q", err, answers, text)
	}
}

// dial opens a connection and sends a text.
func (s *service) dial(text string) net.Conn {
	s.t.Helper()
	c, err := net.DialTimeout("tcp", strings.TrimPrefix(s.base, "http://"), 10*time.Second)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	_, _ = io.WriteString(c, text) // the server can close it before
	return c
}

// wantStatus sends a request on a new connection.
func (s *service) wantStatus(status int, method, path, body string) {
	s.t.Helper()
	r, err := http.NewRequest(method, s.base+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Close = true
	r.Header.Set("Content-Type", "application/json")
	response, err := (&http.Client{Timeout: 10 * time.Second}).Do(r)
	if err != nil {
		s.t.Fatal(fmt.Errorf("%s %s: %w", method, path, err))
	}
	response.Body.Close()
	if response.StatusCode != status && response.StatusCode != http.StatusTooManyRequests {
		s.t.Errorf("%s %s: %d, want %d", method, path, response.StatusCode, status)
	}
}
