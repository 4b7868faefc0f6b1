package e2e

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

var soak = flag.Duration("soak", 4*time.Second,
	"how long TestSoak loads the service; from a minute on it also checks values that "+
		"only a long test can measure")

// soakSlices is the number of intervals that are measured separately.
const soakSlices = 15

// TestSoak loads the service with a mix of typical requests. No request must fail. The use of memory, goroutines, files
// and connections must not grow, and the 99th percentile of the response time must not increase.
func TestSoak(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			r := &harness{service: start(t, engine)}
			r.setUp()
			l := &soakLoad{harness: r}
			l.prepare()
			l.loadFor(time.Second) // warm-up
			l.durations = nil
			var measured []usage
			for range soakSlices {
				began := time.Now()
				l.loadFor(*soak / soakSlices)
				u := r.usage()
				u.requests, u.p99 = len(l.durations), quantile(l.durations, 0.99)
				u.rate = float64(len(l.durations)) / time.Since(began).Seconds()
				l.durations = nil
				measured = append(measured, u)
				t.Logf("%s", u)
			}
			checkGrowth(t, measured, *soak >= time.Minute)
		})
	}
}

// checkGrowth compares the medians of the last and the first third of the intervals, without the first interval.
func checkGrowth(t *testing.T, measured []usage, isLong bool) {
	third := len(measured) / 3
	early, late := measured[1:1+third], measured[len(measured)-third:]
	median := func(of []usage, value func(usage) float64) float64 {
		values := make([]float64, len(of))
		for i, u := range of {
			values[i] = value(u)
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	for _, c := range []struct {
		what  string
		of    func(usage) float64
		ratio float64 // allowed ratio of late to early
		slack float64 // allowed in addition
		long  bool    // checked in long tests only
	}{
		{"open files", func(u usage) float64 { return float64(u.files) }, 1, 16, false},
		{"goroutines", func(u usage) float64 { return float64(u.goroutines) }, 1, 24, false},
		{"threads", func(u usage) float64 { return float64(u.threads) }, 1, 8, true},
		{"memory in MiB", func(u usage) float64 { return u.memory }, 1.2, 24, true},
		{"p99 in ms", func(u usage) float64 { return float64(u.p99) / float64(time.Millisecond) }, 1.5, 10, true},
	} {
		before, after := median(early, c.of), median(late, c.of)
		t.Logf("%s: %.1f, then %.1f", c.what, before, after)
		if (isLong || !c.long) && after > before*c.ratio+c.slack {
			t.Errorf("%s grew from %.1f to %.1f", c.what, before, after)
		}
	}
}

// soakLoad sends a mix of requests.
type soakLoad struct {
	*harness
	mu        sync.Mutex
	durations []time.Duration
	people    []soakPerson
	created   int
}

type soakPerson struct {
	id, email, token string
	version          int
	busy             sync.Mutex // one change at a time
}

func (l *soakLoad) prepare() {
	l.people = make([]soakPerson, 12)
	for i := range l.people {
		p := &l.people[i]
		p.email, p.version = fmt.Sprintf("soak%d@example.com", i), 1
		p.id = l.must(http.StatusCreated, "POST", "/v1/users", l.admin,
			fields{"email": p.email, "email_verified": true, "chosen_by_user": true, "password": password}).str("id")
		p.token = l.must(http.StatusCreated, "POST", "/v1/sign-in", "",
			fields{"identifier": p.email, "password": password}).str("token")
	}
	if l.t.Failed() {
		l.t.FailNow()
	}
}

// loadFor sends requests for a time with eight concurrent callers, which pause for a random time between requests.
func (l *soakLoad) loadFor(d time.Duration) {
	until := time.Now().Add(d)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for time.Now().Before(until) && !l.t.Failed() {
				l.sendRandom(&l.people[rand.IntN(len(l.people))])
				time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond)
			}
		})
	}
	wait.Wait()
	if l.t.Failed() {
		l.t.FailNow()
	}
}

func (l *soakLoad) sendRandom(p *soakPerson) {
	switch n := rand.IntN(100); {
	case n < 40:
		l.measure(http.StatusOK, "GET", "/v1/session", p.token, nil)
	case n < 55:
		l.measure(http.StatusOK, "POST", "/v1/access/check", p.token, fields{"permission": "users.read"})
	case n < 65:
		l.measure(http.StatusOK, "GET", "/v1/users?email="+p.email, l.admin, nil)
	case n < 72:
		l.measure(http.StatusOK, "GET", "/v1/users?limit=50&expand=profile", l.admin, nil)
	case n < 76:
		l.measure(http.StatusOK, "GET", "/v1/users/"+p.id+"/audit?limit=20", l.admin, nil)
	case n < 88:
		p.busy.Lock()
		defer p.busy.Unlock()
		profile := fields{"display_name": fmt.Sprint("Name ", rand.Uint64())}
		l.measure(http.StatusOK, "PATCH", "/v1/users/"+p.id, l.admin, fields{"profile": profile},
			"If-Match", fmt.Sprintf(`"%d"`, p.version))
		p.version++
	case n < 98:
		l.mu.Lock()
		l.created++
		key := fmt.Sprintf("soak-%d", l.created)
		l.mu.Unlock()
		user := fields{"email": key + "@example.org", "display_name": key}
		l.measure(http.StatusCreated, "POST", "/v1/users", l.admin, user, "Idempotency-Key", key)
	default: // a sign-in needs a hash and can wait in the queue, so its time is not measured
		got := l.must(http.StatusCreated, "POST", "/v1/sign-in", "",
			fields{"identifier": p.email, "password": password})
		l.measure(http.StatusNoContent, "POST", "/v1/sign-out", got.str("token"), nil)
	}
}

func (l *soakLoad) measure(status int, method, path, token string, body any, headers ...string) {
	began := time.Now()
	l.must(status, method, path, token, body, headers...)
	took := time.Since(began)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.durations = append(l.durations, took)
}

func quantile(durations []time.Duration, q float64) time.Duration {
	if len(durations) == 0 {
		return 0
	}
	slices.Sort(durations)
	return durations[int(q*float64(len(durations)-1))]
}
