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
	r := Rule{Action: signUpAction, Permission: "accounts.create"}
	reader, err := k.Read(ctx, r)
	if err != nil {
		return cardinal.User{}, err
	}
	s, err := k.d.CurrentSettings(ctx, reader)
	if err != nil {
		return cardinal.User{}, err
	}
	if !s.SignUpOpen {
		return cardinal.User{}, cardinal.Refuse("sign_up_closed")
	}
	t := k.NewThrottle("sign-up", nil)
	if _, err := t.Check(ctx, reader, k.d.Now()); err != nil {
		return cardinal.User{}, err
	}
	if err := checkSignUp(in, s); err != nil {
		return cardinal.User{}, err
	}
	user, err := k.createUser(ctx, cardinal.NewUser{Email: in.Email, Password: in.Password, DisplayName: in.DisplayName, Locale: in.Locale, TimeZone: in.TimeZone}, r, "sign_up", nil)
	// Every sign-up counts against its address, made or refused: a taken address may be told, but not asked for by the thousand.
	if err == nil || errors.Is(err, cardinal.ErrConflict) {
		if err := k.CountAttempt(ctx, t, s); err != nil {
			return cardinal.User{}, err
		}
	}
	return user, err
}

func errorOf[T any](_ T, err error) error { return err }

// checkSignUp finds every fault of a sign-up at once.
func checkSignUp(in cardinal.SignUp, s Settings) error {
	var check Input
	check.AddError("/email", errorOf(normal.Email(in.Email)))
	check.NewPassword("/password", in.Password, s)
	check.Text("/display_name", in.DisplayName, DisplayName)
	check.Text("/locale", in.Locale, normal.Locale)
	check.Text("/time_zone", in.TimeZone, normal.TimeZone)
	return check.Err()
}

// SignUpFaults lists what is wrong with a sign-up, while signing up is open.
func (k Desk) SignUpFaults(ctx context.Context, in cardinal.SignUp) []cardinal.Fault {
	s, err := k.d.CurrentSettings(ctx, k.d.store.Read(ctx))
	if err != nil || !s.SignUpOpen {
		return nil
	}
	return cardinal.FaultsOf(checkSignUp(in, s))
}
