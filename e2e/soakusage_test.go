package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"time"
)

// usage is the resource use of the service at a time, and its requests since the previous measurement.
type usage struct {
	memory                     float64 // MiB
	files, goroutines, threads int
	requests                   int
	rate                       float64 // requests per second
	p99                        time.Duration
}

func (u usage) String() string {
	return fmt.Sprintf("%6.1f MiB, %3d files, %3d goroutines, %2d threads, %5d requests, %5.0f/s, p99 %s",
		u.memory, u.files, u.goroutines, u.threads, u.requests, u.rate, u.p99.Round(100*time.Microsecond))
}

var (
	residentMemory = regexp.MustCompile(`(?m)^VmRSS:\s+(\d+) kB`)
	threadCount    = regexp.MustCompile(`(?m)^Threads:\s+(\d+)`)
	goroutineCount = regexp.MustCompile(`(?m)^go_goroutines (\d+)`)
)

// usage reads the process's resource use from the kernel and from the metrics. Database connections count as files.
func (r *harness) usage() usage {
	r.t.Helper()
	pid := r.process.Process.Pid
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		r.t.Fatal(err)
	}
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		r.t.Fatal(err)
	}
	response, err := http.Get(r.monitor + "/metrics")
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		r.t.Fatalf("metrics: %s, %v", response.Status, err)
	}
	metrics := string(page)
	number := func(pattern *regexp.Regexp, text string) int {
		m := pattern.FindStringSubmatch(text)
		if m == nil {
			r.t.Fatalf("no match of %s", pattern)
		}
		n, err := strconv.Atoi(m[1])
		if err != nil {
			r.t.Fatal(err)
		}
		return n
	}
	return usage{
		memory: float64(number(residentMemory, string(status))) / 1024, threads: number(threadCount, string(status)),
		files: len(files), goroutines: number(goroutineCount, metrics),
	}
}
