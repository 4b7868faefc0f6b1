package directory

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/normal"
	"cardinal/internal/password"
	"cardinal/internal/store"
)

// PasswordState says what may be known of a user's password.
func (k Desk) PasswordState(ctx context.Context, userID uuid.UUID) (cardinal.PasswordState, error) {
	r, err := k.Read(ctx, Rule{Permission: "users.read", Subject: userID, Own: true})
	if err != nil {
		return cardinal.PasswordState{}, err
	}
	if _, err := r.User(ctx, userID); err != nil {
		return cardinal.PasswordState{}, err
	}
	credential, err := r.Credential(ctx, userID)
	if isNotFound(err) {
		return cardinal.PasswordState{UserID: userID}, nil
	}
	return passwordState(credential), err
}

func passwordState(c store.CredentialRecord) cardinal.PasswordState {
	return cardinal.PasswordState{UserID: c.UserID, HasPassword: true, LastReset: &c.LastReset, MustChange: c.MustChange, Version: c.Version}
}

// SetPassword sets somebody's password, or only requires a change of it, and ends all their sessions. version is 0 for a user
// who has no password yet.
func (k Desk) SetPassword(ctx context.Context, userID uuid.UUID, version int64, in cardinal.PasswordSet) (cardinal.PasswordState, error) {
	r := Rule{Action: "password.set", Permission: "credentials.update", Subject: userID}
	reader, err := k.Read(ctx, r)
	if err != nil {
		return RecordDenied[cardinal.PasswordState](ctx, k, r, err)
	}
	s, err := k.d.CurrentSettings(ctx, reader)
	if err != nil {
		return cardinal.PasswordState{}, err
	}
	var check Input
	switch {
	case in.New != "":
		check.NewPassword("/new_password", in.New, s)
	case !in.MustChange:
		check.Add("/new_password", "password_missing")
	}
	if err := check.Err(); err != nil {
		return cardinal.PasswordState{}, err
	}
	var hash string
	if in.New != "" {
		if hash, err = k.d.HashPassword(ctx, in.New); err != nil {
			return cardinal.PasswordState{}, err
		}
	}
	return Change(ctx, k, r, func(tx *Tx) (cardinal.PasswordState, error) {
		user, err := tx.UserForChange(ctx, userID)
		if err != nil {
			return cardinal.PasswordState{}, err
		}
		if err := tx.RequireAllPermissionsOf(ctx, userID); err != nil {
			return cardinal.PasswordState{}, err
		}
		if !k.d.kinds[user.Kind].CanSignIn || k.d.statuses[user.Status].IsDeleted {
			return cardinal.PasswordState{}, cardinal.Refuse("status_not_allowed", user.Status)
		}
		current, err := tx.CredentialForChange(ctx, userID)
		switch {
		case isNotFound(err):
			if err := CheckVersion(0, version); err != nil {
				return cardinal.PasswordState{}, err
			}
			if hash == "" {
				return cardinal.PasswordState{}, cardinal.Refuse("no_password")
			}
			current = store.CredentialRecord{UserID: userID, Hash: hash, LastReset: tx.Now, MustChange: in.MustChange, CreatedAt: tx.Now, UpdatedAt: tx.Now, Version: 1, SchemaVersion: 1}
			if err := tx.InsertCredential(ctx, current); err != nil {
				return cardinal.PasswordState{}, err
			}
			if err := tx.requireSignInIdentifier(ctx, userID); err != nil {
				return cardinal.PasswordState{}, err
			}
		case err != nil:
			return cardinal.PasswordState{}, err
		default:
			if err := CheckVersion(current.Version, version); err != nil {
				return cardinal.PasswordState{}, err
			}
			if hash != "" {
				current.Hash, current.LastReset = hash, tx.Now
			}
			current.MustChange = in.MustChange
			if current, err = tx.UpdateCredential(ctx, current, tx.Now); err != nil {
				return cardinal.PasswordState{}, err
			}
		}
		tx.RecordRows(store.StampCredential(current))
		if hash != "" {
			tx.RecordMasked("credentials.hash")
		}
		tx.RecordChange("credentials.must_change", nil, current.MustChange)
		return passwordState(current), tx.endSessions(ctx, userID, uuid.Nil, "password_changed")
	})
}

