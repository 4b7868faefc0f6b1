package directory_test

import (
	"sync"
	"testing"

	"cardinal"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/signin"
)

// TestGuessesMadeMeanwhileCount: while a password is being verified another guess fails, the last that was allowed, on another node. The
// check before the hash let both in; the one after it refuses even the right password.
func TestGuessesMadeMeanwhileCount(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		_, email := w.person(t)
		guess := func(password string) cardinal.SignIn {
			return cardinal.SignIn{Identifier: email, Password: cardinal.Secret(password)}
		}
		other := w.another(t, directorytest.CheapHash).As(cardinal.Stranger(noID, cardinal.Client{}))
		for range 9 {
			_, err := signin.WithPassword(t.Context(), other, guess("wrong wrong wrong"))
			refuses(t, err, "invalid_credentials")
		}
		var once sync.Once
		_, err := signin.WithPassword(atHash{t.Context(), func() {
			once.Do(func() {
				_, err := signin.WithPassword(t.Context(), other, guess("wrong wrong wrong"))
				refuses(t, err, "invalid_credentials")
			})
		}}, w.As(cardinal.Stranger(noID, cardinal.Client{})), guess(goodPassword))
		refuses(t, err, "too_many_attempts")
	})
}
