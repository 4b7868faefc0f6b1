// Command bench measures the built binary from outside and prints each figure beside its limit from the same run: an empty
// net/http handler, the raw hash, raw INSERTs of the same rows, the same with ten thousand people. It writes docs/benchmarks.md; a
// miss stays in the table.
//
// A figure is CPU per operation: the service's own plus PostgreSQL's, read from /proc, so that a busy machine moves it little.
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
	requests := flag.Int("requests", 40000, "requests of a check that is measured")
	users := flag.Int("users", 2000, "people there are before measuring, and users made while measuring")
	signIns := flag.Int("sign-ins", 150, "sign-ins and raw hashes measured")
	people := flag.Int("people", 100_000, "people imported, and found, listed and signed in beside")
	only := flag.String("only", "", "measure only this: import or sizes")
	out := flag.String("o", "docs/benchmarks.md", "file to write")
	cold := flag.Bool("cold", true, "measure a build with an empty cache")
	child := flag.String("child", "", "used by itself: empty, hash, insert, copy or storm")
	url := flag.String("url", "", "used by itself: database of the children insert and copy, service of storm")
	to := flag.String("to", "", "used by itself: where the child copy copies to")
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
	if part, ok := map[string]func() error{"import": b.imports, "sizes": b.sizes}[only]; ok { // while one works at it; the file is that of the whole
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

// build makes the binary as `make build` does; cold, with an empty cache.
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

// figure is one measured number beside its limit and what is to be reached.
type figure struct {
	what, engine, unit string
	value, target      float64 // reach is 0 for what is only printed
	limit              string  // the raw thing measured in the same run
	samples            int
}

func (b *bench) add(f figure) {
	b.figures = append(b.figures, f)
	log.Printf("%-34s %-8s %10.3f %-5s (reach %g) %s", f.what, f.engine, f.value, f.unit, f.target, f.limit)
}

// table is docs/benchmarks.md.
func (b *bench) table() string {
	var t strings.Builder
	commit, _ := exec.Command("git", "describe", "--always", "--dirty").Output()
	fmt.Fprintf(&t, "# Benchmarks\n\nWritten by `go run ./e2e/bench -people %d` on %s, commit %s, %s, %d cores. CPU is user and system\n"+
		"time of the service plus all of PostgreSQL's processes, per operation; clients run beside them on the same cores and are not counted.\n"+
		"\"At that size\" is with so many people. A slow machine misses limits in seconds: the limits of the same run say how slow it was.\n\n",
		b.people, time.Now().UTC().Format(time.DateOnly), strings.TrimSpace(string(commit)), runtime.Version(), runtime.NumCPU())
	t.WriteString("| what | database | measured | reach | | limit, same run | samples |\n|---|---|---|---|---|---|---|\n")
	for _, f := range b.figures {
		reach, verdict := fmt.Sprintf("≤ %g %s", f.target, f.unit), "reached"
		switch {
		case f.target == 0:
			reach, verdict = "–", ""
		case f.value > f.target:
			verdict = "**missed**"
		}
		fmt.Fprintf(&t, "| %s | %s | %s %s | %s | %s | %s | %d |\n", f.what, f.engine, number(f.value), f.unit, reach, verdict, f.limit, f.samples)
	}
	for _, w := range b.shares {
		fmt.Fprintf(&t, "\n## Where a user's bytes are: %s\n\n| table or index | bytes a user |\n|---|---|\n", w.engine)
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
