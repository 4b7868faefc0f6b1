package directory

import (
	"context"
	"errors"

	"cardinal"
	"cardinal/internal/normal"
)

const signUpAction = "user.sign_up"

// SignUp makes a pending user, where the setting allows it. A contact proved or vouched for makes it active.
func (k Desk) SignUp(ctx context.Context, in cardinal.SignUp) (cardinal.User, error) {
	r := rule{action: signUpAction, permission: "accounts.create"}
	reader, err := k.read(ctx, r)
	if err != nil {
		return cardinal.User{}, err
	}
	s, err := k.d.settings(ctx, reader)
	if err != nil {
		return cardinal.User{}, err
	}
	if !s.signUpOpen {
		return cardinal.User{}, cardinal.Refuse("sign_up_closed")
	}
	t := k.throttleFor("sign-up", nil)
	if _, err := t.check(ctx, reader, k.d.now()); err != nil {
		return cardinal.User{}, err
	}
	if err := checkSignUp(in, s); err != nil {
		return cardinal.User{}, err
	}
	user, err := k.createUser(ctx, cardinal.NewUser{Email: in.Email, Password: in.Password, DisplayName: in.DisplayName, Locale: in.Locale, TimeZone: in.TimeZone}, r, "sign_up", nil)
	// Every sign-up counts against its address, made or refused: a taken address may be told, but not asked for by the thousand.
	if err == nil || errors.Is(err, cardinal.ErrConflict) {
		if err := k.count(ctx, t, s); err != nil {
			return cardinal.User{}, err
		}
	}
	return user, err
}

func second[T any](_ T, err error) error { return err }

// checkSignUp finds every fault of a sign-up at once.
func checkSignUp(in cardinal.SignUp, s settings) error {
	var check input
	check.AddError("/email", second(normal.Email(in.Email)))
	check.newPassword("/password", in.Password, s)
	check.text("/display_name", in.DisplayName, displayName)
	check.text("/locale", in.Locale, normal.Locale)
	check.text("/time_zone", in.TimeZone, normal.TimeZone)
	return check.Err()
}

// SignUpFaults returns the errors that the rules find in a sign-up, while sign-up is open.
func (k Desk) SignUpFaults(ctx context.Context, in cardinal.SignUp) ([]cardinal.Fault, error) {
	s, err := k.d.settings(ctx, k.d.store.Read(ctx))
	if err != nil || !s.signUpOpen {
		return nil, err
	}
	return faultsOrError(checkSignUp(in, s))
}