// ChangePassword is a person's change of their own password: it proves the present one, and ends all their other sessions.
func (k Desk) ChangePassword(ctx context.Context, in cardinal.PasswordChange) (cardinal.PasswordState, error) {
	me := k.actor.UserID
	r := Rule{Action: "password.change", Subject: me, Own: true, BeforePasswordChange: true, Permission: "credentials.update"}
	reader, err := k.Read(ctx, r)
	if err != nil {
		return cardinal.PasswordState{}, err
	}
	s, err := k.d.CurrentSettings(ctx, reader)
	if err != nil {
		return cardinal.PasswordState{}, err
	}
	var check Input
	check.NewPassword("/new_password", in.New, s)
	if err := check.Err(); err != nil {
		return cardinal.PasswordState{}, err
	}
	t := k.NewThrottle("password", me[:])
	if _, err := t.Check(ctx, reader, k.d.Now()); err != nil {
		return cardinal.PasswordState{}, err
	}
	current, err := reader.Credential(ctx, me)
	if err != nil && !errors.Is(err, cardinal.ErrNotFound) {
		return cardinal.PasswordState{}, err
	}
	var hash *string
	if current.Hash != "" {
		hash = &current.Hash
	}
	match, _, err := k.d.VerifyPassword(ctx, in.Current, hash)
	if err != nil {
		return cardinal.PasswordState{}, err
	}
	if !match {
		if err := k.CountAttempt(ctx, t, s); err != nil {
			return cardinal.PasswordState{}, err
		}
		if err := k.recordDenial(ctx, r); err != nil { // the throttle bounds how many
			return cardinal.PasswordState{}, err
		}
		check.Add("/current_password", "password_wrong")
		return cardinal.PasswordState{}, check.Err()
	}
	newHash, err := k.d.HashPassword(ctx, in.New)
	if err != nil {
		return cardinal.PasswordState{}, err
	}
	return Change(ctx, k, r, func(tx *Tx) (cardinal.PasswordState, error) {
		if _, err := t.Check(ctx, tx.Reader, tx.Now); err != nil {
			return cardinal.PasswordState{}, err
		}
		locked, err := tx.CredentialForChange(ctx, me)
		if err != nil {
			return cardinal.PasswordState{}, err
		}
		if err := CheckVersion(locked.Version, current.Version); err != nil {
			return cardinal.PasswordState{}, err
		}
		locked.Hash, locked.LastReset, locked.MustChange = newHash, tx.Now, false
		after, err := tx.UpdateCredential(ctx, locked, tx.Now)
		if err != nil {
			return cardinal.PasswordState{}, err
		}
		tx.RecordRows(store.StampCredential(after))
		tx.RecordMasked("credentials.hash")
		if err := tx.ClearThrottle(ctx, t.Identifier); err != nil {
			return cardinal.PasswordState{}, err
		}
		if k.actor.SessionID.Valid && k.actor.Assurance == 0 {
			raised, err := tx.RaiseSession(ctx, me, k.actor.SessionID.UUID, 1)
			if err != nil {
				return cardinal.PasswordState{}, err
			}
			tx.RecordRows(store.StampSession(raised))
		}
		return passwordState(after), tx.endSessions(ctx, me, k.actor.SessionID.UUID, "password_changed")
	})
}

// insertCredential adds the password verifier of a user who has none.
func (tx *Tx) insertCredential(ctx context.Context, userID uuid.UUID, hash string, mustChange bool) error {
	credential := store.CredentialRecord{
		UserID: userID, Hash: hash, LastReset: tx.Now, MustChange: mustChange, CreatedAt: tx.Now, UpdatedAt: tx.Now,
		Version: 1, SchemaVersion: 1,
	}
	if err := tx.InsertCredential(ctx, credential); err != nil {
		return err
	}
	tx.RecordRows(store.StampCredential(credential))
	tx.RecordMasked("credentials.hash")
	return nil
}

// HashPassword returns the PHC string of a password that was checked before.
func (d *Directory) HashPassword(ctx context.Context, secret cardinal.Secret) (string, error) {
	text, err := normal.Password(secret.Reveal())
	if err != nil {
		return "", err
	}
	phc, err := d.hasher.Hash(ctx, text)
	return phc, busyRefusal(err)
}

// VerifyPassword compares a password with a hash. It costs the same without a hash, which is not disclosed.
func (d *Directory) VerifyPassword(ctx context.Context, secret cardinal.Secret, hash *string) (match, rehash bool, err error) {
	text, invalid := normal.Password(secret.Reveal())
	if hash == nil || invalid != nil {
		err = d.hasher.VerifyNobody(ctx, text)
	} else {
		match, rehash, err = d.hasher.Verify(ctx, text, *hash)
	}
	return match, rehash, busyRefusal(err)
}

// HasRoomToHash returns nil while the hasher accepts work; a refusal otherwise.
func (d *Directory) HasRoomToHash() error { return busyRefusal(d.hasher.Room()) }

// busyRefusal returns the refusal for a hasher at its limit; any other error as it is.
func busyRefusal(err error) error {
	if errors.Is(err, password.ErrBusy) {
		return cardinal.Refuse("busy").After(seconds(5))
	}
	return err
}
