package storetest

import (
	"testing"
	"time"

	"cardinal"
	"cardinal/internal/store"
)

// phc is an Argon2id hash with a salt.
func phc(salt string) string {
	return "$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$bm90LWEtcmVhbC1kaWdlc3QtYnV0LWxvbmctZW5vdWdo"
}

func credentials(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	user, other := newUser(t, s, "person"), newUser(t, s, "person")
	_, err := r.Credential(ctx, user)
	wantError(t, "Credential, unknown", cardinal.ErrNotFound, err)
	want := store.CredentialRecord{UserID: user, Hash: phc("c2FsdC1vZi11c2Vy"), LastReset: baseTime, MustChange: true,
		CreatedAt: baseTime, UpdatedAt: baseTime, Version: 1, SchemaVersion: 1}
	insert := func(c store.CredentialRecord) error {
		return s.Write(ctx, func(tx store.Tx) error { return tx.InsertCredential(ctx, c) })
	}
	if err := insert(want); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "Credential", must(r.Credential(ctx, user))(t), want)
	wantViolation(t, "credentials_pk", insert(func() store.CredentialRecord {
		c := want
		c.Hash = phc("YW5vdGhlci1zYWx0")
		return c
	}()))
	for constraint, change := range map[string]func(c *store.CredentialRecord){
		"credentials_salt_uq":       func(c *store.CredentialRecord) { c.Hash += "AA" },
		"credentials_hash_ck":       func(c *store.CredentialRecord) { c.Hash = "correct horse battery staple" },
		"credentials_last_reset_ck": func(c *store.CredentialRecord) { c.LastReset = baseTime.Add(-time.Hour) },
		"credentials_user_ck":       func(c *store.CredentialRecord) { c.UserID = cardinal.OperatorID },
	} {
		c := want
		c.UserID = other
		if constraint != "credentials_salt_uq" {
			c.Hash = phc("YW5vdGhlci1zYWx0")
		}
		change(&c)
		wantViolation(t, constraint, insert(c))
	}

	update := func(c store.CredentialRecord) (got store.CredentialRecord, err error) {
		err = s.Write(ctx, func(tx store.Tx) (err error) {
			got, err = tx.UpdateCredential(ctx, c, baseTime.Add(time.Hour))
			return err
		})
		return got, err
	}
	write(t, s, func(tx store.Tx) error {
		wantEqual(t, "LockCredential", must(tx.LockCredential(ctx, user))(t), want)
		return nil
	})
	want.Hash, want.LastReset, want.MustChange = phc("YS1uZXctc2FsdC1ub3c"), baseTime.Add(time.Hour), false
	got := must(update(want))(t)
	want.UpdatedAt, want.Version = baseTime.Add(time.Hour), 2
	wantEqual(t, "UpdateCredential", got, want)
	stale := want
	stale.Version = 1
	_, err = update(stale)
	wantError(t, "UpdateCredential, stale version", cardinal.ErrNotFound, err)
	wantError(t, "LockCredential, unknown", cardinal.ErrNotFound,
		txError(t, s, func(tx store.Tx) (store.CredentialRecord, error) {
			return tx.LockCredential(ctx, other)
		}))

	signIn(t, s, want)
}

func signIn(t *testing.T, s *store.Store, c store.CredentialRecord) {
	ctx, r := t.Context(), s.Read(t.Context())
	service := newUser(t, s, "service")
	index := func(n byte) []byte { return append(make([]byte, 31), 0x40+n) }
	write(t, s, func(tx store.Tx) error {
		if err := tx.InsertIdentifier(ctx, store.IdentifierRecord{ValueIndex: index(1), UserID: c.UserID,
			CreatedAt: baseTime}); err != nil {
			return err
		}
		return tx.InsertIdentifier(ctx, store.IdentifierRecord{ValueIndex: index(2), UserID: service,
			CreatedAt: baseTime})
	})
	wantEqual(t, "SignInAccount", must(r.SignInAccount(ctx, index(1)))(t),
		store.SignInAccount{UserID: c.UserID, Status: "active", CanSignIn: true, Hash: &c.Hash,
			LastReset: &c.LastReset, Version: 2,
			Key: store.UserKeyRecord{UserID: c.UserID}})
	wantEqual(t, "SignInAccount, no password", must(r.SignInAccount(ctx, index(2)))(t),
		store.SignInAccount{UserID: service, Status: "active", Key: store.UserKeyRecord{UserID: service}})
	write(t, s, func(tx store.Tx) error {
		user, credential, err := tx.LockSignIn(ctx, c.UserID)
		if user.ID != c.UserID || user.Kind != "person" || user.Status != "active" || credential.Hash != c.Hash ||
			credential.Version != 2 {
			t.Errorf("LockSignIn: %+v %+v", user, credential)
		}
		return err
	})
	wantError(t, "LockSignIn without a password", cardinal.ErrNotFound, s.Write(ctx, func(tx store.Tx) error {
		_, _, err := tx.LockSignIn(ctx, service)
		return err
	}))
	without := newUser(t, s, "person")
	write(t, s, func(tx store.Tx) error {
		other := c
		other.UserID, other.Hash, other.Version = without, phc("dG8tYmUtZGVsZXRlZA"), 1
		if err := tx.InsertCredential(ctx, other); err != nil {
			return err
		}
		return tx.DeleteCredential(ctx, without)
	})
	_, err := r.Credential(ctx, without)
	wantError(t, "Credential after DeleteCredential", cardinal.ErrNotFound, err)
	wantError(t, "DeleteCredential, already deleted", cardinal.ErrNotFound, s.Write(ctx, func(tx store.Tx) error {
		return tx.DeleteCredential(ctx, without)
	}))
	_, err = r.SignInAccount(ctx, index(3))
	wantError(t, "SignInAccount, unknown", cardinal.ErrNotFound, err)
	inTx(t, s, func(tx store.Tx) (store.UserRecord, error) {
		return tx.ChangeUserStatus(ctx, c.UserID, 1, "suspend", baseTime)
	})
	if got := must(r.SignInAccount(ctx, index(1)))(t); got.CanSignIn || got.Status != "suspended" || got.Hash == nil {
		t.Errorf("SignInAccount, suspended user: %+v", got)
	}
}
