// Command cardinal is the whole service in one binary: the server, and a command line that opens the same database by itself,
// as the operator, and joins the same rules.
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

// tree is the whole command line.
func (a *app) tree() *cobra.Command {
	return a.root(
		a.serve(),
		group("admin", "Make and list administrators", a.adminSetupLink(), a.adminAdd(), a.adminList()),
		group("users", "People and services", a.usersList(), a.usersGet(), a.usersCreate(), a.usersEdit(), a.usersSuspend(),
			a.usersReactivate(), a.usersDelete(), a.usersRestore(), a.usersSignOut(), a.usersSetPassword()),
		group("contacts", "E-mail addresses and telephone numbers of a user", a.contactsList(), a.contactsAdd(), a.contactsVerify(), a.contactsRemove()),
		group("sessions", "Where a user is signed in", a.sessionsList(), a.sessionsRevoke()),
		group("roles", "Roles, what they permit and who holds them", a.rolesList(), a.rolesGet(), a.rolesCreate(), a.rolesEdit(),
			a.rolesDelete(), a.rolesGrant(), a.rolesRevoke(), a.rolesPermissions()),
		group("access", "May somebody do something, and why", a.accessCheck(), a.accessExplain()),
		group("audit", "What happened", a.auditList()),
		group("settings", "What administrators change while the service runs", a.settingsList(), a.settingsSet()),
		a.importUsers(),
		a.export(),
		group("runs", "Imports: what they made, going on, undoing", a.runsList(), a.runsShow(), a.runsResume(), a.runsUndo()),
		a.seed(),
		a.erd(),
		group("db", "The database's schema", a.dbMigrate(), a.dbStatus(), a.dbPlan(), a.dbLint()),
		a.check(),
		group("config", "What the service is configured with", a.configShow()),
		a.completion(),
		a.version(),
		a.help(),
	)
}

var errInterrupted = errors.New("interrupted")

// run runs one command line and returns its exit code.
func run(args []string) int {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel(errInterrupted)
		<-signals // whoever asks twice does not want to wait
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

// asksForJSON looks for --json where a wrong flag kept the others from being read.
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
