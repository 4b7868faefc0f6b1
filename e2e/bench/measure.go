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

// bench is one run of the benchmarks.
type bench struct {
	dir, binary              string
	requests, users, signIns int
	people                   int           // number of imported users
	empty                    time.Duration // CPU time of an empty handler per request
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
	setupToken string // token of the set-up link, if it was printed
	helperPIDs []int  // PIDs of its database server
}

// start runs the service, waits until it is ready, and returns it with the time that this took.
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
		response, err := http.Get(s.base + "/readyz")
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
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

// cpu returns the CPU time of the service and its database server so far. Its resolution is 10 ms, a tick.
func (s *service) cpu() time.Duration {
	total := processCPU(s.process.Process.Pid)
	for _, parent := range s.helperPIDs {
		total += treeCPU(parent)
	}
	return total
}

func processCPU(pid int) time.Duration { return statTicks(pid, 13, 14) }

// treeCPU returns the CPU time of a process and its children, including ended ones. It starts again if a child ended in
// the meantime: that child could be missing both in the running children and in the ended ones.
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

// memory returns the resident memory of the service in MiB.
func (s *service) memory() float64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.Process.Pid))
	m := regexp.MustCompile(`VmRSS:\s+(\d+)`).FindSubmatch(text)
	if m == nil {
		return 0
	}
	kib, _ := strconv.ParseFloat(string(m[1]), 64)
	return kib / 1024
}

// fields are the members of a JSON object.
type fields = map[string]any

// call sends a request and returns the JSON object of the response.
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
	response, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= 300 {
		return nil, fmt.Errorf("%s %s: %s: %s", method, url, response.Status, text)
	}
	var out map[string]any
	if len(text) > 0 && response.Header.Get("Content-Type") == "application/json" {
		err = json.Unmarshal(text, &out)
	}
	return out, err
}

// setUp uses the set-up link and returns the token of the administrator.
func (s *service) setUp() (token string, err error) {
	signedIn, err := call(http.DefaultClient, "POST", s.base+"/v1/set-up", "",
		fields{"token": s.setupToken, "email": "bench@example.com", "password": secret})
	if err != nil {
		return "", err
	}
	return signedIn["token"].(string), nil
}

// createUser creates a user with a password for signIn.
func (s *service) createUser(token string, i int) error {
	_, err := call(http.DefaultClient, "POST", s.base+"/v1/users", token,
		fields{"username": fmt.Sprintf("signs-in-%d", i), "chosen_by_user": true, "password": secret})
	return err
}

func (s *service) signIn(client *http.Client, i int) error {
	_, err := call(client, "POST", s.base+"/v1/sign-in", "",
		fields{"identifier": fmt.Sprintf("signs-in-%d", i), "password": secret})
	return err
}

// load sends n requests over several connections and returns the CPU time per request.
func load(n int, cpu func() time.Duration, send func(client *http.Client, i int) error) (time.Duration, error) {
	clients := make([]*http.Client, connections)
	for i := range clients {
		clients[i] = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1, MaxConnsPerHost: 1}}
		if err := send(clients[i], -1-i); err != nil { // connect and warm up
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

// engine runs the basic measurements on one database.
func (b *bench) engine(name, db, folder string, sessionTarget, accessTarget float64, helpers []int) error {
	s, _, err := b.start(db, folder)
	if err != nil {
		return err
	}
	token, err := s.setUp()
	if err != nil {
		return err
	}
	if err := s.stop(); err != nil {
		return err
	}
	seed := exec.Command(b.binary, "seed", "--users", strconv.Itoa(b.users), "--seed", "1",
		"--db", db, "--keys", filepath.Join(folder, "keys"))
	seed.Dir = folder
	if text, err := seed.CombinedOutput(); err != nil {
		return fmt.Errorf("seed: %w\n%s", err, text)
	}

	var fastest time.Duration
	const starts = 5
	for range starts {
		restarted, took, err := b.start(db, folder)
		if err != nil {
			return err
		}
		if fastest == 0 || took < fastest {
			fastest = took
		}
		s = restarted
		if err := s.stop(); err != nil {
			return err
		}
	}
	b.add(figure{what: "start to healthy, existing database", engine: name, unit: "ms",
		value: microseconds(fastest) / 1000, target: 60, limit: "fastest of the starts", samples: starts})
	if s, _, err = b.start(db, folder); err != nil {
		return err
	}
	defer s.stop()
	s.helperPIDs = helpers
	time.Sleep(3 * time.Second)
	b.add(figure{what: "idle memory", engine: name, unit: "MiB",
		value: s.memory(), target: 30, limit: "3 s after the start", samples: 1})

	emptyLimit := fmt.Sprintf("empty handler %.0f µs", microseconds(b.empty))
	cost, err := load(b.requests, s.cpu, func(c *http.Client, _ int) error {
		_, err := call(c, "GET", s.base+"/v1/session", token, nil)
		return err
	})
	if err != nil {
		return err
	}
	b.add(figure{what: "session check, CPU per request", engine: name, unit: "µs",
		value: microseconds(cost), target: sessionTarget, limit: emptyLimit, samples: b.requests})
	question := fields{"permission": "users.read"}
	cost, err = load(b.requests, s.cpu, func(c *http.Client, _ int) error {
		_, err := call(c, "POST", s.base+"/v1/access/check", token, question)
		return err
	})
	if err != nil {
		return err
	}
	b.add(figure{what: "access check, CPU per request", engine: name, unit: "µs",
		value: microseconds(cost), target: accessTarget, limit: emptyLimit, samples: b.requests})

	cost, err = load(b.users, s.cpu, func(c *http.Client, i int) error {
		_, err := call(c, "POST", s.base+"/v1/users", token, fields{
			"email": fmt.Sprintf("made%d@example.org", i), "email_verified": true, "display_name": "Made Up"})
		return err
	})
	if err != nil {
		return err
	}
	raw, err := b.measureRawInsert(db, s, helpers)
	if err != nil {
		return err
	}
	b.add(figure{what: "create user without password, CPU", engine: name, unit: "ms",
		value: microseconds(cost) / 1000, target: 1, limit: fmt.Sprintf("raw INSERTs %.3f ms",
			microseconds(raw)/1000), samples: b.users})

	for i := range b.signIns/5 + connections {
		if err := s.createUser(token, i); err != nil {
			return err
		}
	}
	// The speed of a hash depends on the memory, and so on other load of the machine. Therefore both are measured
	// alternately.
	const turns = 4
	var signIn, hash time.Duration
	for range turns {
		cost, err := load(b.signIns/turns, s.cpu, func(c *http.Client, i int) error {
			if i < 0 {
				i = -i
			}
			return s.signIn(c, i%(b.signIns/5))
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
	b.add(figure{what: "sign-in CPU ÷ raw hash CPU", engine: name, unit: "",
		value: float64(signIn) / float64(hash), target: 1.03, limit: fmt.Sprintf("raw hash %.1f ms",
			microseconds(hash)/1000/turns), samples: b.signIns})
	return nil
}
