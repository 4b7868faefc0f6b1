package signin

import (
	"context"
	"errors"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/store"
	"cardinal/internal/throttle"
)

// ownPassword is a change for which users give their current password: of the password itself, for example, or a
// confirmation of the session. A later factor that can confirm a session gets a type of its own.
type ownPassword struct {
	caller   directory.Desk
	rule     directory.Rule
	pointer  string // of the current password in the request
	settings directory.Settings
	reserved *throttle.Attempt // counted as failed until it is settled
}

// newOwnPassword checks whether the caller is allowed to make the change, and reads the settings.
func newOwnPassword(ctx context.Context, k directory.Desk, rule directory.Rule, pointer string) (*ownPassword, error) {
	p := &ownPassword{caller: k, rule: rule, pointer: pointer}
	r, err := k.Read(ctx, rule)
	if err != nil {
		_, err = directory.RecordDenied[struct{}](ctx, k, rule, err)
		return p, err
	}
	p.settings, err = k.Directory().CurrentSettings(ctx, r)
	return p, err
}

// changeWithPassword verifies the current password and makes the change, in a transaction that confirms that the
// password is still the current one. prepare is called between the two, with the credential that was verified.
func changeWithPassword[T any](
	ctx context.Context, p *ownPassword, current cardinal.Secret, prepare func(store.CredentialRecord) error,
	change func(*directory.Tx, store.CredentialRecord) (T, error),
) (out T, err error) {
	me := p.caller.Actor().UserID
	p.reserved, err = p.caller.Directory().Throttle().ReserveOwnPassword(ctx, me, p.settings.ThrottleLimits())
	if err != nil {
		return out, err
	}
	defer p.reserved.End()
	// As at sign-in, the hash can be replaced while it is compared. That is not a wrong password.
	for range maxComparisons {
		var verified store.CredentialRecord
		if verified, err = p.verify(ctx, current); err != nil {
			return out, err
		}
		if err = prepare(verified); err != nil {
			return out, err
		}
		out, err = directory.Change(ctx, p.caller, p.rule, func(tx *directory.Tx) (T, error) {
			locked, err := p.confirm(ctx, tx, verified)
			if err != nil {
				var none T
				return none, err
			}
			return change(tx, locked)
		})
		if !errors.Is(err, errHashReplaced) {
			return out, err
		}
	}
	return out, cardinal.Refuse("temporary_conflict")
}

// verify returns the caller's credential when the password is right. A wrong one is counted by the throttle and
// recorded in the audit log.
func (p *ownPassword) verify(ctx context.Context, current cardinal.Secret) (store.CredentialRecord, error) {
	d := p.caller.Directory()
	r := d.Store().Read(ctx)
	credential, err := r.Credential(ctx, p.caller.Actor().UserID)
	if err != nil && !errors.Is(err, cardinal.ErrNotFound) {
		return credential, err
	}
	var hash *string
	if credential.Hash != "" {
		hash = &credential.Hash
	}
	match, _, err := d.VerifyPassword(ctx, p.caller.HashCaller(), current, hash)
	if errors.Is(err, cardinal.ErrBusy) {
		return credential, errors.Join(err, p.reserved.Release(ctx))
	}
	if err != nil || match {
		return credential, err
	}
	if err := p.reserved.Fail(ctx); err != nil {
		return credential, err
	}
	if err := p.caller.RecordDenial(ctx, p.rule); err != nil {
		return credential, err
	}
	var check directory.Input
	check.Add(p.pointer, "password_wrong")
	return credential, check.Err()
}

// confirm locks the credential and checks again what was verified outside the transaction.
func (p *ownPassword) confirm(
	ctx context.Context, tx *directory.Tx, verified store.CredentialRecord,
) (store.CredentialRecord, error) {
	locked, err := tx.LockCredential(ctx, verified.UserID)
	if err != nil {
		return locked, err
	}
	if locked.Hash != verified.Hash {
		return locked, errHashReplaced
	}
	return locked, p.reserved.Succeed(ctx, tx.Tx)
}

// Confirm records that the user of the caller's session gave the password again: changes that affect access need that,
// or a sign-in, not long ago (OWASP ASVS 5.0, 7.5.1). Wrong passwords are throttled like those at sign-in.
func Confirm(
	ctx context.Context, k directory.Desk, in cardinal.SessionConfirmation,
) (cardinal.SessionConfirmed, error) {
	me, session := k.Actor().UserID, k.Actor().SessionID
	if !session.Valid {
		return cardinal.SessionConfirmed{}, cardinal.Refuse("no_session")
	}
	rule := directory.Rule{Action: "session.confirm", Subject: me, Own: true}
	p, err := newOwnPassword(ctx, k, rule, "/password")
	if err != nil {
		return cardinal.SessionConfirmed{}, err
	}
	nothing := func(store.CredentialRecord) error { return nil }
	return changeWithPassword(ctx, p, in.Password, nothing,
		func(tx *directory.Tx, _ store.CredentialRecord) (cardinal.SessionConfirmed, error) {
			confirmed, err := tx.ConfirmSession(ctx, me, session.UUID, tx.Now)
			if errors.Is(err, cardinal.ErrNotFound) {
				return cardinal.SessionConfirmed{}, directory.ErrNotSignedIn // it was ended meanwhile
			}
			if err != nil {
				return cardinal.SessionConfirmed{}, err
			}
			tx.RecordRows(store.DigestSession(confirmed))
			tx.RecordChange("sessions.confirmed_at", nil, confirmed.ConfirmedAt)
			return cardinal.SessionConfirmed{
				SessionID: session.UUID, AuthenticatedAt: confirmed.AuthenticatedAt(),
				RecentUntil: confirmed.AuthenticatedAt().Add(p.settings.RecentSignIn),
			}, nil
		})
}
