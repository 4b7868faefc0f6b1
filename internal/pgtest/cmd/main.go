// Command cmd runs another command beside a throw-away PostgreSQL server:
//
//	go run ./internal/pgtest/cmd [-durable] -- COMMAND [ARGUMENT…]
//
// The command finds the URL of a superuser in CARDINAL_TEST_POSTGRES. When that is set already, no server is started. The
// exit status is the command's (`go run` itself turns every failure into 1).
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"cardinal/internal/pgtest"
)

func main() {
	durable := flag.Bool("durable", false, "keep fsync on, as in production")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: cmd [-durable] -- COMMAND [ARGUMENT…]")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	status, err := run(pgtest.Options{Durable: *durable}, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(status)
}

// run returns the exit status of the command, or 1 and why there is none.
func run(options pgtest.Options, command []string) (status int, err error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if os.Getenv(pgtest.Variable) == "" {
		cluster, failure := pgtest.Start(options)
		if failure != nil {
			return 1, failure
		}
		defer func() {
			if failure := cluster.Stop(); failure != nil {
				status, err = max(status, 1), errors.Join(err, failure)
			}
		}()
		cmd.Env = append(os.Environ(), pgtest.Variable+"="+cluster.URL())
	}
	// The command decides what a signal means; this process stays until it has ended, to stop the server.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if err := cmd.Start(); err != nil {
		return 1, fmt.Errorf("pgtest: run the command: %w", err)
	}
	go func() {
		for s := range signals {
			if s != os.Interrupt { // a terminal sends that one to the command itself
				cmd.Process.Signal(s)
			}
		}
	}()
	err = cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if exit.ExitCode() < 0 {
			return 1, fmt.Errorf("pgtest: the command: %w", err) // a signal ended it
		}
		return exit.ExitCode(), nil
	}
	if err != nil {
		return 1, err
	}
	return 0, nil
}
