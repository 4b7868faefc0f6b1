package directory

import (
	"context"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

// PasswordState returns what can be disclosed about a user's password: whether there is one, and when it was set.
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
	return PasswordStateOf(credential), err
}

// PasswordStateOf returns what can be disclosed about a password.
func PasswordStateOf(c store.CredentialRecord) cardinal.PasswordState {
	return cardinal.PasswordState{
		UserID: c.UserID, HasPassword: true, LastReset: &c.LastReset, MustChange: c.MustChange, Version: c.Version,
	}
}

// SetPassword sets the password of another user, or only requires a change of it, and ends all sessions of that user.
// version is 0 for a user who has no password yet. Hashing is expensive, so the permission and the input are checked
// first. A new password is temporary, because the actor knows it: it works once, and must be changed then. A backend
// that passes on what its user typed says so, which needs a permission of its own. The own password is changed with the
// current one: signin.ChangePassword.
func (k Desk) SetPassword(
	ctx context.Context, userID uuid.UUID, version int64, in cardinal.PasswordSet,
) (cardinal.PasswordState, error) {
	r := Rule{Action: "password.set", Permission: "credentials.update", Subject: userID, RecentSignIn: true}
	if in.ChosenByUser {
		r.Permission = "credentials.relay"
	}
	reader, err := k.Read(ctx, r)
	if err != nil {
		return RecordDenied[cardinal.PasswordState](ctx, k, r, err)
	}
	if userID == k.actor.UserID {
		return cardinal.PasswordState{}, cardinal.Refuse("own_password")
	}
	s, err := k.d.CurrentSettings(ctx, reader)
	if err != nil {
		return cardinal.PasswordState{}, err
	}
	hash, err := k.checkAndHash(ctx, reader, userID, in, s)
	if err != nil {
		return cardinal.PasswordState{}, err
	}
	return Change(ctx, k, r, func(tx *Tx) (cardinal.PasswordState, error) {
		user, err := tx.LockUser(ctx, userID)
		if err != nil {
			return cardinal.PasswordState{}, err
		}
		if err := tx.RequireAllPermissionsOf(ctx, userID); err != nil {
			return cardinal.PasswordState{}, err
		}
		if !k.d.kinds[user.Kind].CanSignIn || k.d.statuses[user.Status].IsDeleted {
			return cardinal.PasswordState{}, cardinal.Refuse("status_not_allowed", user.Status)
		}
		isTemporary := hash != "" && !in.ChosenByUser
		credential, err := tx.setCredential(ctx, userID, version, hash, in.MustChange || isTemporary)
		if err != nil {
			return cardinal.PasswordState{}, err
		}
		switch {
		case isTemporary:
			err = tx.makeTemporary(ctx, credential, s)
		case hash != "":
			err = tx.DeleteTemporaryPassword(ctx, userID)
		}
		if err != nil {
			return cardinal.PasswordState{}, err
		}
		tx.RecordRows(store.DigestCredential(credential))
		if hash != "" {
			tx.RecordMasked("credentials.hash")
		}
		tx.RecordChange("credentials.must_change", nil, credential.MustChange)
		if err := k.d.throttle.Reset(ctx, tx.Tx, userID); err != nil {
			return cardinal.PasswordState{}, err
		}
		return PasswordStateOf(credential), tx.EndSessions(ctx, userID, uuid.Nil, "password_changed")
	})
}

// checkAndHash checks the input of SetPassword and hashes the new password; "" when there is none.
func (k Desk) checkAndHash(
	ctx context.Context, r store.Reader, userID uuid.UUID, in cardinal.PasswordSet, s Settings,
) (hash string, err error) {
	own, err := k.d.OwnWords(ctx, r, userID)
	if err != nil {
		return "", err
	}
	var check Input
	switch {
	case in.New != "":
		check.NewPassword("/new_password", in.New, s, own...)
	case !in.MustChange:
		check.Add("/new_password", "password_missing")
	}
	if err := check.Err(); err != nil || in.New == "" {
		return "", err
	}
	return k.d.HashPassword(ctx, k.HashCaller(), in.New)
}

// setCredential inserts the first credential of a user, or updates the current one. Without a hash it changes only
// whether the user must change the password.
func (tx *Tx) setCredential(
	ctx context.Context, userID uuid.UUID, version int64, hash string, mustChange bool,
) (store.CredentialRecord, error) {
	current, err := tx.LockCredential(ctx, userID)
	if isNotFound(err) {
		if err := CheckVersion(0, version); err != nil {
			return current, err
		}
		if hash == "" {
			return current, cardinal.Refuse("no_password")
		}
		first := tx.newCredential(userID, hash, mustChange)
		if err := tx.InsertCredential(ctx, first); err != nil {
			return first, err
		}
		return first, tx.requireSignInIdentifier(ctx, userID)
	}
	if err != nil {
		return current, err
	}
	if err := CheckVersion(current.Version, version); err != nil {
		return current, err
	}
	if hash != "" {
		current.Hash, current.LastReset = hash, tx.Now
	}
	current.MustChange = mustChange
	return tx.UpdateCredential(ctx, current, tx.Now)
}

// newCredential returns the record of a user's first password.
func (tx *Tx) newCredential(userID uuid.UUID, hash string, mustChange bool) store.CredentialRecord {
	return store.CredentialRecord{
		UserID: userID, Hash: hash, LastReset: tx.Now, MustChange: mustChange, CreatedAt: tx.Now, UpdatedAt: tx.Now,
		Version: 1, SchemaVersion: 1,
	}
}

// insertCredential adds the password verifier of a new user.
func (tx *Tx) insertCredential(ctx context.Context, userID uuid.UUID, draft UserDraft) error {
	in := draft.in
	credential := tx.newCredential(userID, draft.hash, in.MustChangePassword || !in.ChosenByUser)
	if err := tx.InsertCredential(ctx, credential); err != nil {
		return err
	}
	tx.RecordRows(store.DigestCredential(credential))
	tx.RecordMasked("credentials.hash")
	if in.ChosenByUser {
		return nil
	}
	return tx.makeTemporary(ctx, credential, draft.settings)
}

// makeTemporary makes a password temporary: it works once, until it expires.
func (tx *Tx) makeTemporary(ctx context.Context, c store.CredentialRecord, s Settings) error {
	temporary := store.TemporaryPassword{
		UserID: c.UserID, SetAt: c.LastReset, ExpiresAt: c.LastReset.Add(s.TemporaryPasswordLifetime),
	}
	tx.RecordChange("temporary_passwords.expires_at", nil, temporary.ExpiresAt)
	return tx.SaveTemporaryPassword(ctx, temporary)
}
