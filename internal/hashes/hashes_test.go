package hashes_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/pgtest"
	"cardinal/internal/signin"
	"cardinal/internal/store"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

const (
	bcrypt5  = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW" // of U*U
	bcrypt10 = "$2a$10$AAAAAAAAAAAAAAAAAAAAA.KgQljzbljH4iwhlg3oTf8buusOTZRX6"
	pbkdf2   = "$pbkdf2-sha256$6400$0ZrzXitFSGltTQnBWOsdeg$LPrrFPJh8jcG2SFnhbVugOabJz9D.VZsGXS.3wMJQ3A" // of password
)

// storeHash gives a user a hash as a version of Cardinal stored it that did not wrap it.
func storeHash(t *testing.T, w *directorytest.World, id uuid.UUID, hash string) {
	t.Helper()
	directorytest.NoError(t, w.Store.Write(t.Context(), func(tx store.Tx) error {
		c, err := tx.LockCredential(t.Context(), id)
		if err != nil {
			return err
		}
		c.Hash = hash
		_, err = tx.UpdateCredential(t.Context(), c, c.UpdatedAt)
		return err
	}))
}

func TestWeakHashesAreWrappedInTheBackground(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *directorytest.World) {
		ctx, read := t.Context(), w.Store.Read(t.Context())
		weak, weakAddress := w.NewPerson(t)
		other, otherAddress := w.NewPerson(t)
		strong, _ := w.NewPerson(t)
		own, _ := w.NewPerson(t)
		storeHash(t, w, weak.ID, bcrypt5)
		storeHash(t, w, other.ID, pbkdf2)
		storeHash(t, w, strong.ID, bcrypt10)
		hashOf := func(id uuid.UUID) store.CredentialRecord {
			return directorytest.Value(read.Credential(ctx, id))(t)
		}
		strongBefore, ownBefore, weakBefore := hashOf(strong.ID), hashOf(own.ID), hashOf(weak.ID)
		w.ResetEvents(t)
		w.RunJob(t, "password_hashes.check")
		wrapped := func(id uuid.UUID) directorytest.Event {
			return directorytest.Event{Action: "password.wrap", Actor: cardinal.SystemID, Subject: id,
				Changes: []string{"credentials.hash"}, Rows: []string{"credentials"}}
		}
		w.ExpectEvents(t, wrapped(weak.ID), wrapped(other.ID))
		if hashOf(strong.ID) != strongBefore || hashOf(own.ID) != ownBefore {
			t.Error("a strong hash was changed")
		}
		after := hashOf(weak.ID)
		if !strings.HasPrefix(after.Hash, "$argon2id-over$") || strings.Contains(after.Hash, bcrypt5[29:]) ||
			!after.LastReset.Equal(weakBefore.LastReset) {
			t.Errorf("the weak hash is %+v", after)
		}

		schemes := directorytest.Value(read.PasswordSchemes(ctx))(t)
		var names []string
		for _, s := range schemes {
			names = append(names, s.Name)
			if strings.Contains(s.Sample, "AAAAAAAAAAAAAAAAAAAAA.") {
				t.Errorf("the sample %s has the salt of a user", s.Sample)
			}
		}
		if got := strings.Join(names, ", "); got != "2a, argon2id-over 2a, argon2id-over pbkdf2-sha256" {
			t.Errorf("schemes %s", got)
		}

		w.RunJob(t, "password_hashes.check")
		w.ExpectEvents(t)
		for address, password := range map[string]string{weakAddress: "U*U", otherAddress: "password"} {
			in := cardinal.SignIn{Identifier: address, Password: cardinal.Secret(password)}
			_, err := signin.WithPassword(ctx, w.Anonymous(""), in)
			directorytest.NoError(t, err)
		}
		// The hashes were replaced at sign-in: their schemes are not in use any more.
		w.Clock.Add(time.Hour)
		w.RunJob(t, "password_hashes.check")
		schemes = directorytest.Value(read.PasswordSchemes(ctx))(t)
		if len(schemes) != 1 || schemes[0].Name != "2a" {
			t.Errorf("schemes %+v", schemes)
		}
	})
}

// TestOtherNodesLearnSchemes: a node slows the answer for an unknown account when another one has stored a more
// expensive hash. The time is a lower limit, which load cannot break.
func TestOtherNodesLearnSchemes(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *directorytest.World) {
		u, _ := w.NewPerson(t)
		storeHash(t, w, u.ID, bcrypt10)
		w.RunJob(t, "password_hashes.check")
		node := w.OpenNode(t, directorytest.CheapHash)
		signIn := func() time.Duration {
			start := time.Now()
			in := cardinal.SignIn{Identifier: "unknown@example.com", Password: directorytest.WrongPassword}
			_, err := signin.WithPassword(t.Context(), directorytest.Anonymous(node, ""), in)
			directorytest.ExpectRefusal(t, err, "invalid_credentials")
			return time.Since(start)
		}
		signIn() // measures
		// 1,024 rounds of bcrypt take longer than 10 ms on any machine of today; the cheap hash takes 0.1 ms.
		if took := signIn(); took < 10*time.Millisecond {
			t.Errorf("the answer for an unknown account took %v", took)
		}
	})
}
