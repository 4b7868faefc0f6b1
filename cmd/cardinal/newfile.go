package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"cardinal/internal/config"
)

// createFile creates a file that only this account can read. An existing file and a link are an error: they can belong
// to another account.
func createFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
}

// createPart creates a file next to path, with a name that cannot be foreseen, for content that gets its name when it
// is complete.
func createPart(path string) (*os.File, error) {
	return createFile(path + "." + rand.Text()[:10] + ".part")
}

// publish gives a complete file its name. It never replaces a file.
func publish(part *os.File, path string) error {
	if err := errors.Join(part.Sync(), part.Close()); err != nil {
		return err
	}
	if err := os.Link(part.Name(), path); err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	// A file system without hard links: between these two calls another account could create the file.
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", path, fs.ErrExist)
	}
	return os.Rename(part.Name(), path)
}

// replaceFile writes a file, or replaces it. A link is replaced, and never followed.
func replaceFile(path string, content []byte, mode os.FileMode) error {
	part, err := createPart(path)
	if err != nil {
		return err
	}
	defer os.Remove(part.Name())
	_, err = part.Write(content)
	if err := errors.Join(err, part.Chmod(mode), part.Close()); err != nil {
		return err
	}
	return os.Rename(part.Name(), path)
}

// fileExistsError is the error of a file that is in the way.
func fileExistsError(path, fix string) error {
	return usageError(fix, "%s exists already; it is never overwritten", path)
}

// checkDatabaseFiles refuses an SQLite database that other accounts of the machine can change: the files, and the
// folder, in which a file could be replaced.
func checkDatabaseFiles(path string) error {
	if runtime.GOOS == "windows" {
		return nil // its modes say nothing about other accounts
	}
	folder := filepath.Dir(path)
	for _, name := range []string{folder, path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(name)
		if err != nil {
			continue // it does not exist yet
		}
		mode := info.Mode()
		if mode.Perm()&0o002 != 0 && mode&os.ModeSticky == 0 {
			return &commandError{code: "writable_by_others",
				message: "every account of this machine can change " + name, fix: "Run: chmod o-w " + shellQuote(name)}
		}
	}
	return nil
}

// warnPasswordInFlag warns about a password that is part of --db: other accounts of the machine can read the command
// lines of processes.
func (a *app) warnPasswordInFlag() {
	f := a.flags.Lookup("db")
	if f == nil || !f.Changed {
		return
	}
	if text := f.Value.String(); config.Redact(text) != text {
		a.printNote("warning: other accounts of this machine can read the password in --db, and it is in the history " +
			"of the shell. Put the URL into CARDINAL_DB, or the password into a PGPASSFILE.")
	}
}
