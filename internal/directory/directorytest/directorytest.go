// Package directorytest opens directories for tests, on real databases, with a cheap hash and a clock that tests can
// move. It also has the helpers that the tests of directory, signin and importing share.
package directorytest

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal/internal/directory"
	"cardinal/internal/password"
	"cardinal/internal/pgtest"
	"cardinal/internal/seal"
	"cardinal/internal/store"
)

// Engines are the database engines that every rule is tested on.
var Engines = []string{"sqlite", "postgres"}

// CheapHash are parameters that cost about a thousandth of the real ones.
var CheapHash = password.Params{MemoryKiB: 64, Iterations: 1, Parallelism: 1}

// Clock returns the real time plus the durations that a test adds.
type Clock struct {
	mu      sync.Mutex
	ahead   time.Duration
	stopped time.Time // zero while the clock runs
}

// Now returns the time of the clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *Clock) now() time.Time {
	if !c.stopped.IsZero() {
		return c.stopped.Add(c.ahead)
	}
	return time.Now().Add(c.ahead)
}

// Stop stops the clock, for tests of limits per time: on a busy machine they can take longer than the limit. Add still
// moves it.
func (c *Clock) Stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped, c.ahead = c.now(), 0
}

// Add moves the clock forward.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// Fixture is an open directory with its database, clock and keys.
type Fixture struct {
	*directory.Directory
	Store *store.Store
	Clock *Clock
	URL   string // of the database
	Keys  string // folder of the key-encryption keys
}

// Open opens a directory on a new database of an engine.
func Open(t testing.TB, engine string) *Fixture {
	t.Helper()
	url := "sqlite:" + filepath.Join(t.TempDir(), "cardinal.db")
	if engine == "postgres" {
		url = pgtest.Template(t, "cardinal_schema", func(url string) error {
			s, err := store.Open(context.Background(), url)
			if err != nil {
				return err
			}
			defer s.Close()
			_, err = s.Migrate(context.Background(), time.Now(), "")
			return err
		})
	}
	return OpenURL(t, url, filepath.Join(t.TempDir(), "keys"))
}

// OpenURL opens a directory on a database, which it migrates when it is empty, with its key in a folder.
func OpenURL(t testing.TB, url, keys string) *Fixture {
	t.Helper()
	ctx := context.Background()
	s, err := store.Open(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if empty, _ := s.Ready(ctx); empty {
		if _, err := s.Migrate(ctx, time.Now(), ""); err != nil {
			t.Fatal(err)
		}
	}
	clock := &Clock{}
	d, err := directory.Open(ctx, s, directory.Options{
		LoadKeys: func() (*seal.Keyring, error) { return seal.LoadKeyring(keys, "") },
		CreateKEK: func(id uuid.UUID) (seal.KEK, string, error) {
			kek, _, err := seal.CreateKEK(keys, id)
			return kek, "file", err
		},
		Hasher: password.New(CheapHash, password.Limits{Concurrent: 2, Queue: 64, Wait: 10 * time.Second}),
		Clock:  clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return &Fixture{Directory: d, Store: s, Clock: clock, URL: url, Keys: keys}
}
