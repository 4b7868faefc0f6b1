package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cardinal/internal/store"
	"cardinal/internal/store/schema"
)

// dbState is the state of the migrations, the backfills and the nodes.
type dbState struct {
	Ready      bool                  `json:"ready"` // whether this program can serve the database now
	Pending    int                   `json:"pending"`
	Engine     string                `json:"engine"`
	Migrations []schema.Migration    `json:"migrations"`
	Backfills  []store.BackfillState `json:"backfills"` // running
	Nodes      []store.Node          `json:"nodes"`     // running
	Waiting    []waitingContract     `json:"waiting"`
}

// waitingContract is a contract migration that cannot be applied yet.
type waitingContract struct {
	Migration schema.Migration `json:"migration"`
	For       []store.Node     `json:"for"` // nodes of older versions
}

func (a *app) dbMigrate() *cobra.Command {
	var role string
	c := command("migrate", "Migrate the schema as far as possible now",
		"  cardinal db migrate\n"+
			"  cardinal db migrate --db postgres://owner@localhost/cardinal --service-role cardinal_service",
		func(ctx context.Context, _ []string) error {
			s, err := a.openOrCreateStore(ctx)
			if err != nil {
				return err
			}
			startedAt := time.Now()
			applied, err := s.MigrateWithProgress(ctx, startedAt.UTC(), role, a.migrationPrinter())
			if err != nil {
				return withSchemaFix(err)
			}
			if role != "" {
				statement, err := s.RevokeTemporary(ctx, role)
				if err != nil {
					return err
				}
				if statement != "" {
					a.printNote("%s can create temporary tables, which it does not need. As the owner of the "+
						"database, run: %s;", role, statement)
				}
			}
			state, err := readDBState(ctx, s)
			if err != nil {
				return err
			}
			state.Migrations = append([]schema.Migration{}, applied...)
			if a.json || len(a.fields) > 0 {
				return printItem(a, state, "engine", "migrations")
			}
			switch len(applied) {
			case 0:
				fmt.Fprintln(a.out, "no pending migration can be applied now")
			default:
				fmt.Fprintf(a.out, "applied %s in %s\nThis cannot be undone. To go back, restore a backup.\n",
					plural(len(applied), "migration"), time.Since(startedAt).Round(time.Millisecond))
			}
			a.printWaiting(state)
			if role != "" {
				fmt.Fprintf(a.out, "%s has exactly the privileges that `cardinal serve` needs\n", role)
			}
			return nil
		})
	c.Long = `Applies the expand migrations, backfills the new columns in small batches while the service runs,
and applies the contract migrations when no node of an older version is left. It can be interrupted
at any time and run again: the work done so far is kept.

With --service-role it also takes the privilege to create temporary tables in this database from all
roles that have it through PUBLIC. If it does not own the database, it prints the statement instead.`
	c.Flags().StringVar(&role, "service-role", "",
		"grant this PostgreSQL `ROLE` exactly the privileges that serve needs")
	return c
}

// migrationPrinter returns a function that prints each applied migration, and the progress of a backfill from time to
// time.
func (a *app) migrationPrinter() func(store.Progress) {
	every := 10 * time.Second
	if isTerminal(a.err) {
		every = time.Second
	}
	printedAt := time.Now()
	return func(p store.Progress) {
		switch {
		case p.Backfill == nil && !a.json && len(a.fields) == 0:
			fmt.Fprintf(a.out, "applied %s\n", p.Migration)
		case p.Backfill != nil && time.Since(printedAt) >= every:
			printedAt = time.Now()
			a.printNote("%s: %s", p.Migration, backfillProgress(*p.Backfill))
		}
	}
}

// backfillProgress formats the progress of a backfill, like "74 %, 891204 of about 1204331 rows".
func backfillProgress(b store.BackfillState) string {
	if b.Rows <= 0 {
		return fmt.Sprintf("%d rows", b.Scanned)
	}
	return fmt.Sprintf("%d %%, %d of about %d rows", min(100*b.Scanned/b.Rows, 100), b.Scanned, b.Rows)
}

func (a *app) dbStatus() *cobra.Command {
	return a.withListFlags(command("status", "List the migrations and report whether the schema is ready", "",
		func(ctx context.Context, _ []string) error {
			s, err := a.openStore(ctx)
			if err != nil {
				return err
			}
			state, err := readDBState(ctx, s)
			if err != nil {
				return withSchemaFix(err)
			}
			if a.json {
				return printItem(a, state)
			}
			list := listPage[schema.Migration]{Data: state.Migrations}
			err = printList(a, list, "number", "name", "phase", "applied_at")
			if err != nil || a.csv {
				return err
			}
			for _, b := range state.Backfills {
				fmt.Fprintf(a.out, "backfill %04d: %s, started at %s\n",
					b.Number, backfillProgress(b), clock(b.StartedAt))
			}
			for _, n := range state.Nodes {
				fmt.Fprintf(a.out, "node %s: version %s, supports the schema up to %04d, last heartbeat at %s\n",
					n.ID, n.Build, n.SchemaNumber, clock(n.LastSeenAt))
			}
			switch {
			case !state.Ready:
				_, err = fmt.Fprintf(a.out, "%d pending (%s); run %s\n",
					state.Pending, state.Engine, a.rerunCommand("db", "migrate"))
			case state.Pending > 0:
				_, err = fmt.Fprintf(a.out, "ready (%s); %d pending, which the service does not need yet\n",
					state.Engine, state.Pending)
			default:
				_, err = fmt.Fprintf(a.out, "ready (%s)\n", state.Engine)
			}
			a.printWaiting(state)
			return err
		}))
}

func (a *app) printWaiting(state dbState) {
	for _, w := range state.Waiting {
		nodes := make([]string, len(w.For))
		for i, n := range w.For {
			nodes[i] = fmt.Sprintf("%s (version %s)", n.ID, n.Build)
		}
		fmt.Fprintf(a.out, "%s waits for older nodes to stop: %s\nrun %s after they have stopped\n",
			w.Migration, strings.Join(nodes, ", "), a.rerunCommand("db", "migrate"))
	}
}

// readDBState reads the state of the migrations, the backfills and the nodes.
func readDBState(ctx context.Context, s *store.Store) (dbState, error) {
	r, now := s.Read(ctx), time.Now().UTC()
	state := dbState{
		Engine: s.Engine(), Backfills: []store.BackfillState{}, Nodes: []store.Node{}, Waiting: []waitingContract{},
	}
	var err error
	if state.Migrations, err = r.Migrations(ctx); err != nil {
		return state, err
	}
	state.Ready = true
	hasUpgrades := false // whether the tables of backfills and nodes exist
	for _, m := range state.Migrations {
		if m.AppliedAt == nil {
			state.Pending++
			state.Ready = state.Ready && m.Phase != schema.Expand
		} else if m.Name == "upgrades" {
			hasUpgrades = true
		}
	}
	if !hasUpgrades {
		return state, nil
	}
	if state.Backfills, err = r.Backfills(ctx); err != nil {
		return state, err
	}
	if state.Nodes, err = r.Nodes(ctx, now); err != nil {
		return state, err
	}
	for _, m := range state.Migrations {
		if m.AppliedAt != nil || m.Phase != schema.Contract {
			continue
		}
		older, err := r.OlderNodes(ctx, m.Number, now)
		if err != nil {
			return state, err
		}
		if len(older) > 0 {
			state.Waiting = append(state.Waiting, waitingContract{m, older})
		}
	}
	return state, nil
}
