package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/catalog"
	"cardinal/internal/config"
	"cardinal/internal/directory"
	"cardinal/internal/password"
	"cardinal/internal/seal"
	"cardinal/internal/store"
)

// desk is the operator's desk: the command line joins the house where the HTTP API does.
type desk struct{ directory.Desk }

// open opens the database as the operator, until the command is over.
func (a *app) open(ctx context.Context) (desk, error) {
	s, err := a.openStore(ctx)
	if err != nil {
		return desk{}, err
	}
	if _, err := s.Ready(ctx); err != nil {
		return desk{}, notReady(err)
	}
	d, err := a.openDirectory(ctx, s)
	if err != nil {
		return desk{}, err
	}
	if a.newKey != "" {
		a.note("key: %s", a.newKey)
	}
	return desk{d.As(cardinal.Operator())}, nil
}

// openStore opens the database that is there. A mistyped path shall not make a new one: that is for serve and db migrate.
func (a *app) openStore(ctx context.Context) (*store.Store, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	if path, ok := sqlitePath(c); ok {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, &advice{code: "no_database", message: "there is no database at " + path,
				fix: "Run `cardinal serve` or `" + a.again("db", "migrate") + "`, or say with --db where it is."}
		}
	}
	return a.makeStore(ctx)
}

// makeStore opens the database; on SQLite it makes the file when there is none.
func (a *app) makeStore(ctx context.Context) (*store.Store, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	s, err := store.Open(ctx, c.Database)
	if err != nil {
		return nil, &advice{kind: err, code: "no_database", message: "the database cannot be opened: " + err.Error(),
			fix: "`cardinal config show --origin` tells where --db comes from."}
	}
	a.atEnd(func() {
		if err := s.Close(); err != nil {
			a.note("the database did not close cleanly: %v", err)
		}
	})
	return s, nil
}

// openCatalog opens the configured database, which need not be Cardinal's, to read what its own catalog says.
func (a *app) openCatalog(ctx context.Context) (*catalog.Database, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	if path, ok := sqlitePath(c); ok {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, &advice{code: "no_database", message: "there is no database at " + path, fix: "Say with --db where it is."}
		}
	}
	d, err := catalog.Open(ctx, c.Database)
	if errors.Is(err, cardinal.ErrInvalid) {
		return nil, err
	}
	if err != nil {
		return nil, &advice{code: "no_database", message: err.Error(), fix: "`cardinal config show --origin` tells where --db comes from."}
	}
	a.atEnd(func() { d.Close() })
	return d, nil
}

func notReady(err error) error {
	fix := "`cardinal db status` lists the migrations."
	if errors.Is(err, store.ErrBeforeRelease) {
		fix = "" // the message says what to do
	}
	return &advice{code: "schema", message: strings.TrimPrefix(err.Error(), store.ErrSchema.Error()+": "), fix: fix}
}

// orNotReady says what to do about the schema, when that is what is wrong.
func orNotReady(err error) error {
	if errors.Is(err, store.ErrSchema) {
		return notReady(err)
	}
	return err
}

// openDirectory opens the rules over a database whose schema is ready.
func (a *app) openDirectory(ctx context.Context, s *store.Store) (*directory.Directory, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	d, err := directory.Open(ctx, s, directory.Options{
		LoadKeys:  func() (*seal.Keyring, error) { return seal.LoadKeyring(c.KeysDir, c.KEK.Reveal()) },
		CreateKEK: func(id uuid.UUID) (seal.KEK, string, error) { return a.createKEK(c.KeysDir, c.KEK.Reveal(), id) },
		Hasher:    password.New(password.Default, password.DefaultLimits()),
	})
	if errors.Is(err, directory.ErrKeyMissing) {
		return nil, &advice{kind: err, code: "key_missing", message: strings.TrimPrefix(err.Error(), directory.ErrKeyMissing.Error()+": "),
			fix: "Keys are looked for in " + c.KeysDir + " (--keys) and in CARDINAL_KEK."}
	}
	return d, err
}

// createKEK gives a database that names no key its first one: that of the environment, or a new one in a file.
func (a *app) createKEK(dir, env string, id uuid.UUID) (seal.KEK, string, error) {
	if env != "" {
		ring, err := seal.LoadKeyring("", env)
		if err != nil {
			return seal.KEK{}, "", err
		}
		kek, _ := ring.Sole() // it was read from one variable
		a.newKey = "that of CARDINAL_KEK; " + keyAdvice
		return kek, "environment", nil
	}
	kek, path, err := seal.CreateKEK(dir, id)
	if err != nil {
		return seal.KEK{}, "", fmt.Errorf("%w (--keys says where keys are kept)", err)
	}
	a.newKey = path + ", just made; " + keyAdvice
	return kek, "file", nil
}

const keyAdvice = "back it up apart from the data: without it nothing personal can be read"

// sqlitePath is the file of an SQLite database; false for another kind.
func sqlitePath(c config.Config) (string, bool) {
	return strings.TrimPrefix(strings.TrimPrefix(c.Database, "sqlite://"), "sqlite:"), c.IsEmbedded()
}

// orUnknown says what was not found, when that is what went wrong.
func orUnknown(err error, what, name, fix string) error {
	if errors.Is(err, cardinal.ErrNotFound) {
		return unknown(what, name, fix)
	}
	return err
}

func thisBuild() built {
	return built{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
}
