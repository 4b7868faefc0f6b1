package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	overloadFactor = 50 // how many times as many sign-ins come as the service can do
	stormSeconds   = 10
)

// storm measures session checks while far more people sign in than the service can hash for, who come from a process of their own on
// the same cores, and its memory meanwhile.
func (b *bench) storm(engine string, w *populated) error {
	before, err := w.checkSessions(stormSeconds*time.Second, nil)
	if err != nil {
		return err
	}
	begin := time.Now()
	n := max(b.signIns, 2*connections)
	if _, err := load(n, w.cpu, func(c *http.Client, i int) error { return w.signIn(c, max(i, -i)) }); err != nil {
		return err
	}
	capacity := float64(n) / time.Since(begin).Seconds()
	calm := w.memory()
	child, err := b.childCommand("-child", "storm", "-url", w.base, "-requests", strconv.Itoa(int(capacity*overloadFactor)), "-users", strconv.Itoa(w.passwords))
	if err != nil {
		return err
	}
	var said strings.Builder
	child.Stdout = &said
	if err := child.Start(); err != nil {
		return err
	}
	time.Sleep(time.Second)
	var memory []float64
	during, err := w.checkSessions((stormSeconds-2)*time.Second, func() { memory = append(memory, w.memory()) })
	if failed := child.Wait(); err == nil {
		err = failed
	}
	if err != nil {
		return err
	}
	b.add(figure{what: "session check, p99 in a storm of sign-ins ÷ without", engine: engine, value: float64(quantile(during, 0.99)) / float64(quantile(before, 0.99)), target: 6,
		limit:   fmt.Sprintf("p99 without %.2f ms, in it %.2f ms; capacity %.0f a second, %s", milliseconds(quantile(before, 0.99)), milliseconds(quantile(during, 0.99)), capacity, said.String()),
		samples: len(during)})
	third := max(len(memory)/3, 1)
	b.add(figure{what: "memory, end of the storm ÷ its beginning", engine: engine, value: slices.Max(memory[len(memory)-third:]) / slices.Max(memory[:third]), target: 1.2,
		limit: fmt.Sprintf("%.0f MiB before it", calm), samples: len(memory)})
	return nil
}

// checkSessions asks who is signed in every two milliseconds, and returns how long each answer took.
func (w *populated) checkSessions(d time.Duration, each func()) ([]time.Duration, error) {
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	var took []time.Duration
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		begin := time.Now()
		if err := get(w, client, "/v1/session"); err != nil {
			return nil, err
		}
		took = append(took, time.Since(begin))
		if each != nil && len(took)%20 == 1 {
			each()
		}
	}
	return took, nil
}

func quantile(list []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[min(int(float64(len(sorted))*q), len(sorted)-1)]
}

// sendStorm sends sign-ins at a rate whether or not they are answered, and prints what came of them.
func sendStorm(base string, rate, people int) error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256, MaxConnsPerHost: 256}, Timeout: 10 * time.Second}
	bodies := make([][]byte, people)
	for i := range bodies {
		bodies[i], _ = json.Marshal(map[string]any{"identifier": "signs-in-" + strconv.Itoa(i), "password": secret})
	}
	var sent, signedIn, refused, waiting atomic.Int64
	begin := time.Now()
	for time.Since(begin) < stormSeconds*time.Second {
		for due := int64(time.Since(begin).Seconds() * float64(rate)); sent.Load() < due && waiting.Load() < 2048; sent.Add(1) {
			waiting.Add(1)
			go func() {
				defer waiting.Add(-1)
				answer, err := client.Post(base+"/v1/sign-in", "application/json", bytes.NewReader(bodies[sent.Load()%int64(people)]))
				if err != nil {
					return
				}
				io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
				if answer.StatusCode < 300 {
					signedIn.Add(1)
				} else {
					refused.Add(1)
				}
			}()
		}
		time.Sleep(time.Millisecond)
	}
	fmt.Printf("%d a second sent for %d s, %d signed in, %d turned away", sent.Load()/stormSeconds, stormSeconds, signedIn.Load(), refused.Load())
	return nil
}
