// Command bench measures the built binary and prints each figure with its limit from the same run: an empty net/http
// handler, a raw hash, raw INSERTs of the same rows, or the same operation with ten thousand users. It writes
// docs/benchmarks.md. Missed targets stay in the table.
//
// Most figures are CPU time per operation: that of the service plus that of PostgreSQL, read from /proc. Other load on
// the machine has little influence on it.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

func main() {
	log.SetFlags(0)
	requests := flag.Int("requests", 40000, "number of requests per measurement of a check")
	users := flag.Int("users", 2000, "number of seeded users, and of users created by the measurement")
	signIns := flag.Int("sign-ins", 150, "number of measured sign-ins and raw hashes")
	people := flag.Int("people", 100_000, "number of imported users; searches, lists and sign-ins run with them")
	only := flag.String("only", "", "run only these measurements: import, sizes or storm")
	out := flag.String("o", "docs/benchmarks.md", "output file")
	cold := flag.Bool("cold", true, "measure a build with an empty cache")
	child := flag.String("child", "", "internal: role of a child process: empty, hash, insert, copy, crowd or storm")
	url := flag.String("url", "", "internal: database of the children insert and copy, service of crowd and storm")
	to := flag.String("to", "", "internal: target database of the child copy")
	flag.Parse()
	switch *child {
	case "empty":
		serveEmpty()
		return
	case "hash":
		rawHash(*signIns)
		return
	case "insert":
		if err := rawInsert(*url, *users); err != nil {
			log.Fatal(err)
		}
		return
	case "copy":
		if err := rawCopy(*url, *to); err != nil {
			log.Fatal(err)
		}
		return
	case "crowd":
		sendCrowd(*url)
		return
	case "storm":
		if err := sendStorm(*url, *requests, *users); err != nil {
			log.Fatal(err)
		}
		return
	}
	b := &bench{requests: *requests, users: *users, signIns: *signIns, people: *people}
	if err := b.run(*only, *out, *cold); err != nil {
		log.Fatal("bench: ", err)
	}
}

func (b *bench) run(only, out string, cold bool) error {
	dir, err := os.MkdirTemp("", "cardinal-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b.dir, b.binary = dir, filepath.Join(dir, "cardinal")
	built, err := b.build(cold && only == "")
	if err != nil {
		return err
	}
	if b.empty, err = b.measureEmptyHandler(); err != nil {
		return err
	}
	// A partial run prints its figures only. The output file is for complete runs.
	if part, ok := map[string]func() error{"import": b.imports, "sizes": b.sizes, "storm": b.storms}[only]; ok {
		err := part()
		fmt.Print(b.table())
		return err
	}
	if cold {
		b.add(figure{what: "cold `go build`", unit: "s", value: built.Seconds(), target: 90, samples: 1})
	}
	info, err := os.Stat(b.binary)
	if err != nil {
		return err
	}
	b.add(figure{what: "binary", unit: "MiB", value: float64(info.Size()) / (1 << 20), target: 40, samples: 1})
	for _, measure := range []func() error{b.sqlite, b.postgres, b.imports, b.sizes} {
		if err := measure(); err != nil {
			return err
		}
	}
	text := b.table()
	fmt.Print(text)
	return os.WriteFile(out, []byte(text), 0o644)
}

// build builds the binary as `make build` does; with cold, it uses an empty cache.
func (b *bench) build(cold bool) (time.Duration, error) {
	c := exec.Command("go", "build", "-trimpath", "-o", b.binary, "./cmd/cardinal")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if cold {
		c.Env = append(c.Env, "GOCACHE="+filepath.Join(b.dir, "cache"))
	}
	start := time.Now()
	if text, err := c.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("go build: %w\n%s", err, text)
	}
	return time.Since(start), nil
}

// figure is a measured number with its target and its limit.
type figure struct {
	what, engine, unit string
	value, target      float64 // target is 0 for figures without one
	limit              string  // the comparable raw operation in the same run
	samples            int
}

func (b *bench) add(f figure) {
	b.figures = append(b.figures, f)
	log.Printf("%-34s %-8s %10.3f %-5s (target %g) %s", f.what, f.engine, f.value, f.unit, f.target, f.limit)
}

// table returns the text of docs/benchmarks.md.
func (b *bench) table() string {
	var t strings.Builder
	commit, _ := exec.Command("git", "describe", "--always", "--dirty").Output()
	fmt.Fprintf(&t, "# Benchmarks\n\n"+
		"Written by `go run ./e2e/bench -people %d` on %s, commit %s, %s, %d cores.\n"+
		"CPU is the user and system time of the service and of all PostgreSQL processes, per operation. The clients\n"+
		"run on the same cores and are not counted. \"At that size\" means with that number of users. A slow machine\n"+
		"misses targets in seconds; the limits of the same run show how slow it was.\n\n",
		b.people, time.Now().UTC().Format(time.DateOnly), strings.TrimSpace(string(commit)),
		runtime.Version(), runtime.NumCPU())
	t.WriteString("| measurement | database | result | target | | limit in the same run | samples |\n" +
		"|---|---|---|---|---|---|---|\n")
	for _, f := range b.figures {
		target, verdict := fmt.Sprintf("≤ %g %s", f.target, f.unit), "reached"
		switch {
		case f.target == 0:
			target, verdict = "–", ""
		case f.value > f.target:
			verdict = "**missed**"
		}
		fmt.Fprintf(&t, "| %s | %s | %s %s | %s | %s | %s | %d |\n",
			f.what, f.engine, number(f.value), f.unit, target, verdict, f.limit, f.samples)
	}
	for _, w := range b.shares {
		fmt.Fprintf(&t, "\n## Disk space per user: %s\n\n| table or index | bytes per user |\n|---|---|\n", w.engine)
		for _, s := range w.shares {
			if s.bytes >= 1 {
				fmt.Fprintf(&t, "| %s | %.0f |\n", s.name, s.bytes)
			}
		}
	}
	return t.String()
}

func number(v float64) string {
	switch {
	case v < 10:
		return fmt.Sprintf("%.3f", v)
	case v < 100:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}
