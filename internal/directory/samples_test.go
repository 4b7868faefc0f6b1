package directory_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/seal"
	"cardinal/internal/signin"
)

func TestDecryptSamples(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		ring := value(seal.LoadKeyring(w.Keys, ""))(t)
		first, email := w.NewPerson(t)
		second, _ := w.NewPerson(t)
		w.SignIn(t, email, goodPassword)
		_, err := signin.WithPassword(ctx, w.Anonymous("192.0.2.9"), cardinal.SignIn{
			Identifier: email, Password: wrongPassword,
		})
		if err == nil {
			t.Fatal("signed in with a wrong password")
		}
		sample := func() (decrypted int, broken map[string][]uuid.UUID) {
			broken = map[string][]uuid.UUID{}
			for _, c := range value(directory.DecryptSamples(ctx, w.Store.Read(ctx), ring))(t) {
				decrypted += c.Decrypted
				if c.Broken != nil {
					broken[c.Table+"."+c.Column] = c.Broken
				}
			}
			return decrypted, broken
		}
		if decrypted, broken := sample(); decrypted < 4 || len(broken) > 0 {
			t.Errorf("%d decrypted, broken: %v", decrypted, broken)
		}
		// A value that was moved to the row of another user cannot be decrypted.
		db := w.SQL(t)
		id := func(id uuid.UUID) string {
			if w.Engine == "sqlite" {
				return fmt.Sprintf("x'%x'", id[:])
			}
			return "'" + id.String() + "'"
		}
		value(db.Exec(`UPDATE contacts SET version = version + 1, value_sealed =
			(SELECT value_sealed FROM contacts x WHERE x.user_id = ` + id(first.ID) + `)
			WHERE user_id = ` + id(second.ID)))(t)
		if _, broken := sample(); len(broken) != 1 || len(broken["contacts.value_sealed"]) != 1 {
			t.Errorf("broken: %v", broken)
		}
		placeholder := map[string]string{"sqlite": `x'00'`, "postgres": `'\x00'`}[w.Engine]
		value(db.Exec(`UPDATE contacts SET version = version + 1, value_sealed = ` + placeholder +
			` WHERE user_id = ` + id(second.ID)))(t)
		erased := value(directory.DecryptSamples(ctx, w.Store.Read(ctx), ring))(t)
		i := slices.IndexFunc(erased, func(c directory.EncryptedSample) bool { return c.Table == "contacts" })
		if erased[i].Erased != 1 || erased[i].Decrypted != 1 || erased[i].Broken != nil {
			t.Errorf("with a placeholder: %+v", erased[i])
		}
		_, err = directory.DecryptSamples(ctx, w.Store.Read(ctx), value(seal.LoadKeyring("", ""))(t))
		if !errors.Is(err, directory.ErrKeyMissing) {
			t.Errorf("without the key: %v", err)
		}
	})
}
