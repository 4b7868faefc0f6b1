package access_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/access"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/signin"
	"cardinal/internal/store"
)

// TestUnassignableRoles: the roles of built-in actors cannot be granted, and built-in actors get no other roles.
func TestUnassignableRoles(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		u, _ := w.NewPerson(t)
		deleted, _ := w.NewPerson(t)
		deleted = value(w.Operator().DeleteUser(ctx, deleted.ID, deleted.Version))(t)
		auditor := w.Role(t, "auditor").ID
		for _, id := range []uuid.UUID{cardinal.OperatorID, cardinal.SystemID, cardinal.AnonymousID} {
			_, err := access.GrantRole(ctx, w.Operator(), id, cardinal.NewGrant{RoleID: auditor})
			expectRefusal(t, err, "role_not_assignable")
		}
		_, err := access.GrantRole(ctx, w.Operator(), deleted.ID, cardinal.NewGrant{RoleID: auditor})
		expectRefusal(t, err, "role_not_assignable")
		unassignable := 0
		for _, role := range value(access.Roles(ctx, w.Operator(), cardinal.Page{Limit: 100}))(t).Data {
			if role.IsAssignable {
				continue
			}
			unassignable++
			_, err := access.GrantRole(ctx, w.Operator(), u.ID, cardinal.NewGrant{RoleID: role.ID})
			expectRefusal(t, err, "role_not_assignable")
		}
		if unassignable == 0 {
			t.Error("every role can be granted")
		}
	})
}

func TestLastAdministrator(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		role := w.Role(t, "administrator")
		admin, email := w.NewPerson(t, "administrator")
		w.NewService(t, "administrator") // has the role and cannot sign in
		suspended, _ := w.NewPerson(t, "administrator")
		value(w.Operator().SuspendUser(ctx, suspended.ID, suspended.Version))(t)
		temporary, _ := w.NewPerson(t)
		until := w.Clock.Now().Add(time.Hour)
		w.Grant(t, temporary, "administrator", &until)
		t.Run("CannotBeRemoved", func(t *testing.T) {
			in := w.SignIn(t, email, goodPassword)
			w.ResetEvents(t)
			for name, call := range map[string]func() error{
				"revoke": func() error { return access.RevokeGrant(ctx, w.Operator(), admin.ID, role.ID) },
				"suspend": func() error {
					return errorOf(w.Operator().SuspendUser(ctx, admin.ID, admin.Version))
				},
				"delete": func() error { return errorOf(w.Operator().DeleteUser(ctx, admin.ID, admin.Version)) },
				"self-delete": func() error {
					return errorOf(w.DeskOfToken(t, in.Token).DeleteUser(ctx, admin.ID, admin.Version))
				},
				"expiry": func() error {
					return errorOf(access.GrantRole(ctx, w.Operator(), admin.ID, cardinal.NewGrant{
						RoleID: role.ID, ExpiresAt: &until,
					}))
				},
			} {
				err := call()
				if errorCode(err) != "last_user_with_role" || !errors.Is(err, cardinal.ErrConflict) {
					t.Errorf("%s: the error code is %q", name, errorCode(err))
				}
			}
			w.ExpectEvents(t)
			if !w.SessionActive(t, in) {
				t.Error("a refused change ended the session")
			}
			if has := value(signin.HasAdministrator(ctx, w.Directory))(t); !has {
				t.Error("there is no administrator")
			}
		})
		t.Run("RemovedAfterAnother", func(t *testing.T) {
			other, _ := w.NewPerson(t, "administrator")
			u := value(w.Operator().SuspendUser(ctx, admin.ID, admin.Version))(t)
			_, err := w.Operator().SuspendUser(ctx, other.ID, other.Version)
			expectRefusal(t, err, "last_user_with_role")
			value(w.Operator().ReactivateUser(ctx, admin.ID, u.Version))(t)
			noError(t, access.RevokeGrant(ctx, w.Operator(), other.ID, role.ID))
		})
	})
}

