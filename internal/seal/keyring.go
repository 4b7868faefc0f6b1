package seal

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Keyring holds the key-encryption keys that this process was given. It may be used by several goroutines.
type Keyring struct {
	mu   sync.RWMutex
	keks map[[32]byte]KEK
}

// LoadKeyring reads the key files, *.key, of dir and, when env is not empty, the key in env, which is the value of
// CARDINAL_KEK: 32 bytes in base64 or hexadecimal. A file is one line of standard base64. An empty dir or one that does not exist
// holds no keys. A file or folder that group or others may use is refused with an error that says what to run.
func LoadKeyring(dir, env string) (*Keyring, error) {
	ring := &Keyring{keks: map[[32]byte]KEK{}}
	if env != "" {
		kek, err := parseEnvironment(env)
		if err != nil {
			return nil, err
		}
		ring.Add(kek)
	}
	paths, err := keyFiles(dir)
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		kek, err := readKeyFile(path)
		if err != nil {
			return nil, err
		}
		ring.Add(kek)
	}
	return ring, nil
}

// Add puts a key into the ring; a key that is there already changes nothing.
func (r *Keyring) Add(kek KEK) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keks[kek.CheckValue()] = kek
}

// ByCheckValue returns the key with the check value that the database names.
func (r *Keyring) ByCheckValue(check [32]byte) (KEK, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	kek, ok := r.keks[check]
	return kek, ok
}

// Len returns how many different keys there are.
func (r *Keyring) Len() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.keks)
}

// Sole returns the only key, for an empty database that names none yet; false when there are none or several.
func (r *Keyring) Sole() (KEK, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if len(r.keks) != 1 {
		return KEK{}, false
	}
	for _, kek := range r.keks {
		return kek, true
	}
	return KEK{}, false
}

func parseEnvironment(value string) (KEK, error) {
	value = strings.TrimSpace(value)
	// 64 hexadecimal digits are base64 as well, of 48 bytes, so the length decides.
	if len(value) == hex.EncodedLen(keyBytes) {
		if b, err := hex.DecodeString(value); err == nil {
			return environmentKEK(b)
		}
	}
	unpadded := strings.TrimRight(value, "=")
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if b, err := encoding.DecodeString(unpadded); err == nil {
			return environmentKEK(b)
		}
	}
	return environmentKEK(nil)
}

// environmentKEK drops what went wrong while decoding: those errors can carry pieces of the key.
func environmentKEK(b []byte) (KEK, error) {
	kek, err := KEKFromBytes(b)
	if err != nil {
		return KEK{}, errors.New("CARDINAL_KEK is not 32 random bytes in base64 or hexadecimal")
	}
	return kek, nil
}

// keyFiles lists the key files of a folder in the order of their names.
func keyFiles(dir string) ([]string, error) {
	if dir == "" {
		return nil, nil
	}
	if err := checkFolder(dir); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read key folder: %w", err)
	}
	var paths []string
	for _, entry := range entries {
		// A name that starts with a dot is a temporary file that a crash left behind.
		if name := entry.Name(); strings.HasSuffix(name, keySuffix) && !strings.HasPrefix(name, ".") {
			paths = append(paths, filepath.Join(dir, name))
		}
	}
	return paths, nil
}

func checkFolder(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("open key folder: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("key folder %s is not a folder", dir)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("key folder %s is open to other accounts; run: chmod 700 %s", dir, dir)
	}
	return nil
}

// readKeyFile asks the open file for its mode, not the path, so that nothing can be swapped in between.
func readKeyFile(path string) (KEK, error) {
	// Opening a pipe would wait for its writer for ever.
	info, err := os.Stat(path)
	if err != nil {
		return KEK{}, fmt.Errorf("open key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return KEK{}, fmt.Errorf("key file %s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return KEK{}, fmt.Errorf("open key file: %w", err)
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return KEK{}, fmt.Errorf("open key file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return KEK{}, fmt.Errorf("key file %s is open to other accounts; run: chmod 600 %s", path, path)
	}
	text, err := io.ReadAll(io.LimitReader(f, 1024))
	if err != nil {
		return KEK{}, fmt.Errorf("read key file %s: %w", path, err)
	}
	b, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSpace(string(text)))
	if err == nil {
		if kek, err := KEKFromBytes(b); err == nil {
			return kek, nil
		}
	}
	return KEK{}, fmt.Errorf("key file %s does not hold 32 random bytes as one line of base64", path)
}
