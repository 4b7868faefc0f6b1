package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"cardinal/internal/pgtest"
)

const (
	overloadFactor = 50 // ratio of the sign-ins sent to the capacity of the service
	stormSeconds   = 10
)

// storms runs the measurements under load on services without imported users.
func (b *bench) storms() error {
	cluster, err := pgtest.Start(pgtest.Options{Durable: true})
	if err != nil {
		return err
	}
	defer cluster.Stop()
	for _, on := range []struct {
		engine, db string
		helpers    []int
	}{
		{"SQLite", "sqlite:" + filepath.Join(b.dir, "storm.db"), nil},
		{"PostgreSQL", cluster.URL(), []int{cluster.PID()}},
	} {
		w := &populated{folder: filepath.Join(b.dir, on.engine), db: on.db, passwords: 30}
		if err := os.MkdirAll(w.folder, 0o700); err != nil {
			return err
		}
		if w.service, _, err = b.start(w.db, w.folder); err != nil {
			return err
		}
		w.helperPIDs = on.helpers
		if w.token, err = w.setUp(); err == nil {
			err = w.raiseLimits()
			for i := range w.passwords {
				err = errors.Join(err, w.createUser(w.token, i))
			}
		}
		if err == nil {
			err = errors.Join(b.crowd(on.engine, w), b.storm(on.engine, w))
		}
		if err = errors.Join(err, w.stop()); err != nil {
			return err
		}
	}
	return nil
}

// raiseLimits makes the throttle accept what one address sends here.
func (w *populated) raiseLimits() error {
	for name, value := range map[string]int{
		"sign_in.failures_per_address": 1_000_000, "sign_in.failures_per_identifier": 1000,
	} {
		path := w.base + "/v1/settings/" + name
		setting, err := call(http.DefaultClient, "GET", path, w.token, nil)
		if err != nil {
			return err
		}
		r, err := http.NewRequest("PATCH", path, strings.NewReader(fmt.Sprintf(`{"value":%d}`, value)))
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+w.token)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("If-Match", fmt.Sprintf(`"%.0f"`, setting["version"]))
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", name, response.Status)
		}
	}
	return nil
}

// storm measures session checks and memory while far more sign-ins arrive than the service can compute hashes for. A
// separate process on the same cores sends them.
func (b *bench) storm(engine string, w *populated) error {
	before, err := w.checkSessions(stormSeconds*time.Second, nil)
	if err != nil {
		return err
	}
	begin := time.Now()
	n := max(b.signIns, 2*connections)
	if _, err := load(n, w.cpu, func(c *http.Client, i int) error { return w.signInOne(c, max(i, -i)) }); err != nil {
		return err
	}
	capacity := float64(n) / time.Since(begin).Seconds()
	memoryBefore := w.memory()
	child, err := b.childCommand("-child", "storm", "-url", w.base,
		"-requests", strconv.Itoa(int(capacity*overloadFactor)), "-users", strconv.Itoa(w.passwords))
	if err != nil {
		return err
	}
	var output strings.Builder
	child.Stdout = &output
	if err := child.Start(); err != nil {
		return err
	}
	time.Sleep(time.Second)
	var memory []float64
	during, err := w.checkSessions((stormSeconds-2)*time.Second, func() { memory = append(memory, w.memory()) })
	if waitErr := child.Wait(); err == nil {
		err = waitErr
	}
	if err != nil {
		return err
	}
	p99Before, p99During := quantile(before, 0.99), quantile(during, 0.99)
	b.add(figure{what: "session check, p99 during an overload of sign-ins ÷ without", engine: engine,
		value: float64(p99During) / float64(p99Before), target: 6,
		limit: fmt.Sprintf("p99 without %.2f ms, during it %.2f ms; capacity %.0f per second, %s",
			milliseconds(p99Before), milliseconds(p99During), capacity, output.String()),
		samples: len(during)})
	third := max(len(memory)/3, 1)
	b.add(figure{what: "memory, end of the overload ÷ its beginning", engine: engine,
		value: slices.Max(memory[len(memory)-third:]) / slices.Max(memory[:third]), target: 1.2,
		limit: fmt.Sprintf("%.0f MiB before", memoryBefore), samples: len(memory)})
	return nil
}

// checkSessions sends a session check every two milliseconds and returns the response times.
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

// sendStorm sends sign-ins at a fixed rate, independent of the responses, and prints the results.
func sendStorm(base string, rate, people int) error {
	client := &http.Client{Timeout: 10 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: 256, MaxConnsPerHost: 256}}
	bodies := make([][]byte, people)
	for i := range bodies {
		bodies[i], _ = json.Marshal(fields{"identifier": "signs-in-" + strconv.Itoa(i), "password": secret})
	}
	var sent, signedIn, refused, waiting atomic.Int64
	begin := time.Now()
	for time.Since(begin) < stormSeconds*time.Second {
		due := int64(time.Since(begin).Seconds() * float64(rate))
		for ; sent.Load() < due && waiting.Load() < 2048; sent.Add(1) {
			waiting.Add(1)
			go func() {
				defer waiting.Add(-1)
				body := bytes.NewReader(bodies[sent.Load()%int64(people)])
				response, err := client.Post(base+"/v1/sign-in", "application/json", body)
				if err != nil {
					return
				}
				io.Copy(io.Discard, response.Body)
				response.Body.Close()
				if response.StatusCode < 300 {
					signedIn.Add(1)
				} else {
					refused.Add(1)
				}
			}()
		}
		time.Sleep(time.Millisecond)
	}
	fmt.Printf("%d per second sent for %d s, %d signed in, %d refused",
		sent.Load()/stormSeconds, stormSeconds, signedIn.Load(), refused.Load())
	return nil
}
