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

// CreateKEK makes a random key-encryption key and writes it to <dir>/<id>.key, mode 0600, in a folder of mode 0700 that it
// makes when missing. It returns only after the file is on disk under its name and was read back; a file that is there is
// never overwritten. The key is not added to any ring.
func CreateKEK(dir string, id uuid.UUID) (kek KEK, path string, err error) {
	path = filepath.Join(dir, id.String()+keySuffix)
	if err := makeFolder(dir); err != nil {
		return KEK{}, "", err
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return KEK{}, "", fmt.Errorf("create key file %s: it is there already", path)
	}
	kek = NewKEK()
	line := base64.StdEncoding.EncodeToString(kek.raw()) + "\n"
	if err := writeFile(path, filepath.Join(dir, "."+id.String()+keySuffix), line); err != nil {
		return KEK{}, "", fmt.Errorf("create key file: %w", err)
	}
	back, err := readKeyFile(path)
	if err != nil {
		return KEK{}, "", err
	}
	if !back.Equal(kek) {
		return KEK{}, "", fmt.Errorf("create key file %s: it does not read back as written", path)
	}
	return kek, path, nil
}

func makeFolder(dir string) error {
	err := checkFolder(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("create key folder: %w", err)
	}
	if err := syncFolder(filepath.Dir(dir)); err != nil {
		return fmt.Errorf("create key folder: %w", err)
	}
	return checkFolder(dir)
}

// writeFile writes text to path by way of a temporary name, so that a crash leaves the whole file or none.
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

// syncFolder makes a new name survive a power cut.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
