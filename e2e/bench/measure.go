package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"cardinal/internal/pgtest"
)

// bench is one run.
type bench struct {
	dir, binary              string
	requests, users, signIns int
	people                   int           // imported
	empty                    time.Duration // CPU of an empty handler, a request
	figures                  []figure
	shares                   []diskUse
}

const (
	connections = 8
	secret      = "seven lanterns by the river"
)

// service is a running Cardinal.
type service struct {
	process    *exec.Cmd
	base       string
	setupToken string // token of the set-up link, if one was printed
	helperPIDs []int  // processes that work for it
}

// start runs the service and returns it when it is ready, and how long that took.
func (b *bench) start(db, folder string) (*service, time.Duration, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, 0, err
	}
	address := listener.Addr().String()
	listener.Close()
	out, err := os.Create(filepath.Join(b.dir, "serve.out"))
	if err != nil {
		return nil, 0, err
	}
	defer out.Close()
	c := exec.Command(b.binary, "serve", "--http", address, "--db", db, "--keys", filepath.Join(folder, "keys"))
	c.Dir, c.Stdout, c.Stderr = folder, out, out
	begin := time.Now()
	if err := c.Start(); err != nil {
		return nil, 0, err
	}
	s := &service{process: c, base: "http://" + address}
	for time.Since(begin) < 20*time.Second {
		answer, err := http.Get(s.base + "/readyz")
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				took := time.Since(begin)
				text, _ := os.ReadFile(out.Name())
				if m := regexp.MustCompile(`token=(cl_[A-Za-z0-9_-]+)`).FindSubmatch(text); m != nil {
					s.setupToken = string(m[1])
				}
				return s, took, nil
			}
		}
		time.Sleep(2 * time.Millisecond)
	}
	text, _ := os.ReadFile(out.Name())
	c.Process.Kill()
	return nil, 0, fmt.Errorf("serve did not become ready:\n%s", text)
}

func (s *service) stop() error {
	s.process.Process.Signal(syscall.SIGTERM)
	return s.process.Wait()
}

// cpu is the processor time that the service and its helpers used until now. Ticks are hundredths of a second.
func (s *service) cpu() time.Duration {
	total := processCPU(s.process.Process.Pid)
	for _, parent := range s.helperPIDs {
		total += treeCPU(parent)
	}
	return total
}

func processCPU(pid int) time.Duration { return statTicks(pid, 13, 14) }

// treeCPU is that of a process and its children, those that ended included: it counts again when one ended meanwhile, which would
// else be missing among the children that are there as well as among those that were waited for.
func treeCPU(pid int) time.Duration {
	for {
		ended := statTicks(pid, 15, 16)
		total := ended + statTicks(pid, 13, 14)
		entries, _ := filepath.Glob("/proc/[0-9]*/stat")
		for _, entry := range entries {
			child, _ := strconv.Atoi(strings.Split(entry, "/")[2])
			if fields := statFields(child); len(fields) > 3 && fields[3] == strconv.Itoa(pid) {
				total += statTicks(child, 13, 14, 15, 16)
			}
		}
		if statTicks(pid, 15, 16) == ended {
			return total
		}
	}
}

func statFields(pid int) []string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	end := bytes.LastIndexByte(text, ')')
	return append([]string{"", ""}, strings.Fields(string(text[end+1:]))...)
}

func statTicks(pid int, which ...int) time.Duration {
	fields := statFields(pid)
	var ticks int64
	for _, i := range which {
		if i < len(fields) {
			n, _ := strconv.ParseInt(fields[i], 10, 64)
			ticks += n
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// memory is the resident memory of the service, in MiB.
func (s *service) memory() float64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.Process.Pid))
	m := regexp.MustCompile(`VmRSS:\s+(\d+)`).FindSubmatch(text)
	if m == nil {
		return 0
	}
	kib, _ := strconv.ParseFloat(string(m[1]), 64)
	return kib / 1024
}

// call sends one request and reads the answer.
func call(client *http.Client, method, url, token string, body any) (map[string]any, error) {
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		reader = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(context.Background(), method, url, reader)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode >= 300 {
		return nil, fmt.Errorf("%s %s: %s: %s", method, url, answer.Status, text)
	}
	var out map[string]any
	if len(text) > 0 && answer.Header.Get("Content-Type") == "application/json" {
		err = json.Unmarshal(text, &out)
	}
	return out, err
}