func TestConcurrentLastAdministrator(t *testing.T) {
	rounds := 15
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		role := w.Role(t, "administrator")
		for round := range rounds {
			a, _ := w.NewPerson(t, "administrator")
			b, _ := w.NewPerson(t, "administrator")
			// The administrators of the previous round lose the role.
			for _, u := range value(access.Administrators(ctx, w.Operator()))(t) {
				if u.ID != a.ID && u.ID != b.ID {
					noError(t, access.RevokeGrant(ctx, w.Operator(), u.ID, role.ID))
				}
			}
			until := w.Clock.Now().Add(time.Hour)
			changes := []func(cardinal.User) func(context.Context) error{
				func(u cardinal.User) func(context.Context) error {
					return func(ctx context.Context) error {
						return access.RevokeGrant(ctx, w.Operator(), u.ID, role.ID)
					}
				},
				func(u cardinal.User) func(context.Context) error {
					return func(ctx context.Context) error {
						return errorOf(w.Operator().SuspendUser(ctx, u.ID, u.Version))
					}
				},
				func(u cardinal.User) func(context.Context) error {
					return func(ctx context.Context) error {
						return errorOf(w.Operator().DeleteUser(ctx, u.ID, u.Version))
					}
				},
				func(u cardinal.User) func(context.Context) error {
					return func(ctx context.Context) error {
						return errorOf(access.GrantRole(ctx, w.Operator(), u.ID, cardinal.NewGrant{
							RoleID: role.ID, ExpiresAt: &until,
						}))
					}
				},
			}
			first, second := changes[round%4], changes[(round/4)%4]
			errs := directorytest.Concurrently(first(a), second(b))
			refused := 0
			for _, err := range errs {
				if err != nil {
					refused++
					if errorCode(err) != "last_user_with_role" {
						t.Errorf("the error code is %q", errorCode(err))
					}
				}
			}
			if refused != 1 {
				t.Errorf("round %d: %d of 2 changes were refused, want 1", round, refused)
			}
			if has := value(signin.HasAdministrator(ctx, w.Directory))(t); !has {
				t.Fatalf("round %d left no administrator", round)
			}
		}
	})
}

