package directory_test

import (
	"strings"
	"testing"

	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/seal"
)

// TestContactKindWithoutNormalForm: a directory does not open when the database has a kind of contact that this program
// cannot compare.
func TestContactKindWithoutNormalForm(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		value(w.SQL(t).Exec(`UPDATE contact_kinds SET code = 'pager' WHERE code = 'phone'`))(t)
		_, err := directory.Open(t.Context(), w.Store, directory.Options{
			LoadKeys: func() (*seal.Keyring, error) { return seal.LoadKeyring(w.Keys, "") },
		})
		if err == nil || !strings.Contains(err.Error(), `kind of contact "pager" has no normal form`) {
			t.Errorf("Open: %v", err)
		}
	})
}
