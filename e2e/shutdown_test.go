package e2e

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

// TestShutdownKeepsAcknowledged stops the service in the middle of writes: what was acknowledged is there after the next start, and
// what was in flight got its answer.
func TestShutdownKeepsAcknowledged(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			r := &run{service: start(t, engine)}
			r.setUp()
			var mu sync.Mutex
			acknowledged := map[string]string{} // id by address
			stopped := make(chan struct{})
			var wait sync.WaitGroup
			for worker := range 8 {
				wait.Go(func() {
					for i := 0; ; i++ {
						address := fmt.Sprintf("p%d-%d@example.com", worker, i)
						got, err := r.send("POST", "/v1/users", r.admin, map[string]any{"email": address})
						if err != nil {
							select {
							case <-stopped: // no new connection is taken any more
								return
							default:
								t.Errorf("a request was cut while the service ran: %v", err)
								return
							}
						}
						switch got.status {
						case http.StatusCreated:
							mu.Lock()
							acknowledged[got.str("id")] = address
							mu.Unlock()
						case http.StatusServiceUnavailable:
							return
						default:
							t.Errorf("status %d: %s", got.status, got.text)
							return
						}
					}
				})
			}
			time.Sleep(700 * time.Millisecond)
			close(stopped)
			if err := r.stop(); err != nil {
				t.Fatalf("the service did not end well: %v\n%s", err, r.output())
			}
			wait.Wait()
			if len(acknowledged) < 20 {
				t.Fatalf("only %d users were made before the stop", len(acknowledged))
			}
			r.service.run()
			for id, address := range acknowledged {
				found := r.must(http.StatusOK, "GET", "/v1/users?email="+address, r.admin, nil).data()
				if len(found) != 1 || found[0]["id"] != id {
					t.Errorf("%s was acknowledged and is lost", address)
				}
			}
			// And the other way round: nothing was made whose answer was cut off.
			made := 0
			for path := "/v1/users?limit=200"; path != ""; {
				page := r.must(http.StatusOK, "GET", path, r.admin, nil)
				made += len(page.data())
				path = page.str("next")
			}
			if want := len(acknowledged) + 1; made != want {
				t.Errorf("%d users were made, %d of them acknowledged", made, want)
			}
			t.Logf("%d acknowledged users are there after the stop", len(acknowledged))
		})
	}
}

// TestSessionEndedByOtherProcess ends a session from another process; the very next check by the service refuses it.
func TestSessionEndedByOtherProcess(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			r := &run{service: start(t, engine)}
			r.setUp()
			r.must(http.StatusOK, "GET", "/v1/session", r.admin, nil)
			r.must(http.StatusCreated, "POST", "/v1/users", r.admin, map[string]any{"email": "ada@example.com", "email_verified": true, "password": secret})
			token := r.must(http.StatusCreated, "POST", "/v1/sign-in", "", map[string]any{"identifier": "ada@example.com", "password": secret}).str("token")
			r.must(http.StatusOK, "GET", "/v1/session", token, nil)
			r.command("users", "sign-out", "ada@example.com")
			r.must(http.StatusUnauthorized, "GET", "/v1/session", token, nil)
		})
	}
}
