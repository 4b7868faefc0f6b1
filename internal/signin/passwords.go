package signin

import (
	"context"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/store"
)

// anyVersion is the version of a change that is not based on one.
const anyVersion = -1

// ChangePassword changes the caller's own password, after a check of the current one, and ends all other sessions of
// the caller. A user who had to change the password cannot keep it, and gets a new session instead of the one that
// could do nothing else: a user who knew the old password may have that token, too (OWASP ASVS 5.0, 7.2.4).
func ChangePassword(
	ctx context.Context, k directory.Desk, in cardinal.PasswordChange,
) (cardinal.PasswordChanged, error) {
	return changePassword(ctx, k, in, anyVersion)
}

// SetPassword sets the password of a user. Users who name themselves change their own password, which needs the current
// one here, too.
func SetPassword(
	ctx context.Context, k directory.Desk, userID uuid.UUID, version int64, in cardinal.PasswordSet,
) (cardinal.PasswordChanged, error) {
	own := userID == k.Actor().UserID
	if own && !in.MustChange && !in.ChosenByUser {
		return changePassword(ctx, k, cardinal.PasswordChange{Current: in.Current, New: in.New}, version)
	}
	if in.Current != "" && !own {
		var check directory.Input
		check.Add("/current_password", "password_not_needed")
		return cardinal.PasswordChanged{}, check.Err()
	}
	state, err := k.SetPassword(ctx, userID, version, in)
	return cardinal.PasswordChanged{PasswordState: state}, err
}

func changePassword(
	ctx context.Context, k directory.Desk, in cardinal.PasswordChange, version int64,
) (cardinal.PasswordChanged, error) {
	var none cardinal.PasswordChanged
	me := k.Actor()
	p, err := newOwnPassword(ctx, k, directory.Rule{
		Action: "password.change", Permission: "credentials.update", Subject: me.UserID, Own: true,
		BeforePasswordChange: true,
		// A session that can only change the password has the proof of that one change: the current password.
		RecentSignIn: me.Assurance > 0,
	}, "/current_password")
	if err != nil {
		return none, err
	}
	d := k.Directory()
	own, err := d.OwnWords(ctx, d.Store().Read(ctx), me.UserID)
	if err != nil {
		return none, err
	}
	var check directory.Input
	check.NewPassword("/new_password", in.New, p.settings, own...)
	if err := check.Err(); err != nil {
		return none, err
	}
	var hash string
	prepare := func(current store.CredentialRecord) error {
		if current.MustChange {
			if err := requireOtherPassword(ctx, k, in.New, current.Hash); err != nil {
				return err
			}
		}
		var err error
		hash, err = d.HashPassword(ctx, k.HashCaller(), in.New)
		return err
	}
	return changeWithPassword(ctx, p, in.Current, prepare,
		func(tx *directory.Tx, current store.CredentialRecord) (cardinal.PasswordChanged, error) {
			if version != anyVersion {
				if err := directory.CheckVersion(current.Version, version); err != nil {
					return none, err
				}
			}
			forced := current.MustChange || me.Assurance == 0
			current.Hash, current.LastReset, current.MustChange = hash, tx.Now, false
			after, err := tx.UpdateCredential(ctx, current, tx.Now)
			if err != nil {
				return none, err
			}
			tx.RecordRows(store.DigestCredential(after))
			tx.RecordMasked("credentials.hash")
			if err := tx.DeleteTemporaryPassword(ctx, me.UserID); err != nil {
				return none, err
			}
			if err := d.Throttle().Reset(ctx, tx.Tx, me.UserID); err != nil {
				return none, err
			}
			out := cardinal.PasswordChanged{PasswordState: directory.PasswordStateOf(after)}
			if !forced || !me.SessionID.Valid {
				return out, tx.EndSessions(ctx, me.UserID, me.SessionID.UUID, "password_changed")
			}
			if err := tx.EndSessions(ctx, me.UserID, uuid.Nil, "password_changed"); err != nil {
				return none, err
			}
			a := attempt{caller: k, method: "password", settings: p.settings, userID: me.UserID, reserved: p.reserved}
			if a.key, err = d.UserKey(ctx, tx.Reader, me.UserID); err != nil {
				return none, err
			}
			signedIn, err := a.insertSession(ctx, tx, after)
			out.SignedIn = &signedIn
			return out, err
		})
}

// requireOtherPassword refuses a new password that the current hash belongs to.
func requireOtherPassword(ctx context.Context, k directory.Desk, secret cardinal.Secret, hash string) error {
	same, _, err := k.Directory().VerifyPassword(ctx, k.HashCaller(), secret, &hash)
	if err != nil || !same {
		return err
	}
	var check directory.Input
	check.Add("/new_password", "password_unchanged")
	return check.Err()
}
