package signin_test

import (
	"context"
	"testing"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/signin"
)

// openFunctions are the functions that need no permission, each with the reason.
var openFunctions = map[string]string{
	"ChangePassword": "changes the actor's own password",
	"Confirm":        "confirms the actor's own session",
	"SignUpErrors":   "returns only what is wrong with the input, and nothing while sign-up is closed; tested below",
}

// deskCalls returns a call of every other function with a desk. The call is valid: only the permission is missing.
func deskCalls(t *testing.T, w *world) map[string]directorytest.DeniedCall {
	target, email := w.NewPerson(t)
	none := cardinal.SystemID
	denied, anonymous := directorytest.Denied, directorytest.DeniedAnonymous
	return map[string]directorytest.DeniedCall{
		"NewSetupLink": denied("setup_link.create", none, func(ctx context.Context, k directory.Desk) error {
			return errorOf(signin.NewSetupLink(ctx, k))
		}),
		"SetPassword": denied("password.set", target.ID, func(ctx context.Context, k directory.Desk) error {
			return errorOf(signin.SetPassword(ctx, k, target.ID, 1,
				cardinal.PasswordSet{ChosenByUser: true, New: goodPassword}))
		}),
		"SetUp": anonymous(func(ctx context.Context, k directory.Desk) error {
			in := cardinal.SetUp{Token: "cl_x", Email: "a@example.com", Password: goodPassword}
			return errorOf(signin.SetUp(ctx, k, in))
		}),
		"SignUp": anonymous(func(ctx context.Context, k directory.Desk) error {
			return errorOf(signin.SignUp(ctx, k, cardinal.SignUp{Email: "up@example.com", Password: goodPassword}))
		}),
		"WithPassword": anonymous(func(ctx context.Context, k directory.Desk) error {
			in := cardinal.SignIn{Identifier: email, Password: goodPassword}
			return errorOf(signin.WithPassword(ctx, k, in))
		}),
	}
}

func TestDefaultDeny(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		calls := deskCalls(t, w)
		t.Run("CaseForEveryFunction", func(t *testing.T) {
			directorytest.ExpectCaseForEach(t, directorytest.DeskFunctions(t), calls, openFunctions)
		})
		w.ExpectDefaultDeny(t, calls)
		t.Run("AdministratorAllowed", func(t *testing.T) {
			w.ExpectAllowed(t, calls, "NewSetupLink")
		})
		t.Run("ErrorsNeedOpenSignUp", func(t *testing.T) {
			w.SetSetting(t, "sign_up.mode", "closed")
			fieldErrors := value(signin.SignUpErrors(t.Context(), w.Anonymous(""), cardinal.SignUp{}))(t)
			if fieldErrors != nil {
				t.Errorf("returned %v while sign-up is closed", fieldErrors)
			}
			w.SetSetting(t, "sign_up.mode", "open")
			fieldErrors = value(signin.SignUpErrors(t.Context(), w.Anonymous(""), cardinal.SignUp{}))(t)
			if len(fieldErrors) != 2 {
				t.Errorf("returned %v, want two errors", fieldErrors)
			}
		})
	})
}