func TestGrants(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		admin, _ := w.NewPerson(t, "administrator")
		desk := w.DeskOf(admin)
		role := w.Role(t, "auditor")
		t.Run("GrantAndRevoke", func(t *testing.T) {
			u, _ := w.NewPerson(t)
			w.ResetEvents(t)
			g := value(access.GrantRole(ctx, desk, u.ID, cardinal.NewGrant{RoleID: role.ID}))(t)
			if g.GrantedBy != admin.ID || g.RoleName != "auditor" || g.ExpiresAt != nil {
				t.Errorf("granted %+v", g)
			}
			w.ExpectEvents(t, event{
				Action: "role.grant", Actor: admin.ID, Subject: u.ID,
				Changes: []string{"user_roles.auditor >granted"},
				Rows:    []string{"user_roles"},
			})
			value(w.DeskOf(u).Settings(ctx))(t)
			until := w.Clock.Now().Add(time.Hour)
			value(access.GrantRole(ctx, desk, u.ID, cardinal.NewGrant{RoleID: role.ID, ExpiresAt: &until}))(t)
			w.ExpectEvents(t, event{
				Action: "role.grant", Actor: admin.ID, Subject: u.ID,
				Changes: []string{"user_roles.auditor >granted", "user_roles.expires_at >time"},
				Rows:    []string{"user_roles"},
			})
			noError(t, access.RevokeGrant(ctx, desk, u.ID, role.ID))
			w.ExpectEvents(t, event{
				Action: "role.revoke", Actor: admin.ID, Subject: u.ID,
				Changes: []string{"user_roles.auditor >revoked"},
				Rows:    []string{"-user_roles"},
			})
			expectRefusal(t, access.RevokeGrant(ctx, desk, u.ID, role.ID), "not_found")
			w.ExpectEvents(t)
			_, err := w.DeskOf(u).Settings(ctx)
			expectRefusal(t, err, "permission_missing")
		})
		t.Run("InvalidInput", func(t *testing.T) {
			u, _ := w.NewPerson(t)
			past := w.Clock.Now()
			w.ResetEvents(t)
			_, err := access.GrantRole(ctx, desk, u.ID, cardinal.NewGrant{RoleID: role.ID, ExpiresAt: &past})
			expectRefusal(t, err, "/expires_at time_in_past")
			_, err = access.GrantRole(ctx, desk, u.ID, cardinal.NewGrant{RoleID: cardinal.NewID()})
			expectRefusal(t, err, "/role_id role_unknown")
			_, err = access.GrantRole(ctx, desk, cardinal.NewID(), cardinal.NewGrant{RoleID: role.ID})
			expectRefusal(t, err, "not_found")
			expectRefusal(t, access.RevokeGrant(ctx, desk, u.ID, cardinal.NewID()), "not_found")
			w.ExpectEvents(t)
		})
		t.Run("ExpiryRecordedOnce", func(t *testing.T) {
			u, _ := w.NewPerson(t)
			kept, _ := w.NewPerson(t)
			until, later := w.Clock.Now().Add(time.Minute), w.Clock.Now().Add(time.Hour)
			w.Grant(t, u, "auditor", &until)
			w.Grant(t, kept, "auditor", &later)
			w.ResetEvents(t)
			w.RunJob(t, "grants.expire")
			w.ExpectEvents(t)
			w.Clock.Add(time.Minute)
			w.RunJob(t, "grants.expire")
			w.ExpectEvents(t, event{
				Action: "role.expire", Actor: cardinal.SystemID, Subject: u.ID,
				Changes: []string{"user_roles.auditor >expired"},
				Rows:    []string{"-user_roles"},
			})
			w.RunJob(t, "grants.expire")
			w.ExpectEvents(t)
			if g := value(access.Grants(ctx, desk, kept.ID, cardinal.Page{Limit: 5}))(t); len(g.Data) != 1 {
				t.Errorf("grants %+v", g)
			}
		})
		t.Run("ExtendedConcurrently", func(t *testing.T) {
			if w.Engine == "sqlite" {
				return // SQLite runs one transaction at a time
			}
			u, _ := w.NewPerson(t)
			until, later := w.Clock.Now().Add(time.Minute), w.Clock.Now().Add(time.Hour)
			grant := w.Grant(t, u, "auditor", &until)
			w.Clock.Add(time.Minute)
			var job sync.WaitGroup
			var err error
			noError(t, w.Store.Write(ctx, func(tx store.Tx) error {
				if err := tx.LockRoleRow(ctx, role.ID); err != nil {
					return err
				}
				grant.ExpiresAt = &later
				if _, err := tx.UpsertGrant(ctx, grant); err != nil {
					return err
				}
				job.Go(func() {
					err = w.As(cardinal.System()).RunJob(ctx, directorytest.JobOf(t, "grants.expire"), uuid.Nil)
				})
				w.WaitForLock(t)
				return nil
			}))
			job.Wait()
			noError(t, err)
			if g := value(access.Grants(ctx, desk, u.ID, cardinal.Page{Limit: 5}))(t); len(g.Data) != 1 {
				t.Errorf("grants %+v", g)
			}
		})
		t.Run("RevokedForAPIKeys", func(t *testing.T) {
			svc := w.NewService(t, "auditor", "support")
			key := value(access.CreateAPIKey(ctx, desk, cardinal.NewAPIKey{
				UserID: svc.ID, Name: "k", RoleIDs: []uuid.UUID{role.ID, w.Role(t, "support").ID},
				ExpiresAt: w.Clock.Now().Add(time.Hour),
			}))(t)
			caller := w.DeskOfToken(t, key.Token)
			value(caller.Settings(ctx))(t)
			w.ResetEvents(t)
			noError(t, access.RevokeGrant(ctx, desk, svc.ID, role.ID))
			w.ExpectEvents(t, event{
				Action: "role.revoke", Actor: admin.ID, Subject: svc.ID,
				Changes: []string{"user_roles.auditor >revoked"},
				Rows:    []string{"-api_key_roles", "-user_roles"},
			})
			_, err := caller.Settings(ctx)
			expectRefusal(t, err, "permission_missing")
		})
	})
}

// An address that no user has verified makes no administrator: every user can type it.
func TestAddAdministrator(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		email := directorytest.NewEmail()
		add := func() (cardinal.User, error) {
			return access.AddAdministrator(ctx, w.Operator(), cardinal.NewUser{Email: email})
		}
		mallory, _ := w.NewPerson(t)
		in := cardinal.NewContact{Kind: "email", Value: email}
		contact := value(w.DeskOf(mallory).AddContact(ctx, mallory.ID, in))(t)
		_, err := add()
		expectRefusal(t, err, "address_unverified")
		noError(t, w.DeskOf(mallory).RemoveContact(ctx, mallory.ID, contact.ID, contact.Version))
		created := value(add())(t)
		if again := value(add())(t); again.ID != created.ID || created.ID == mallory.ID {
			t.Errorf("the administrators %s and %s", created.ID, again.ID)
		}
		grants := value(access.Grants(ctx, w.Operator(), created.ID, cardinal.Page{Limit: 5}))(t).Data
		if len(grants) != 1 || grants[0].RoleName != "administrator" {
			t.Errorf("grants %+v", grants)
		}
		email = directorytest.NewEmail()
		value(w.Operator().CreateUser(ctx, cardinal.NewUser{Email: email}))(t)
		_, err = add()
		expectRefusal(t, err, "address_unverified")
	})
}
