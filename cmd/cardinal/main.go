// Command cardinal is the whole service in one binary: the server and the command line. The commands open the same
// database directly, act as the operator, and follow the same rules as the API.
package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set when a release is built: -ldflags "-X main.version=v1.2.3".
var version = "dev"

func main() { os.Exit(run(os.Args[1:])) }

// tree returns the root command with all commands below it.
func (a *app) tree() *cobra.Command {
	return a.root(
		a.serve(),
		group("admin", "Create and list administrators", a.adminSetupLink(), a.adminAdd(), a.adminList()),
		group("users", "Persons and services", a.usersList(), a.usersGet(), a.usersCreate(), a.usersEdit(),
			a.usersSuspend(), a.usersReactivate(), a.usersDelete(), a.usersRestore(), a.usersSignOut(),
			a.usersUnlock(), a.usersSetPassword()),
		group("contacts", "Email addresses and phone numbers of a user", a.contactsList(), a.contactsAdd(),
			a.contactsVerify(), a.contactsRemove()),
		group("sessions", "Sessions of a user", a.sessionsList(), a.sessionsRevoke()),
		group("roles", "Roles, their permissions, and the users who have them", a.rolesList(), a.rolesGet(),
			a.rolesCreate(), a.rolesEdit(), a.rolesDelete(), a.rolesGrant(), a.rolesRevoke(), a.rolesPermissions()),
		group("access", "What a user is allowed to do, and why", a.accessCheck(), a.accessExplain()),
		group("audit", "The audit log", a.auditList()),
		group("settings", "Settings that can be changed while the service runs", a.settingsList(), a.settingsSet()),
		a.importUsers(),
		a.export(),
		group("runs", "Imports of users", a.runsList(), a.runsShow(), a.runsResume(), a.runsUndo()),
		group("jobs", "Background jobs", a.jobsList(), a.jobsRun(), a.jobsRetry()),
		a.seed(),
		a.erd(),
		group("db", "The schema of the database", a.dbMigrate(), a.dbStatus(), a.dbPlan(), a.dbLint()),
		a.check(),
		group("config", "The configuration of the service", a.configShow()),
		a.completion(),
		a.version(),
		a.help(),
	)
}

var errInterrupted = errors.New("interrupted")

// run runs one command line and returns its exit code. The first signal cancels the context; the second one exits at
// once.
func run(args []string) int {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel(errInterrupted)
		<-signals
		os.Exit(exitInterrupted)
	}()
	a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr}
	root := a.tree()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	a.close()
	var silent silentError
	if err != nil && !errors.As(err, &silent) {
		printError(a.err, errorReportOf(ctx, err), a.json || asksForJSON(args))
	}
	return exitCode(ctx, err)
}

// asksForJSON looks for --json in the raw arguments: after an invalid flag the other flags are not parsed.
func asksForJSON(args []string) bool {
	for _, arg := range args {
		switch arg {
		case "--json", "--json=true":
			return true
		case "--":
			return false
		}
	}
	return false
}
