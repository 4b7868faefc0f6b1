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
	"cardinal/internal/store/schema"
)

// desk is a directory.Desk with the look-ups of the command line. It acts as the operator.
type desk struct{ directory.Desk }

// open opens the database as the operator. The database is closed at the end of the command.
func (a *app) open(ctx context.Context) (desk, error) {
	s, err := a.openStore(ctx)
	if err != nil {
		return desk{}, err
	}
	if _, err := s.Ready(ctx); err != nil {
		return desk{}, schemaError(err)
	}
	d, err := a.openDirectory(ctx, s)
	if err != nil {
		return desk{}, err
	}
	if a.newKeyNotice != "" {
		a.printNote("key-encryption key: %s", a.newKeyNotice)
	}
	return desk{d.As(cardinal.Operator())}, nil
}

// openStore opens an existing database. It never creates one, so that a mistyped path is an error: only serve and db
// migrate create databases.
func (a *app) openStore(ctx context.Context) (*store.Store, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	if path, ok := sqlitePath(c); ok {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, &commandError{code: "no_database", message: "there is no database at " + path,
				fix: "Run `cardinal serve` or `" + a.rerunCommand("db", "migrate") +
					"`, or name another database with --db."}
		}
	}
	return a.openOrCreateStore(ctx)
}

// openOrCreateStore opens the database. On SQLite it creates the file when there is none.
func (a *app) openOrCreateStore(ctx context.Context) (*store.Store, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	a.warnPasswordInFlag()
	if path, ok := sqlitePath(c); ok {
		if err := checkDatabaseFiles(path); err != nil {
			return nil, err
		}
	}
	s, err := store.Open(ctx, c.Database)
	if err != nil {
		return nil, &commandError{kind: err, code: "no_database",
			message: "the database cannot be opened: " + err.Error(),
			fix:     "`cardinal config show --origin` shows where --db comes from."}
	}
	if c.LogLevel <= config.LevelTrace {
		log := a.logger(c)
		s.Trace(func(st store.Statement) {
			log.Log(ctx, config.LevelTrace, "SQL", "method", st.Method, "duration", st.Duration, "sql", st.SQL)
		})
	}
	a.onClose(func() {
		if err := s.Close(); err != nil {
			a.printNote("the database did not close cleanly: %v", err)
		}
	})
	return s, nil
}

// openCatalog opens the configured database to read its system catalog. It need not be a Cardinal database.
func (a *app) openCatalog(ctx context.Context) (*catalog.Database, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	if path, ok := sqlitePath(c); ok {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, &commandError{code: "no_database", message: "there is no database at " + path,
				fix: "Name another database with --db."}
		}
	}
	a.warnPasswordInFlag()
	d, err := catalog.Open(ctx, c.Database)
	if errors.Is(err, cardinal.ErrInvalid) {
		return nil, err
	}
	if err != nil {
		return nil, &commandError{code: "no_database", message: err.Error(),
			fix: "`cardinal config show --origin` shows where --db comes from."}
	}
	a.onClose(func() { d.Close() })
	return d, nil
}

// schemaError returns the error for a database whose schema does not fit this program.
func schemaError(err error) error {
	fix := "`cardinal db status` lists the migrations."
	if errors.Is(err, schema.ErrBeforeRelease) {
		fix = "" // the message says what to do
	}
	message := strings.TrimPrefix(err.Error(), schema.ErrUnusable.Error()+": ")
	return &commandError{code: "schema", message: message, fix: fix}
}

// withSchemaFix turns an error of the schema into a schemaError; other errors stay as they are.
func withSchemaFix(err error) error {
	if errors.Is(err, schema.ErrUnusable) {
		return schemaError(err)
	}
	return err
}

// openDirectory opens the directory on a database whose schema is ready.
func (a *app) openDirectory(ctx context.Context, s *store.Store) (*directory.Directory, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	d, err := directory.Open(ctx, s, directory.Options{
		LoadKeys:  func() (*seal.Keyring, error) { return a.loadKeys(c) },
		CreateKEK: func(id uuid.UUID) (seal.KEK, string, error) { return a.createKEK(c.KeysDir, c.KEK.Reveal(), id) },
		Hasher:    password.New(password.Default, password.DefaultLimits()),
		Logger:    a.logger(c),
	})
	if errors.Is(err, directory.ErrKeyMissing) {
		return nil, &commandError{kind: err, code: "key_missing",
			message: strings.TrimPrefix(err.Error(), directory.ErrKeyMissing.Error()+": "),
			fix:     "Keys are read from " + c.KeysDir + " (--keys) and from CARDINAL_KEK."}
	}
	return d, err
}

// loadKeys reads the keys, and warns about those that the group can read.
func (a *app) loadKeys(c config.Config) (*seal.Keyring, error) {
	ring, err := seal.LoadKeyring(c.KeysDir, c.KEK.Reveal())
	if err == nil {
		for _, warning := range ring.Warnings() {
			a.printNote("warning: %s", warning)
		}
	}
	return ring, err
}

// createKEK returns the first key-encryption key of a new database: the key from the environment, or a new key in a
// file.
func (a *app) createKEK(dir, env string, id uuid.UUID) (seal.KEK, string, error) {
	if env != "" {
		ring, err := seal.LoadKeyring("", env)
		if err != nil {
			return seal.KEK{}, "", err
		}
		kek, _ := ring.Only() // one variable has one key
		a.newKeyNotice = "read from CARDINAL_KEK. " + keyBackupHint
		return kek, "environment", nil
	}
	kek, path, err := seal.CreateKEK(dir, id)
	if err != nil {
		return seal.KEK{}, "", fmt.Errorf("%w (--keys names the folder of the keys)", err)
	}
	a.newKeyNotice = "created in " + path + ". " + keyBackupHint
	return kek, "file", nil
}

const keyBackupHint = "Back it up separately from the data: without it, personal data cannot be decrypted."

// sqlitePath returns the file of an SQLite database; false for another engine.
func sqlitePath(c config.Config) (string, bool) {
	return strings.TrimPrefix(strings.TrimPrefix(c.Database, "sqlite://"), "sqlite:"), c.IsEmbedded()
}

// notFoundAs turns a cardinal.ErrNotFound into a notFoundError; other errors stay as they are.
func notFoundAs(err error, what, name, fix string) error {
	if errors.Is(err, cardinal.ErrNotFound) {
		return notFoundError(what, name, fix)
	}
	return err
}

func currentBuild() buildInfo {
	return buildInfo{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
}
