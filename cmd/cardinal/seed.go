package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"cardinal"
	"cardinal/internal/access"
	"cardinal/internal/seed"
)

// seedResult is the result of `cardinal seed`.
type seedResult struct {
	Users   int    `json:"users"`
	Seed    uint64 `json:"seed"`
	Created int    `json:"created"`
	Skipped int    `json:"skipped"`
	Granted int    `json:"granted"`
}

// roleEvery says which roles --roles grants, each to every n-th user.
var roleEvery = map[string]int{"support": 20, "auditor": 50}

func (a *app) seed() *cobra.Command {
	done := seedResult{}
	var withRoles bool
	c := command("seed", "Create generated users without passwords; the same seed creates the same users",
		"  cardinal seed --users 500 --seed 42 --roles",
		func(ctx context.Context, _ []string) error {
			if done.Users < 1 {
				return usageError("Give 1 or more.", "--users %d is too small", done.Users)
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
			return printChanged(a, done, "", "created %d users without passwords, skipped %d, granted %d roles",
				done.Created, done.Skipped, done.Granted)
		})
	c.Flags().IntVar(&done.Users, "users", 100, "number of users to create")
	c.Flags().Uint64Var(&done.Seed, "seed", 42, "seed of the generator")
	c.Flags().BoolVar(&withRoles, "roles", false, "grant the roles support and auditor to some of the users")
	return c
}

// isTaken reports whether another user has the address: most likely the same generated user of an earlier run.
func isTaken(err error) bool {
	var refusal *cardinal.Refusal
	return errors.As(err, &refusal) && refusal.Code == "identifier_taken"
}

// grantSeedRoles grants the i-th generated user the roles of roleEvery, and returns how many.
func (k desk) grantSeedRoles(ctx context.Context, user cardinal.User, i int) (int, error) {
	n := 0
	for name, every := range roleEvery {
		if i%every != 0 {
			continue
		}
		role, err := access.RoleByName(ctx, k.Desk, name)
		if err != nil {
			return n, err
		}
		if _, err := access.GrantRole(ctx, k.Desk, user.ID, cardinal.NewGrant{RoleID: role.ID}); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// counter prints the progress of a task with a known number of steps: on a terminal one line that is rewritten,
// otherwise a line at every tenth; with --json nothing.
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
