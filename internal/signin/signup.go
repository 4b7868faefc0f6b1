package signin

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/normal"
)

const signUpAction = "user.sign_up"

// SignUp creates a pending user, where the setting sign_up.mode allows it. The address reserves nothing, so it makes no
// difference whether another user has it. A verified contact makes the user active.
func SignUp(ctx context.Context, k directory.Desk, in cardinal.SignUp) (cardinal.User, error) {
	rule := directory.Rule{Action: signUpAction, Permission: "accounts.create"}
	r, err := k.Read(ctx, rule)
	if err != nil {
		return cardinal.User{}, err
	}
	d := k.Directory()
	s, err := d.CurrentSettings(ctx, r)
	if err != nil {
		return cardinal.User{}, err
	}
	if !s.SignUpOpen {
		return cardinal.User{}, cardinal.Refuse("sign_up_closed")
	}
	if err := checkSignUp(in, s); err != nil {
		return cardinal.User{}, err
	}
	// Every sign-up counts against the client's address.
	counted, err := d.Throttle().ReserveFromAddress(ctx, "sign-up", k.Actor().ClientFrom.Address, s.ThrottleLimits())
	if err != nil {
		k.CountRefusal(ctx, uuid.Nil, signUpAction, err)
		return cardinal.User{}, err
	}
	user, err := createAccount(ctx, k, rule, in)
	if errors.Is(err, cardinal.ErrBusy) {
		err = errors.Join(err, counted.Release(ctx))
	}
	return user, err
}

func createAccount(
	ctx context.Context, k directory.Desk, rule directory.Rule, in cardinal.SignUp,
) (cardinal.User, error) {
	draft, err := k.PrepareUser(ctx, rule, cardinal.NewUser{
		Email: in.Email, ChosenByUser: true,
		Password: in.Password, DisplayName: in.DisplayName, Locale: in.Locale, TimeZone: in.TimeZone,
	})
	if err != nil {
		return directory.RecordDenied[cardinal.User](ctx, k, rule, err)
	}
	return directory.Change(ctx, k, rule, func(tx *directory.Tx) (cardinal.User, error) {
		return tx.CreateUser(ctx, draft, "sign_up")
	})
}

// checkSignUp finds every error of a sign-up at once.
func checkSignUp(in cardinal.SignUp, s directory.Settings) error {
	var check directory.Input
	_, err := normal.Email(in.Email)
	check.AddError("/email", err)
	check.NewPassword("/password", in.Password, s, in.Email, in.DisplayName)
	check.ProfileTexts(&in)
	return check.Err()
}

// SignUpErrors returns the errors that the rules find in a sign-up, while sign-up is open.
func SignUpErrors(ctx context.Context, k directory.Desk, in cardinal.SignUp) ([]cardinal.FieldError, error) {
	d := k.Directory()
	s, err := d.CurrentSettings(ctx, d.Store().Read(ctx))
	if err != nil || !s.SignUpOpen {
		return nil, err
	}
	return cardinal.FieldErrorsOrError(checkSignUp(in, s))
}
