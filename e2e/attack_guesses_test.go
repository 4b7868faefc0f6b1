package e2e

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
)

// TestGuessesAtOnce: of 32 guesses at the same time, five are answered; the right password among the others is not.
func TestGuessesAtOnce(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			r := &harness{service: start(t, engine)}
			r.setUp()
			r.setSetting("sign_in.failures_per_identifier", 5)
			r.must(http.StatusCreated, "POST", "/v1/users", r.admin,
				fields{"email": "victim@example.com", "email_verified": true,
					"chosen_by_user": true, "password": password})
			var mu sync.Mutex
			var guessing sync.WaitGroup
			answers := map[string]int{}
			for i := range 32 {
				guessing.Go(func() {
					got := r.guess("victim@example.com", fmt.Sprintf("wrong guess number %d", i))
					mu.Lock()
					defer mu.Unlock()
					answers[got]++
				})
			}
			guessing.Wait()
			if answers["invalid_credentials"] != 5 || answers["too_many_attempts"] != 27 {
				t.Errorf("the answers are %v, want 5 invalid_credentials and 27 too_many_attempts", answers)
			}
		})
	}
}

// guess tries a password and returns the code of the answer.
func (r *harness) guess(identifier, secret string) string {
	got, err := r.send("POST", "/v1/sign-in", "", fields{"identifier": identifier, "password": secret})
	if err != nil {
		return err.Error()
	}
	return got.str("code")
}
