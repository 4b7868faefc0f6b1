package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"cardinal/internal/store"
)

// schemaState is what `cardinal db` says.
type schemaState struct {
	Ready      bool              `json:"ready"`
	Pending    int               `json:"pending"`
	Engine     string            `json:"engine"`
	Migrations []store.Migration `json:"migrations"`
}

func (a *app) dbMigrate() *cobra.Command {
	var role string
	c := leaf("migrate", "Apply the migrations that are pending", "  cardinal db migrate\n  cardinal db migrate --db postgres://owner@localhost/cardinal --service-role cardinal_service",
		func(ctx context.Context, _ []string) error {
			s, err := a.makeStore(ctx)
			if err != nil {
				return err
			}
			began := time.Now()
			applied, err := s.Migrate(ctx, began.UTC(), role)
			if err != nil {
				return err
			}
			if a.json || len(a.fields) > 0 {
				return printItem(a, schemaState{Ready: true, Engine: s.Engine(), Migrations: append([]store.Migration{}, applied...)}, "engine", "migrations")
			}
			for _, m := range applied {
				fmt.Fprintf(a.out, "applied %04d %s\n", m.Number, m.Name)
			}
			switch len(applied) {
			case 0:
				fmt.Fprintln(a.out, "nothing was pending")
			default:
				fmt.Fprintf(a.out, "%d applied in %s\nundo: not possible; restore a backup\n", len(applied), time.Since(began).Round(time.Millisecond))
			}
			if role != "" {
				fmt.Fprintf(a.out, "%s has the rights that `cardinal serve` needs, and no more\n", role)
			}
			return nil
		})
	c.Flags().StringVar(&role, "service-role", "", "PostgreSQL `ROLE` to give the rights that serve needs, and no more")
	return c
}

func (a *app) dbStatus() *cobra.Command {
	return a.asList(leaf("status", "List the migrations and say whether the schema is ready", "", func(ctx context.Context, _ []string) error {
		s, err := a.openStore(ctx)
		if err != nil {
			return err
		}
		all, err := s.Read(ctx).Migrations(ctx)
		if err != nil {
			return notReady(err)
		}
		state := schemaState{Engine: s.Engine(), Migrations: all}
		for _, m := range all {
			if m.AppliedAt == nil {
				state.Pending++
			}
		}
		state.Ready = state.Pending == 0
		if a.json {
			return printItem(a, state)
		}
		if err := printList(a, listed[store.Migration]{Data: all}, "number", "name", "phase", "applied_at"); err != nil || a.csv {
			return err
		}
		if state.Ready {
			_, err = fmt.Fprintf(a.out, "ready (%s)\n", state.Engine)
		} else {
			_, err = fmt.Fprintf(a.out, "%d pending (%s); run %s\n", state.Pending, state.Engine, a.again("db", "migrate"))
		}
		return err
	}))
}
