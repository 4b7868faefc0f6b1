// Package e2e tests the built binary through its HTTP API and its command line, on both databases.
package e2e

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
	"sync"
	"syscall"
	"testing"
	"time"

	"cardinal/internal/pgtest"
)

func TestMain(m *testing.M) {
	status := pgtest.Main(m)
	if folder, err := buildFolder(); err == nil {
		os.RemoveAll(folder)
	}
	os.Exit(status)
}

var engines = []string{"sqlite", "postgres"}

// buildFolder creates the folder of the built programs.
var buildFolder = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "cardinal-e2e-") })

// currentBinary builds the program under test, once.
var currentBinary = sync.OnceValues(func() (string, error) { return build("..", "cardinal") })

// build builds the program of a source tree and returns its path.
func build(tree, name string, flags ...string) (string, error) {
	folder, err := buildFolder()
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, name)
	c := exec.Command("go", append(append([]string{"build", "-o", path}, flags...), "./cmd/cardinal")...)
	c.Dir, c.Env = tree, append(os.Environ(), "CGO_ENABLED=0")
	if text, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, text)
	}
	return path, nil
}

// service is a running Cardinal process with its database.
type service struct {
	t          testing.TB
	folder     string
	db         string
	log        string // file of its output
	base       string
	monitor    string // URL of the second listener
	program    string // path of the binary; "" for the program under test
	process    *exec.Cmd
	client     *http.Client
	setupToken string // token of the printed set-up link
}

// start runs the service on a new database of an engine and waits until it is ready.
func start(t testing.TB, engine string) *service {
	t.Helper()
	s := &service{t: t, folder: t.TempDir(), client: newClient()}
	s.db = "sqlite:" + filepath.Join(s.folder, "cardinal-data", "cardinal.db")
	if engine == "postgres" {
		s.db = pgtest.Database(t)
	}
	s.startProcess()
	t.Cleanup(func() { s.stop() })
	return s
}

// newClient returns an HTTP client for many concurrent requests.
func newClient() *http.Client {
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
}

// startProcess starts the process and waits until it is ready. It can be called again after the process has ended.
func (s *service) startProcess() {
	s.t.Helper()
	path := s.path()
	address, monitor := freeAddress(s.t), freeAddress(s.t)
	_, port, _ := net.SplitHostPort(address)
	s.log = filepath.Join(s.folder, "serve"+port+".out")
	out, err := os.Create(s.log)
	if err != nil {
		s.t.Fatal(err)
	}
	defer out.Close()
	s.process = exec.Command(path, "serve", "--http", address, "--db", s.db)
	s.process.Env = append(os.Environ(), "CARDINAL_MONITOR="+monitor) // earlier versions ignore it
	s.process.Dir, s.process.Stdout, s.process.Stderr = s.folder, out, out
	s.base, s.monitor = "http://"+address, "http://"+monitor
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		response, err := http.Get(s.base + "/readyz")
		if err != nil {
			continue
		}
		response.Body.Close()
		if response.StatusCode == http.StatusOK {
			if m := regexp.MustCompile(`token=(cl_[A-Za-z0-9_-]+)`).FindSubmatch(s.output()); m != nil {
				s.setupToken = string(m[1])
			}
			return
		}
	}
	s.t.Fatalf("serve did not become ready:\n%s", s.output())
}

// freeAddress returns an address with a port that no program listens on.
func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// path returns the path of the program.
func (s *service) path() string {
	s.t.Helper()
	if s.program != "" {
		return s.program
	}
	path, err := currentBinary()
	if err != nil {
		s.t.Fatal(err)
	}
	return path
}

func (s *service) output() []byte {
	text, _ := os.ReadFile(s.log)
	return text
}

// logTail returns the end of the output.
func (s *service) logTail() []byte {
	text := s.output()
	return text[max(0, len(text)-2000):]
}

// stop sends SIGTERM to the process and waits for its end.
func (s *service) stop() error {
	if s.process == nil || s.process.ProcessState != nil {
		return nil
	}
	s.process.Process.Signal(syscall.SIGTERM)
	return s.process.Wait()
}

// fields are the members of a JSON object.
type fields = map[string]any

// reply is the response to a request.
type reply struct {
	status int
	header http.Header
	body   map[string]any
	text   string
}

// send sends a request; headers are pairs of name and value.
func (s *service) send(method, path, token string, body any, headers ...string) (reply, error) {
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return reply{}, err
		}
		reader = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(context.Background(), method, s.base+path, reader)
	if err != nil {
		return reply{}, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
		if method == http.MethodPatch {
			r.Header.Set("Content-Type", "application/merge-patch+json")
		}
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := s.client.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return reply{}, err
	}
	out := reply{status: response.StatusCode, header: response.Header, text: string(text)}
	if len(text) > 0 {
		_ = json.Unmarshal(text, &out.body) // other content types have no body
	}
	return out, nil
}

// field returns a member of the body by its path.
func (r reply) field(path ...string) any {
	var v any = r.body
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	return v
}

func (r reply) str(path ...string) string {
	s, _ := r.field(path...).(string)
	return s
}

func (r reply) data() []map[string]any {
	items, _ := r.body["data"].([]any)
	out := make([]map[string]any, len(items))
	for i, item := range items {
		out[i], _ = item.(map[string]any)
	}
	return out
}

// command runs a command on the database of the running service and returns its output.
func (s *service) command(args ...string) string {
	s.t.Helper()
	c := exec.Command(s.path(), append(args, "--db", s.db)...)
	c.Dir = s.folder
	text, err := c.CombinedOutput()
	if err != nil {
		s.t.Errorf("cardinal %v: %v\n%s", args, err, text)
	}
	return string(text)
}
