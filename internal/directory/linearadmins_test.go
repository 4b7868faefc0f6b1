package directory_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/anishathalye/porcupine"

	"cardinal"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/signin"
)

// adminCall is a change of one of the people who are, or may become, administrators.
type adminCall struct {
	what string // grant, revoke, suspend, reactivate or ask
	who  int
}

// adminState is who holds the role and who is not suspended, a bit each.
type adminState struct{ holders, active uint }

// admins says what may be answered: the code of a refusal, or nothing.
var admins = porcupine.Model{
	Step: func(state, input, output any) (bool, any) {
		s, call, answer := state.(adminState), input.(adminCall), output.(string)
		bit := uint(1) << call.who
		isLast := s.holders&s.active == bit
		switch call.what {
		case "grant":
			return answer == "", adminState{s.holders | bit, s.active}
		case "revoke":
			switch {
			case s.holders&bit == 0:
				return answer == "not_found", s
			case isLast:
				return answer == "last_user_with_role", s
			}
			return answer == "", adminState{s.holders &^ bit, s.active}
		case "suspend":
			if isLast {
				return answer == "last_user_with_role", s
			}
			return answer == "", adminState{s.holders, s.active &^ bit}
		case "reactivate":
			return answer == "", adminState{s.holders, s.active | bit}
		default:
			return answer == "", s
		}
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v: %q", input, output) },
}

// TestLinearizableLastAdministrator: each client takes one person in and out of the role and of work, all at once and
// through two nodes; there is always somebody left, and a refusal is told only to whom would have been the last.
func TestLinearizableLastAdministrator(t *testing.T) {
	const rounds, clients, calls = 12, 3, 8
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		desks := twoNodes(t, w)
		slowCommits(t, w)
		role := w.Role(t, "administrator")
		model := admins
		model.Init = func() any { return adminState{1<<clients - 1, 1<<clients - 1} }
		var before []cardinal.User
		for range rounds {
			var people [clients]cardinal.User
			for i := range people {
				people[i], _ = w.NewPerson(t, "administrator")
			}
			for _, u := range before { // those of the round before are out of the way
				if err := w.Operator().RevokeGrant(ctx, u.ID, role.ID); err != nil && errorCode(err) != "not_found" {
					t.Fatal(err)
				}
			}
			before = people[:]
			h := newHistory()
			h.clients(clients, func(i int, random *rand.Rand) {
				desk, me, suspended := desks[i%2], people[i], false
				for range calls {
					call := adminCall{
						[]string{"revoke", "suspend", "grant", "revoke", "suspend", "ask"}[random.IntN(6)], i,
					}
					if call.what == "suspend" && suspended {
						call.what = "reactivate"
					}
					h.call(i, call, func() any {
						var err error
						changed := me
						switch call.what {
						case "grant":
							_, err = desk.GrantRole(ctx, me.ID, cardinal.NewGrant{RoleID: role.ID})
						case "revoke":
							err = desk.RevokeGrant(ctx, me.ID, role.ID)
						case "suspend":
							changed, err = desk.SuspendUser(ctx, me.ID, me.Version)
						case "reactivate":
							changed, err = desk.ReactivateUser(ctx, me.ID, me.Version)
						default:
							has, err := signin.HasAdministrator(ctx, w.Directory)
							if err != nil || !has {
								return fmt.Sprintf("an administrator %t, %v", has, err)
							}
							return ""
						}
						if err == nil {
							me, suspended = changed, changed.Status == "suspended"
						}
						return errorCode(err)
					})
				}
			})
			if h.isLinearizable(t, model); t.Failed() {
				return
			}
		}
	})
}

// slowCommits makes PostgreSQL wait between the rules that are checked at a commit and the commit itself, where two
// that do not lock each other out pass both.
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
