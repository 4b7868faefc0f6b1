package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cardinal/internal/store"
)

// dbState is what `cardinal db` says.
type dbState struct {
	Ready      bool                  `json:"ready"` // whether this program can serve the database as it is
	Pending    int                   `json:"pending"`
	Engine     string                `json:"engine"`
	Migrations []store.Migration     `json:"migrations"`
	Backfills  []store.BackfillState `json:"backfills"` // under way
	Nodes      []store.Node          `json:"nodes"`     // alive
	Waiting    []waitingContract     `json:"waiting"`
}

// waitingContract is a contraction that may not be made yet.
type waitingContract struct {
	Migration store.Migration `json:"migration"`
	For       []store.Node    `json:"for"` // whose program does not know it
}

func (a *app) dbMigrate() *cobra.Command {
	var role string
	c := command("migrate", "Take the schema as far as it may go now", "  cardinal db migrate\n  cardinal db migrate --db postgres://owner@localhost/cardinal --service-role cardinal_service",
		func(ctx context.Context, _ []string) error {
			s, err := a.openOrCreateStore(ctx)
			if err != nil {
				return err
			}
			began := time.Now()
			applied, err := s.MigrateTelling(ctx, began.UTC(), role, a.migrationPrinter())
			if err != nil {
				return withSchemaFix(err)
			}
			state, err := readDBState(ctx, s)
			if err != nil {
				return err
			}
			state.Migrations = append([]store.Migration{}, applied...)
			if a.json || len(a.fields) > 0 {
				return printItem(a, state, "engine", "migrations")
			}
			switch len(applied) {
			case 0:
				fmt.Fprintln(a.out, "nothing was pending that may be applied now")
			default:
				fmt.Fprintf(a.out, "%d applied in %s\nundo: not possible; restore a backup\n", len(applied), time.Since(began).Round(time.Millisecond))
			}
			a.printWaiting(state)
			if role != "" {
				fmt.Fprintf(a.out, "%s has the rights that `cardinal serve` needs, and no more\n", role)
			}
			return nil
		})
	c.Long = "Expands the schema, fills what was added in small batches while the service runs, and tightens it once no node of an older\n" +
		"version is left. It can be stopped at any moment and run again: what was done is kept."
	c.Flags().StringVar(&role, "service-role", "", "PostgreSQL `ROLE` to give the rights that serve needs, and no more")
	return c
}

// migrationPrinter tells of each migration, and of a backfill from time to time.
func (a *app) migrationPrinter() func(store.Progress) {
	every := 10 * time.Second
	if isTerminal(a.err) {
		every = time.Second
	}
	told := time.Now()
	return func(p store.Progress) {
		switch {
		case p.Backfill == nil && !a.json && len(a.fields) == 0:
			fmt.Fprintf(a.out, "applied %s\n", p.Migration)
		case p.Backfill != nil && time.Since(told) >= every:
			told = time.Now()
			a.printNote("%s: %s", p.Migration, backfillProgress(*p.Backfill))
		}
	}
}

// backfillProgress says how far a backfill has come: "74 %, 891204 of about 1204331 rows".
func backfillProgress(b store.BackfillState) string {
	if b.Rows <= 0 {
		return fmt.Sprintf("%d rows", b.Walked)
	}
	return fmt.Sprintf("%d %%, %d of about %d rows", min(100*b.Walked/b.Rows, 100), b.Walked, b.Rows)
}

func (a *app) dbStatus() *cobra.Command {
	return a.withListFlags(command("status", "List the migrations and say whether the schema is ready", "", func(ctx context.Context, _ []string) error {
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
		if err := printList(a, listPage[store.Migration]{Data: state.Migrations}, "number", "name", "phase", "applied_at"); err != nil || a.csv {
			return err
		}
		for _, b := range state.Backfills {
			fmt.Fprintf(a.out, "backfill %04d: %s, since %s\n", b.Number, backfillProgress(b), clock(b.StartedAt))
		}
		for _, n := range state.Nodes {
			fmt.Fprintf(a.out, "node %s: version %s, knows the schema up to %04d, seen %s\n", n.ID, n.Build, n.SchemaNumber, clock(n.LastSeenAt))
		}
		switch {
		case !state.Ready:
			_, err = fmt.Fprintf(a.out, "%d pending (%s); run %s\n", state.Pending, state.Engine, a.rerunCommand("db", "migrate"))
		case state.Pending > 0:
			_, err = fmt.Fprintf(a.out, "ready (%s); %d pending that need not be waited for\n", state.Engine, state.Pending)
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
		fmt.Fprintf(a.out, "%s waits for older nodes to stop: %s\nrun %s when they have\n", w.Migration, strings.Join(nodes, ", "), a.rerunCommand("db", "migrate"))
	}
}

// readDBState reads everything that is known of the schema's migrations.
func readDBState(ctx context.Context, s *store.Store) (dbState, error) {
	r, now := s.Read(ctx), time.Now().UTC()
	state := dbState{Engine: s.Engine(), Backfills: []store.BackfillState{}, Nodes: []store.Node{}, Waiting: []waitingContract{}}
	var err error
	if state.Migrations, err = r.Migrations(ctx); err != nil {
		return state, err
	}
	state.Ready = true
	upgradable := false // whether the tables of upgrades are there
	for _, m := range state.Migrations {
		if m.AppliedAt == nil {
			state.Pending++
			state.Ready = state.Ready && m.Phase != store.Expand
		} else if m.Name == "upgrades" {
			upgradable = true
		}
	}
	if !upgradable {
		return state, nil
	}
	if state.Backfills, err = r.Backfills(ctx); err != nil {
		return state, err
	}
	if state.Nodes, err = r.Nodes(ctx, now); err != nil {
		return state, err
	}
	for _, m := range state.Migrations {
		if m.AppliedAt != nil || m.Phase != store.Contract {
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
