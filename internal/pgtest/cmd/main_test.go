package main

import (
	"os"
	"testing"

	"cardinal/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func TestRun(t *testing.T) {
	tests := []struct {
		name    string
		script  string
		status  int
		isError bool
	}{
		{"ReturnsStatus", "exit 3", 3, false},
		{"Success", "exit 0", 0, false},
		{"EndedBySignal", "kill -KILL $$", 1, true},
		{"StartsServer", `case "$` + pgtest.Variable + `" in postgres://*) exit 0;; esac; exit 4`, 0, false},
	}
	t.Setenv(pgtest.Variable, pgtest.Server(t)) // all but the last test share a server
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if i == len(tests)-1 {
				t.Setenv(pgtest.Variable, "")
			}
			status, err := run(pgtest.Options{}, []string{"sh", "-c", test.script})
			if status != test.status || (err != nil) != test.isError {
				t.Errorf("status %d, error %v; want %d, error %t", status, err, test.status, test.isError)
			}
		})
	}
	if status, err := run(pgtest.Options{}, []string{"/no/such/program"}); status != 1 || err == nil {
		t.Errorf("unknown command: status %d, error %v; want 1 and an error", status, err)
	}
}
