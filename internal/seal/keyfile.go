package seal

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/uuid"
)

const keySuffix = ".key"

// CreateKEK creates a random key-encryption key and writes it to <dir>/<id>.key with mode 0600. It creates a missing
// folder with mode 0700. It returns after the file is synced to disk under its name and was read again. It never
// overwrites a file. It does not add the key to a keyring.
func CreateKEK(dir string, id uuid.UUID) (kek KEK, path string, err error) {
	path = filepath.Join(dir, id.String()+keySuffix)
	if err := createFolder(dir); err != nil {
		return KEK{}, "", err
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return KEK{}, "", fmt.Errorf("create key file %s: the file already exists", path)
	}
	kek = randomKEK()
	line := base64.StdEncoding.EncodeToString(kek.raw()) + "\n"
	if err := writeFile(path, filepath.Join(dir, "."+id.String()+keySuffix), line); err != nil {
		return KEK{}, "", fmt.Errorf("create key file: %w", err)
	}
	stored, _, err := readKeyFile(path)
	if err != nil {
		return KEK{}, "", err
	}
	if stored.CheckValue() != kek.CheckValue() {
		return KEK{}, "", fmt.Errorf("create key file %s: the stored key is not the one that was written", path)
	}
	return kek, path, nil
}

func createFolder(dir string) error {
	_, err := checkFolder(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("create key folder: %w", err)
	}
	if err := syncFolder(filepath.Dir(dir)); err != nil {
		return fmt.Errorf("create key folder: %w", err)
	}
	_, err = checkFolder(dir)
	return err
}

// writeFile writes a temporary file and renames it to path, so that a crash leaves the complete file or none.
func writeFile(path, temporary, text string) (err error) {
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(temporary)
		}
	}()
	if _, err = f.WriteString(text); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(temporary, path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder syncs a folder, so that a new name in it survives a power failure.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
