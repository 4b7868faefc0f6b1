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

// seeded is what `cardinal seed` did.
type seeded struct {
	Users   int    `json:"users"`
	Seed    uint64 `json:"seed"`
	Created int    `json:"created"`
	Skipped int    `json:"skipped"`
	Granted int    `json:"granted"`
}

// grantedTo is to every how manieth person which role is granted, with --roles.
var grantedTo = map[string]int{"support": 20, "auditor": 50}

func (a *app) seed() *cobra.Command {
	done := seeded{}
	var withRoles bool
	c := leaf("seed", "Make up people, the same for the same seed, without passwords", "  cardinal seed --users 500 --seed 42 --roles", func(ctx context.Context, _ []string) error {
		if done.Users < 1 {
			return wrongUsage("Give 1 or more.", "--users %d is no number of people", done.Users)
		}
		k, err := a.open(ctx)
		if err != nil {
			return err
		}
		p := a.progressOf(done.Users)
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
					n, err := k.grantSome(ctx, user, i)
					if err != nil {
						return err
					}
					done.Granted += n
				}
			}
			p.at(i + 1)
		}
		return changed(a, done, "", "%d people made, %d skipped, %d roles granted; they have no passwords", done.Created, done.Skipped, done.Granted)
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

// grantSome grants a made-up person the roles that are the turn of their number, and returns how many.
func (k desk) grantSome(ctx context.Context, user cardinal.User, i int) (int, error) {
	n := 0
	for name, every := range grantedTo {
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

// progress tells how far something is: one line rewritten on a terminal, else a plain line every tenth.
type progress struct {
	a        *app
	all      int
	rewrite  bool
	told     int // tenths
	rewrites time.Time
}

func (a *app) progressOf(all int) *progress {
	return &progress{a: a, all: all, rewrite: isTerminal(a.err)}
}

func (p *progress) at(n int) {
	tenths := n * 10 / p.all
	switch {
	case p.a.json:
	case p.rewrite && (n == p.all || time.Since(p.rewrites) > 100*time.Millisecond):
		p.rewrites = time.Now()
		fmt.Fprintf(p.a.err, "\r%d of %d", n, p.all)
		if n == p.all {
			fmt.Fprintln(p.a.err)
		}
	case !p.rewrite && tenths > p.told:
		p.told = tenths
		fmt.Fprintf(p.a.err, "%d of %d (%d %%)\n", n, p.all, tenths*10)
	}
}
