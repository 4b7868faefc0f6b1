package directory_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/anishathalye/porcupine"

	"cardinal"
	"cardinal/internal/access"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/signin"
)

// adminCall changes a user who is or can become an administrator.
type adminCall struct {
	action string // grant, revoke, suspend, reactivate or check
	user   int
}

// adminState has one bit per user: who has the role, and who is active.
type adminState struct{ granted, active uint }

// adminModel is the sequential behaviour. The output is an error code; "" for success.
var adminModel = porcupine.Model{
	Step: func(state, input, output any) (bool, any) {
		s, call, code := state.(adminState), input.(adminCall), output.(string)
		bit := uint(1) << call.user
		isLast := s.granted&s.active == bit
		switch call.action {
		case "grant":
			return code == "", adminState{s.granted | bit, s.active}
		case "revoke":
			switch {
			case s.granted&bit == 0:
				return code == "not_found", s
			case isLast:
				return code == "last_user_with_role", s
			}
			return code == "", adminState{s.granted &^ bit, s.active}
		case "suspend":
			if isLast {
				return code == "last_user_with_role", s
			}
			return code == "", adminState{s.granted, s.active &^ bit}
		case "reactivate":
			return code == "", adminState{s.granted, s.active | bit}
		default:
			return code == "", s
		}
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v: %q", input, output) },
}

// TestLinearizableLastAdministrator: each client grants and revokes the role of one user, and suspends and reactivates
// the user, concurrently and on two nodes. One active administrator always remains, and only a change of the last one
// is refused.
func TestLinearizableLastAdministrator(t *testing.T) {
	const rounds, clients, calls = 12, 3, 8
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		desks := twoNodes(t, w)
		slowCommits(t, w)
		role := w.Role(t, "administrator")
		model := adminModel
		model.Init = func() any { return adminState{1<<clients - 1, 1<<clients - 1} }
		var previous []cardinal.User
		for range rounds {
			var users [clients]cardinal.User
			for i := range users {
				users[i], _ = w.NewPerson(t, "administrator")
			}
			for _, u := range previous { // the administrators of the previous round lose the role
				err := access.RevokeGrant(ctx, w.Operator(), u.ID, role.ID)
				if err != nil && errorCode(err) != "not_found" {
					t.Fatal(err)
				}
			}
			previous = users[:]
			h := newHistory()
			h.runClients(clients, func(i int, random *rand.Rand) {
				desk, user, suspended := desks[i%2], users[i], false
				for range calls {
					call := adminCall{
						[]string{"revoke", "suspend", "grant", "revoke", "suspend", "check"}[random.IntN(6)], i,
					}
					if call.action == "suspend" && suspended {
						call.action = "reactivate"
					}
					h.call(i, call, func() any {
						var err error
						changed := user
						switch call.action {
						case "grant":
							_, err = access.GrantRole(ctx, desk, user.ID, cardinal.NewGrant{RoleID: role.ID})
						case "revoke":
							err = access.RevokeGrant(ctx, desk, user.ID, role.ID)
						case "suspend":
							changed, err = desk.SuspendUser(ctx, user.ID, user.Version)
						case "reactivate":
							changed, err = desk.ReactivateUser(ctx, user.ID, user.Version)
						default:
							has, err := signin.HasAdministrator(ctx, w.Directory)
							if err != nil || !has {
								return fmt.Sprintf("an administrator %t, %v", has, err)
							}
							return ""
						}
						if err == nil {
							user, suspended = changed, changed.Status == "suspended"
						}
						return errorCode(err)
					})
				}
			})
			if h.expectLinearizable(t, model); t.Failed() {
				return
			}
		}
	})
}

// slowCommits makes PostgreSQL wait between the check of deferred constraints and the commit: two transactions that do
// not lock each other would then both pass the check.
func slowCommits(t *testing.T, w *world) {
	t.Helper()
	if w.Engine != "postgres" {
		return // SQLite runs one transaction at a time
	}
	for _, statement := range []string{
		`CREATE FUNCTION wait_before_commit() RETURNS trigger LANGUAGE plpgsql
		 AS $$ BEGIN PERFORM pg_sleep(0.005); RETURN NULL; END $$`,
		`CREATE CONSTRAINT TRIGGER zz_wait AFTER UPDATE OR DELETE ON user_roles DEFERRABLE INITIALLY DEFERRED
		 FOR EACH ROW EXECUTE FUNCTION wait_before_commit()`,
		`CREATE CONSTRAINT TRIGGER zz_wait AFTER UPDATE OF status ON users DEFERRABLE INITIALLY DEFERRED
		 FOR EACH ROW EXECUTE FUNCTION wait_before_commit()`,
	} {
		value(w.SQL(t).ExecContext(t.Context(), statement))(t)
	}
}
