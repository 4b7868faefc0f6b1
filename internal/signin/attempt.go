package signin

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/password"
	"cardinal/internal/seal"
	"cardinal/internal/store"
	"cardinal/internal/throttle"
)

const signInAction = "session.create"

// errHashReplaced means that the hash of the account is not the one that the password was compared with. Either another
// sign-in hashed the same password again with the current parameters, or the password was changed.
var errHashReplaced = errors.New("the password hash was replaced while it was compared")

// attempt is one attempt to sign in. A method of signing in fills it with the user and with what was verified;
// openSession checks that again under the lock of the user's row and opens the session.
type attempt struct {
	caller   directory.Desk // of the anonymous caller
	method   string         // of the session
	settings directory.Settings

	reserved *throttle.Attempt // counted as failed until it is settled

	userID uuid.UUID
	key    seal.Key // the user's data key

	hashFor      password.Caller // who asks for the hashes
	verifiedHash string          // the hash that the password was compared with; "" when the method is not a password
	newHash      string          // the same password with the current parameters; "" when the stored hash has them

	temporary *store.TemporaryPassword // what the user signs in with; nil when another user did not set the password
}

// fail settles the attempt as failed and returns the refusal.
func (a *attempt) fail(ctx context.Context, subject uuid.UUID, refusal error) error {
	if err := a.reserved.Fail(ctx); err != nil {
		return err
	}
	a.caller.CountRefusal(ctx, subject, signInAction, refusal)
	return refusal
}

// openSession opens the session. The actor of its event is the user, who was anonymous until now.
func (a *attempt) openSession(ctx context.Context) (cardinal.SignedIn, error) {
	anonymous := a.caller.Actor()
	user := a.caller.Directory().AsUser(cardinal.Actor{
		UserID: a.userID, Assurance: 1, RequestID: anonymous.RequestID, ClientFrom: anonymous.ClientFrom,
	}, a.key)
	rule := directory.Rule{Action: signInAction, Subject: a.userID, Own: true}
	return directory.Change(ctx, user, rule, func(tx *directory.Tx) (cardinal.SignedIn, error) {
		credential, err := a.confirm(ctx, tx)
		if err != nil {
			return cardinal.SignedIn{}, err
		}
		if err := a.reserved.Succeed(ctx, tx.Tx); err != nil {
			return cardinal.SignedIn{}, err
		}
		signedIn, err := a.insertSession(ctx, tx, credential)
		tx.Event.SessionID = &signedIn.Session.ID
		return signedIn, err
	})
}

// confirm locks the user and checks again what was verified outside the transaction.
func (a *attempt) confirm(ctx context.Context, tx *directory.Tx) (store.CredentialRecord, error) {
	// Without the lock, a suspension at the same time would not end this session.
	user, credential, err := tx.LockSignIn(ctx, a.userID)
	if errors.Is(err, cardinal.ErrNotFound) {
		return credential, errCredentials
	}
	if err != nil {
		return credential, err
	}
	d := tx.Desk.Directory()
	if kind, _ := d.Kind(user.Kind); !d.Status(user.Status).CanSignIn || !kind.CanSignIn {
		return credential, errCredentials // suspended while the password was compared
	}
	if a.verifiedHash == "" {
		return credential, nil
	}
	if err := a.confirmPassword(ctx, tx, credential); err != nil {
		return credential, err
	}
	return credential, a.useTemporary(ctx, tx, credential)
}

// useTemporary notes that a temporary password was used. errHashReplaced means that another sign-in used it meanwhile,
// or that it has expired: the next comparison refuses it.
func (a *attempt) useTemporary(ctx context.Context, tx *directory.Tx, current store.CredentialRecord) error {
	temporary, err := tx.TemporaryPassword(ctx, a.userID, current.LastReset)
	if errors.Is(err, cardinal.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	usable, err := tx.UseTemporaryPassword(ctx, temporary, tx.Now)
	if err != nil {
		return err
	}
	if !usable {
		return errHashReplaced
	}
	a.temporary = &temporary
	tx.RecordChange("temporary_passwords.used_at", nil, tx.Now)
	return nil
}

// confirmPassword checks that the hash was not replaced, and stores the new hash.
func (a *attempt) confirmPassword(ctx context.Context, tx *directory.Tx, current store.CredentialRecord) error {
	if current.Hash != a.verifiedHash {
		return errHashReplaced
	}
	if a.newHash == "" {
		return nil
	}
	current.Hash = a.newHash
	after, err := tx.UpdateCredential(ctx, current, tx.Now)
	tx.RecordRows(store.DigestCredential(after))
	tx.RecordMasked("credentials.hash")
	return err
}

// insertSession inserts the session of a user who is locked.
func (a *attempt) insertSession(
	ctx context.Context, tx *directory.Tx, credential store.CredentialRecord,
) (cardinal.SignedIn, error) {
	id, client := cardinal.NewID(), a.caller.Actor().ClientFrom
	row, err := tx.Desk.Directory().BoundRow(ctx, tx.Reader, id)
	if err != nil {
		return cardinal.SignedIn{}, err
	}
	token, text := directory.NewToken(directory.SessionPrefix, a.userID, id)
	hashes := a.caller.Directory().Keys().TokenHashes(token)
	record := store.SessionRecord{
		UserID: a.userID, ID: id, TokenHash: hashes.Keyed, OlderTokenHash: hashes.Older, Method: a.method, Assurance: 1,
		CreatedAt: tx.Now, LastSeenAt: tx.Now, IdleSeconds: int64(a.settings.SessionIdle.Seconds()),
		ExpiresAt: tx.Now.Add(a.settings.SessionAbsolute), SchemaVersion: directory.ValuesVersion(row),
		AddressSealed:   directory.EncryptText(a.key, "sessions", "address_sealed", a.userID, row, client.Address),
		UserAgentSealed: directory.EncryptText(a.key, "sessions", "user_agent_sealed", a.userID, row, client.UserAgent),
	}
	if credential.MustChange {
		record.Assurance = 0
	}
	if a.temporary != nil && a.temporary.ExpiresAt.Before(record.ExpiresAt) {
		record.ExpiresAt = a.temporary.ExpiresAt
	}
	if err := tx.InsertSession(ctx, record); err != nil {
		return cardinal.SignedIn{}, err
	}
	tx.RecordRows(store.DigestSession(record))
	tx.RecordChange("sessions.method", nil, a.method)
	limiter := a.caller.Directory().Throttle()
	return cardinal.SignedIn{
		Session: tx.Desk.Directory().DecryptSession(record, a.key), Token: text,
		MustChangePassword: credential.MustChange,
		PasswordSetByOther: a.temporary != nil,
		Device:             limiter.NewDevice(a.reserved.Device(), a.userID, credential.LastReset),
	}, nil
}
