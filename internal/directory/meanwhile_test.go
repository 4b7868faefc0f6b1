package directory_test

import (
	"sync"
	"testing"

	"cardinal"
	"cardinal/internal/directory/directorytest"
)

// TestGuessesMadeMeanwhileCount: while a password is being verified another guess fails, the last that was allowed, on another node. The
// check before the hash let both in; the one after it refuses even the right password.
func TestGuessesMadeMeanwhileCount(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		_, email := w.person(t)
		guess := func(password string) cardinal.SignIn {
			return cardinal.SignIn{Identifier: email, Password: cardinal.Secret(password)}
		}
		other := w.another(t, directorytest.CheapHash).As(cardinal.Anonymous(noID, cardinal.Client{}))
		for range 9 {
			_, err := other.SignIn(t.Context(), guess("wrong wrong wrong"))
			refuses(t, err, "invalid_credentials")
		}
		var once sync.Once
		_, err := w.As(cardinal.Anonymous(noID, cardinal.Client{})).SignIn(atHash{t.Context(), func() {
			once.Do(func() {
				_, err := other.SignIn(t.Context(), guess("wrong wrong wrong"))
				refuses(t, err, "invalid_credentials")
			})
		}}, guess(goodPassword))
		refuses(t, err, "too_many_attempts")
	})
}
