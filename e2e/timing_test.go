package e2e

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var timing = flag.Int("timing", 0, "pairs of sign-ins per scheme that TestTiming measures; 0 compares the answers only")

// timedSchemes are the schemes of the accounts, each with a hash of no password.
var timedSchemes = []struct {
	name string
	hash func() string
}{
	{"native", func() string { return "$argon2id$v=19$m=19456,t=2,p=1$" + random64(16) + "$" + random64(32) }},
	{"bcrypt, cost 10", func() string { return "$2b$10$" + randomCrypt(21) + "." + randomCrypt(31) }},
	{"PBKDF2-SHA-512, 210,000 rounds", func() string {
		return "$pbkdf2-sha512$210000$" + random64(16) + "$" + random64(64)
	}},
	{"scrypt, 16 MiB", func() string { return "$scrypt$ln=14,r=8,p=1$" + random64(16) + "$" + random64(32) }},
	{"Argon2id, 48 MiB", func() string {
		return "$argon2id$v=19$m=49152,t=1,p=1$" + random64(16) + "$" + random64(32)
	}},
	{"SHA-512-crypt, 5,000 rounds", func() string { return "$6$" + randomCrypt(16) + "$" + randomCrypt(86) }},
	{"MD5-crypt in Argon2id", func() string { return "$1$" + randomCrypt(8) + "$" + randomCrypt(22) }},
}

// unknownScheme is the index of identifiers without an account.
const unknownScheme = -1

func random64(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return base64.RawStdEncoding.EncodeToString(b)
}

func randomCrypt(n int) string {
	return strings.NewReplacer("+", ".").Replace(random64(n)[:n])
}

// TestTiming measures whether the time of the answer to a wrong password discloses that an account exists, or which
// system its hash came from: the area under the curve (AUC) of telling an account of each scheme from an unknown one,
// 0.5 for a guess. Everything is in one database, so that the most expensive scheme sets the time of all.
func TestTiming(t *testing.T) {
	t.Setenv("CARDINAL_TRUSTED_PROXIES", "127.0.0.1")
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			m := &timingTest{service: start(t, engine), accounts: *timing + 20,
				next: map[int]int{}}
			m.importAccounts(t)
			if *timing == 0 {
				m.measure(t, 3, 2, allSchemes()) // fails when an answer differs
				return
			}
			m.measure(t, 20, 1, allSchemes()) // the service measures the schemes once
			for load, workers := range map[string]int{"idle": 1, "8 at a time": 8} {
				m.judge(t, load, workers)
			}
		})
	}
}

func allSchemes() []int {
	all := []int{unknownScheme}
	for i := range timedSchemes {
		all = append(all, i)
	}
	return all
}

type timingTest struct {
	*service
	accounts int // per scheme: so many that the throttle answers none of the attempts

	mu     sync.Mutex
	next   map[int]int // account, by scheme
	answer string      // of every attempt
}

func (m *timingTest) importAccounts(t *testing.T) {
	t.Helper()
	var lines strings.Builder
	for i, scheme := range timedSchemes {
		for n := range m.accounts {
			line, _ := json.Marshal(fields{"email": timedAddress(i, n), "email_verified": true,
				"password_hash": scheme.hash()})
			lines.Write(append(line, '\n'))
		}
	}
	file := filepath.Join(m.folder, "timed.ndjson")
	if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	m.command("import", file, "--yes")
	time.Sleep(11 * time.Second * time.Duration(min(*timing, 1))) // a node reads the schemes every 10 seconds
}

func timedAddress(scheme, n int) string {
	if scheme == unknownScheme {
		return "unknown" + strconv.Itoa(n) + "@example.com"
	}
	return fmt.Sprintf("scheme%d.%d@example.com", scheme, n)
}

// judge measures all schemes together, and repeats one that fails once.
func (m *timingTest) judge(t *testing.T, load string, workers int) {
	times := m.measure(t, *timing, workers, allSchemes())
	for i, scheme := range timedSchemes {
		result := auc(times[i], times[unknownScheme])
		t.Logf("%s: AUC %.3f, median %v and %v: %s", load, result, median(times[i]), median(times[unknownScheme]),
			scheme.name)
		if result < 0.47 || result > 0.53 {
			again := m.measure(t, *timing, workers, []int{unknownScheme, i})
			result = auc(again[i], again[unknownScheme])
			t.Logf("%s: AUC %.3f when repeated: %s", load, result, scheme.name)
			if result < 0.47 || result > 0.53 {
				t.Errorf("%s: %s differs from an unknown account: AUC %.3f", load, scheme.name, result)
			}
		}
	}
}

// measure signs in with a wrong password to an account of each scheme, in random order, and that many times.
func (m *timingTest) measure(t *testing.T, rounds, workers int, schemes []int) map[int][]time.Duration {
	t.Helper()
	times := map[int][]time.Duration{}
	attempts := make(chan int)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for scheme := range attempts {
				took := m.attempt(t, scheme)
				m.mu.Lock()
				times[scheme] = append(times[scheme], took)
				m.mu.Unlock()
			}
		})
	}
	for range rounds {
		order := slices.Clone(schemes)
		mathrand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, scheme := range order {
			attempts <- scheme
		}
	}
	close(attempts)
	group.Wait()
	return times
}

// attempt signs in with a wrong password, from an address of its own, and returns how long the answer took.
func (m *timingTest) attempt(t *testing.T, scheme int) time.Duration {
	m.mu.Lock()
	account := m.next[scheme] % m.accounts
	m.next[scheme]++
	m.mu.Unlock()
	body := fields{"identifier": timedAddress(scheme, account), "password": "not the password"}
	from := fmt.Sprintf("10.%d.%d.%d", mathrand.IntN(256), mathrand.IntN(256), mathrand.IntN(256))
	start := time.Now()
	got, err := m.send("POST", "/v1/sign-in", "", body, "X-Forwarded-For", from)
	took := time.Since(start)
	if err != nil {
		t.Error(err)
		return took
	}
	delete(got.body, "request_id")
	answer := fmt.Sprint(got.status, got.body)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.answer == "" {
		m.answer = answer
	}
	if answer != m.answer || got.status != 401 {
		t.Errorf("answers are %s and %s", m.answer, answer)
	}
	return took
}

// auc returns the probability that a time of a is longer than one of b; equal times count half.
func auc(a, b []time.Duration) float64 {
	type sample struct {
		time time.Duration
		ofA  bool
	}
	var all []sample
	for _, d := range a {
		all = append(all, sample{d, true})
	}
	for _, d := range b {
		all = append(all, sample{d, false})
	}
	slices.SortFunc(all, func(x, y sample) int { return cmp.Compare(x.time, y.time) })
	shorter, wins := 0, 0
	for _, s := range all {
		if s.ofA {
			wins += shorter
		} else {
			shorter++
		}
	}
	return float64(wins) / float64(len(a)) / float64(len(b))
}

func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2].Round(time.Microsecond)
}
