package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"cardinal"
	"cardinal/internal/seed"
)

// seedResult is what `cardinal seed` did.
type seedResult struct {
	Users   int    `json:"users"`
	Seed    uint64 `json:"seed"`
	Created int    `json:"created"`
	Skipped int    `json:"skipped"`
	Granted int    `json:"granted"`
}

// roleEvery is to every how manieth person which role is granted, with --roles.
var roleEvery = map[string]int{"support": 20, "auditor": 50}

func (a *app) seed() *cobra.Command {
	done := seedResult{}
	var withRoles bool
	c := command("seed", "Make up people, the same for the same seed, without passwords", "  cardinal seed --users 500 --seed 42 --roles", func(ctx context.Context, _ []string) error {
		if done.Users < 1 {
			return usageError("Give 1 or more.", "--users %d is no number of people", done.Users)
		}
		k, err := a.open(ctx)
		if err != nil {
			return err
		}
		p := a.newCounter(done.Users)
		for i := range done.Users {
			user, err := k.CreateUser(ctx, seed.Person(done.Seed, i))
			switch {
			case isTaken(err):
				done.Skipped++
			case err != nil:
				return err
			default:
				done.Created++
				if withRoles {
					n, err := k.grantSeedRoles(ctx, user, i)
					if err != nil {
						return err
					}
					done.Granted += n
				}
			}
			p.update(i + 1)
		}
		return printChanged(a, done, "", "%d people made, %d skipped, %d roles granted; they have no passwords", done.Created, done.Skipped, done.Granted)
	})
	c.Flags().IntVar(&done.Users, "users", 100, "how many people")
	c.Flags().Uint64Var(&done.Seed, "seed", 42, "which people")
	c.Flags().BoolVar(&withRoles, "roles", false, "grant some of them the roles support and auditor")
	return c
}

// isTaken reports whether somebody else, who was made up before most likely, has the address.
func isTaken(err error) bool {
	var refusal *cardinal.Refusal
	return errors.As(err, &refusal) && refusal.Code == "identifier_taken"
}

// grantSeedRoles grants a made-up person the roles that are the turn of their number, and returns how many.
func (k desk) grantSeedRoles(ctx context.Context, user cardinal.User, i int) (int, error) {
	n := 0
	for name, every := range roleEvery {
		if i%every != 0 {
			continue
		}
		role, err := k.RoleByName(ctx, name)
		if err != nil {
			return n, err
		}
		if _, err := k.GrantRole(ctx, user.ID, cardinal.NewGrant{RoleID: role.ID}); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// counter tells how far something is: one line rewritten on a terminal, else a plain line every tenth.
type counter struct {
	a             *app
	total         int
	rewrite       bool
	printedTenths int // tenths
	rewrittenAt   time.Time
}

func (a *app) newCounter(all int) *counter {
	return &counter{a: a, total: all, rewrite: isTerminal(a.err)}
}

func (p *counter) update(n int) {
	tenths := n * 10 / p.total
	switch {
	case p.a.json:
	case p.rewrite && (n == p.total || time.Since(p.rewrittenAt) > 100*time.Millisecond):
		p.rewrittenAt = time.Now()
		fmt.Fprintf(p.a.err, "\r%d of %d", n, p.total)
		if n == p.total {
			fmt.Fprintln(p.a.err)
		}
	case !p.rewrite && tenths > p.printedTenths:
		p.printedTenths = tenths
		fmt.Fprintf(p.a.err, "%d of %d (%d %%)\n", n, p.total, tenths*10)
	}
}
