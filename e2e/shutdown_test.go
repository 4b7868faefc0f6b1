package e2e

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

// TestShutdownKeepsAcknowledged stops the service during writes. Acknowledged changes must exist after the next start,
// and requests in flight must get their responses.
func TestShutdownKeepsAcknowledged(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			r := &harness{service: start(t, engine)}
			r.setUp()
			var mu sync.Mutex
			acknowledged := map[string]string{} // id by address
			stopped := make(chan struct{})
			var wait sync.WaitGroup
			for worker := range 8 {
				wait.Go(func() {
					for i := 0; ; i++ {
						address := fmt.Sprintf("p%d-%d@example.com", worker, i)
						got, err := r.send("POST", "/v1/users", r.admin, fields{"email": address})
						if err != nil {
							select {
							case <-stopped: // new connections are refused
								return
							default:
								t.Errorf("a request failed while the service ran: %v", err)
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
				t.Fatalf("the service did not stop cleanly: %v\n%s", err, r.output())
			}
			wait.Wait()
			if len(acknowledged) < 20 {
				t.Fatalf("only %d users were created before the stop", len(acknowledged))
			}
			r.service.startProcess()
			for id, address := range acknowledged {
				found := r.must(http.StatusOK, "GET", "/v1/users?email="+address, r.admin, nil).data()
				if len(found) != 1 || found[0]["id"] != id {
					t.Errorf("%s was acknowledged but does not exist", address)
				}
			}
			// Conversely, no user was created without a complete response.
			created := 0
			for path := "/v1/users?limit=200"; path != ""; {
				page := r.must(http.StatusOK, "GET", path, r.admin, nil)
				created += len(page.data())
				path = page.str("next")
			}
			if want := len(acknowledged) + 1; created != want {
				t.Errorf("%d users were created, %d of them acknowledged", created, want)
			}
			t.Logf("%d acknowledged users exist after the stop", len(acknowledged))
		})
	}
}

// TestSessionEndedByOtherProcess ends a session from another process. The next check by the service must refuse it.
func TestSessionEndedByOtherProcess(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			r := &harness{service: start(t, engine)}
			r.setUp()
			r.must(http.StatusOK, "GET", "/v1/session", r.admin, nil)
			r.must(http.StatusCreated, "POST", "/v1/users", r.admin,
				fields{"email": "ada@example.com", "email_verified": true,
					"chosen_by_user": true, "password": password})
			token := r.must(http.StatusCreated, "POST", "/v1/sign-in", "",
				fields{"identifier": "ada@example.com", "password": password}).str("token")
			r.must(http.StatusOK, "GET", "/v1/session", token, nil)
			r.command("users", "sign-out", "ada@example.com")
			r.must(http.StatusUnauthorized, "GET", "/v1/session", token, nil)
		})
	}
}