// load sends n requests over the connections and returns the CPU that each cost.
func load(n int, cpu func() time.Duration, send func(client *http.Client, i int) error) (time.Duration, error) {
	clients := make([]*http.Client, connections)
	for i := range clients {
		clients[i] = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1, MaxConnsPerHost: 1}}
		if err := send(clients[i], -1-i); err != nil { // connected and warm
			return 0, err
		}
	}
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var wait sync.WaitGroup
	before := cpu()
	for _, client := range clients {
		wait.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n || failed.Load() != nil {
					return
				}
				if err := send(client, i); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	wait.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return (cpu() - before) / time.Duration(n), nil
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func (b *bench) sqlite() error {
	folder := filepath.Join(b.dir, "sqlite")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	return b.engine("SQLite", "sqlite:"+filepath.Join(folder, "cardinal.db"), folder, 75, 95, nil)
}

func (b *bench) postgres() error {
	folder := filepath.Join(b.dir, "postgres")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	cluster, err := pgtest.Start(pgtest.Options{Durable: true})
	if err != nil {
		return err
	}
	defer cluster.Stop()
	return b.engine("PostgreSQL", cluster.URL(), folder, 130, 150, []int{cluster.PID()})
}

// engine measures everything on one database.
func (b *bench) engine(name, db, folder string, sessionReach, accessReach float64, others []int) error {
	s, _, err := b.start(db, folder)
	if err != nil {
		return err
	}
	client := http.DefaultClient
	set, err := call(client, "POST", s.base+"/v1/set-up", "", map[string]any{"token": s.setupToken, "email": "bench@example.com", "password": secret})
	if err != nil {
		return err
	}
	token := set["token"].(string)
	if err := s.stop(); err != nil {
		return err
	}
	seed := exec.Command(b.binary, "seed", "--users", strconv.Itoa(b.users), "--seed", "1", "--db", db, "--keys", filepath.Join(folder, "keys"))
	seed.Dir = folder
	if text, err := seed.CombinedOutput(); err != nil {
		return fmt.Errorf("seed: %w\n%s", err, text)
	}

	var fastest time.Duration
	const starts = 5
	for range starts {
		again, took, err := b.start(db, folder)
		if err != nil {
			return err
		}
		if fastest == 0 || took < fastest {
			fastest = took
		}
		s = again
		if err := s.stop(); err != nil {
			return err
		}
	}
	b.add(figure{what: "start to healthy, existing database", engine: name, unit: "ms", value: microseconds(fastest) / 1000, target: 60, limit: "fastest of the starts", samples: starts})
	if s, _, err = b.start(db, folder); err != nil {
		return err
	}
	defer s.stop()
	s.helperPIDs = others
	time.Sleep(3 * time.Second)
	b.add(figure{what: "idle memory", engine: name, unit: "MiB", value: s.memory(), target: 30, limit: "3 s after the start", samples: 1})

	emptyLimit := fmt.Sprintf("empty handler %.0f µs", microseconds(b.empty))
	cost, err := load(b.requests, s.cpu, func(c *http.Client, _ int) error {
		_, err := call(c, "GET", s.base+"/v1/session", token, nil)
		return err
	})
	if err != nil {
		return err
	}
	b.add(figure{what: "session check, CPU a request", engine: name, unit: "µs", value: microseconds(cost), target: sessionReach, limit: emptyLimit, samples: b.requests})
	question := map[string]any{"permission": "users.read"}
	cost, err = load(b.requests, s.cpu, func(c *http.Client, _ int) error {
		_, err := call(c, "POST", s.base+"/v1/access/check", token, question)
		return err
	})
	if err != nil {
		return err
	}
	b.add(figure{what: "access check, CPU a request", engine: name, unit: "µs", value: microseconds(cost), target: accessReach, limit: emptyLimit, samples: b.requests})

	cost, err = load(b.users, s.cpu, func(c *http.Client, i int) error {
		_, err := call(c, "POST", s.base+"/v1/users", token, map[string]any{"email": fmt.Sprintf("made%d@example.org", i), "email_verified": true, "display_name": "Made Up"})
		return err
	})
	if err != nil {
		return err
	}
	raw, err := b.measureRawInsert(db, s, others)
	if err != nil {
		return err
	}
	b.add(figure{what: "create user without password, CPU", engine: name, unit: "ms", value: microseconds(cost) / 1000, target: 1,
		limit: fmt.Sprintf("raw INSERTs %.3f ms", microseconds(raw)/1000), samples: b.users})

	for i := range b.signIns/5 + connections {
		if _, err := call(client, "POST", s.base+"/v1/users", token, map[string]any{"username": fmt.Sprintf("signs-in-%d", i), "password": secret}); err != nil {
			return err
		}
	}
	// A hash is bound by memory, whose speed drifts with what else the machine does: both are measured in turns.
	const turns = 4
	var signIn, hash time.Duration
	for range turns {
		cost, err := load(b.signIns/turns, s.cpu, func(c *http.Client, i int) error {
			if i < 0 {
				i = -i
			}
			_, err := call(c, "POST", s.base+"/v1/sign-in", "", map[string]any{"identifier": fmt.Sprintf("signs-in-%d", i%(b.signIns/5)), "password": secret})
			return err
		})
		if err != nil {
			return err
		}
		alone, err := b.measureRawHash(b.signIns / turns)
		if err != nil {
			return err
		}
		signIn, hash = signIn+cost, hash+alone
	}
	b.add(figure{what: "sign-in CPU ÷ raw hash CPU", engine: name, unit: "", value: float64(signIn) / float64(hash), target: 1.03,
		limit: fmt.Sprintf("raw hash %.1f ms", microseconds(hash)/1000/turns), samples: b.signIns})
	return nil
}
