// Command cmd runs another command with a temporary PostgreSQL server:
//
//	go run ./internal/pgtest/cmd [-durable] -- COMMAND [ARGUMENT…]
//
// CARDINAL_TEST_POSTGRES passes the URL of a superuser to the command. If the variable is already set, no server is
// started. The exit status is that of the command (`go run` itself changes every failure to 1).
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

// run returns the exit status of the command. If the command has none, it returns 1 and the reason.
func run(options pgtest.Options, command []string) (status int, err error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if os.Getenv(pgtest.Variable) == "" {
		cluster, startErr := pgtest.Start(options)
		if startErr != nil {
			return 1, startErr
		}
		defer func() {
			if stopErr := cluster.Stop(); stopErr != nil {
				status, err = max(status, 1), errors.Join(err, stopErr)
			}
		}()
		cmd.Env = append(os.Environ(), pgtest.Variable+"="+cluster.URL())
	}
	// The command handles the signals. This process waits until it has ended, and then stops the server.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if err := cmd.Start(); err != nil {
		return 1, fmt.Errorf("pgtest: run the command: %w", err)
	}
	go func() {
		for s := range signals {
			if s != os.Interrupt { // the terminal sends this signal to the command as well
				cmd.Process.Signal(s)
			}
		}
	}()
	err = cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if exit.ExitCode() < 0 {
			return 1, fmt.Errorf("pgtest: the command: %w", err) // ended by a signal
		}
		return exit.ExitCode(), nil
	}
	if err != nil {
		return 1, err
	}
	return 0, nil
}
