package directory_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"cardinal"
	"cardinal/internal/signin"
)

func TestLastAdministrator(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		role := w.role(t, "administrator")
		admin, email := w.person(t, "administrator")
		w.service(t, "administrator") // holds it, and cannot sign in
		locked, _ := w.person(t, "administrator")
		must(w.operator().SuspendUser(ctx, locked.ID, locked.Version))(t)
		brief, _ := w.person(t)
		until := w.Clock.Now().Add(time.Hour)
		w.grant(t, brief, "administrator", &until)
		t.Run("Stays", func(t *testing.T) {
			in := w.signIn(t, email, goodPassword)
			w.forget(t)
			for name, try := range map[string]func() error{
				"revoke":      func() error { return w.operator().RevokeGrant(ctx, admin.ID, role.ID) },
				"suspend":     func() error { _, err := w.operator().SuspendUser(ctx, admin.ID, admin.Version); return err },
				"delete":      func() error { _, err := w.operator().DeleteUser(ctx, admin.ID, admin.Version); return err },
				"self-delete": func() error { _, err := w.session(t, in).DeleteUser(ctx, admin.ID, admin.Version); return err },
				"expiry": func() error {
					_, err := w.operator().GrantRole(ctx, admin.ID, cardinal.NewGrant{RoleID: role.ID, ExpiresAt: &until})
					return err
				},
			} {
				err := try()
				if said(err) != "last_user_with_role" || !errors.Is(err, cardinal.ErrConflict) {
					t.Errorf("%s said %q", name, said(err))
				}
			}
			w.tells(t)
			if !w.alive(t, in) {
				t.Error("the session ended by a change that was refused")
			}
			if has := must(signin.HasAdministrator(ctx, w.Directory))(t); !has {
				t.Error("there is no administrator")
			}
		})
		t.Run("GoesOnceThereIsAnother", func(t *testing.T) {
			other, _ := w.person(t, "administrator")
			u := must(w.operator().SuspendUser(ctx, admin.ID, admin.Version))(t)
			_, err := w.operator().SuspendUser(ctx, other.ID, other.Version)
			refuses(t, err, "last_user_with_role")
			must(w.operator().ReactivateUser(ctx, admin.ID, u.Version))(t)
			ok(t, w.operator().RevokeGrant(ctx, other.ID, role.ID))
		})
	})
}

func TestLastAdministratorTogether(t *testing.T) {
	rounds := 15
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		role := w.role(t, "administrator")
		for round := range rounds {
			a, _ := w.person(t, "administrator")
			b, _ := w.person(t, "administrator")
			// Those of the round before are out of the way.
			for _, u := range must(signin.Administrators(ctx, w.operator()))(t) {
				if u.ID != a.ID && u.ID != b.ID {
					ok(t, w.operator().RevokeGrant(ctx, u.ID, role.ID))
				}
			}
			until := w.Clock.Now().Add(time.Hour)
			ways := []func(cardinal.User) func(context.Context) error{
				func(u cardinal.User) func(context.Context) error {
					return func(ctx context.Context) error { return w.operator().RevokeGrant(ctx, u.ID, role.ID) }
				},
				func(u cardinal.User) func(context.Context) error {
					return func(ctx context.Context) error { _, err := w.operator().SuspendUser(ctx, u.ID, u.Version); return err }
				},
				func(u cardinal.User) func(context.Context) error {
					return func(ctx context.Context) error { _, err := w.operator().DeleteUser(ctx, u.ID, u.Version); return err }
				},
				func(u cardinal.User) func(context.Context) error {
					return func(ctx context.Context) error {
						_, err := w.operator().GrantRole(ctx, u.ID, cardinal.NewGrant{RoleID: role.ID, ExpiresAt: &until})
						return err
					}
				},
			}
			first, second := ways[round%4], ways[(round/4)%4]
			errs := together(first(a), second(b))
			refused := 0
			for _, err := range errs {
				if err != nil {
					refused++
					if said(err) != "last_user_with_role" {
						t.Errorf("said %q", said(err))
					}
				}
			}
			if refused != 1 {
				t.Errorf("round %d: %d of 2 were refused", round, refused)
			}
			if has := must(signin.HasAdministrator(ctx, w.Directory))(t); !has {
				t.Fatalf("round %d left no administrator", round)
			}
		}
	})
}
