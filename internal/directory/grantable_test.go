package directory_test

import (
	"testing"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/signin"
)

// TestRolesThatCannotBeGranted: the roles of the built-in actors are nobody else's, and they get no others.
func TestRolesThatCannotBeGranted(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		u, _ := w.person(t)
		gone, _ := w.person(t)
		gone = must(w.operator().DeleteUser(ctx, gone.ID, gone.Version))(t)
		auditor := w.role(t, "auditor").ID
		for _, id := range []uuid.UUID{cardinal.OperatorID, cardinal.SystemID, cardinal.StrangerID} {
			_, err := w.operator().GrantRole(ctx, id, cardinal.NewGrant{RoleID: auditor})
			refuses(t, err, "role_not_assignable")
		}
		_, err := w.operator().GrantRole(ctx, gone.ID, cardinal.NewGrant{RoleID: auditor})
		refuses(t, err, "role_not_assignable")
		fixed := 0
		for _, role := range must(w.operator().Roles(ctx, cardinal.Page{Limit: 100}))(t).Data {
			if role.IsAssignable {
				continue
			}
			fixed++
			_, err := w.operator().GrantRole(ctx, u.ID, cardinal.NewGrant{RoleID: role.ID})
			refuses(t, err, "role_not_assignable")
		}
		if fixed == 0 {
			t.Error("every role can be granted")
		}
	})
}

// TestAccessOfWhoMustChangeThePassword: nothing is allowed before, whoever asks.
func TestAccessOfWhoMustChangeThePassword(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		email := anEmail()
		u := must(w.operator().CreateUser(ctx, cardinal.NewUser{Email: email, EmailVerified: true, Password: goodPassword, MustChangePassword: true}))(t)
		w.grant(t, u, "auditor", nil)
		in := w.signIn(t, email, goodPassword)
		_, err := signin.CheckSessionAccess(ctx, w.Directory, in.Token.Reveal(), "users.read")
		refuses(t, err, "password_change_required")
		must(w.session(t, in).ChangePassword(ctx, cardinal.PasswordChange{Current: goodPassword, New: "eight blue tricycles"}))(t)
		if access := must(signin.CheckSessionAccess(ctx, w.Directory, in.Token.Reveal(), "audit.read"))(t); !access.Allowed {
			t.Error("nothing is allowed after the change")
		}
	})
}
