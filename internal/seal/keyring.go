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

// Keyring has the key-encryption keys of this process. It is safe for concurrent use.
type Keyring struct {
	mu   sync.RWMutex
	keks map[[32]byte]KEK
}

// LoadKeyring reads the key files, *.key, of dir, and the key in env if that is not empty. A file is one line of
// standard base64. env is the value of CARDINAL_KEK: 32 bytes in base64 or hexadecimal. An empty dir and a missing
// folder have no keys. A file or folder with permissions for group or others is an error; its text has the chmod
// command that corrects it.
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

// Add adds a key. A key that the keyring already has changes nothing.
func (r *Keyring) Add(kek KEK) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keks[kek.CheckValue()] = kek
}

// ByCheckValue returns the key with a check value from the database.
func (r *Keyring) ByCheckValue(check [32]byte) (KEK, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	kek, ok := r.keks[check]
	return kek, ok
}

// Len returns the number of different keys.
func (r *Keyring) Len() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.keks)
}

// Only returns the key if there is exactly one. It is for an empty database, which requires no specific key yet.
func (r *Keyring) Only() (KEK, bool) {
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

// environmentKEK omits the errors of decoding because they can contain parts of the key.
func environmentKEK(b []byte) (KEK, error) {
	kek, err := parseKEK(b)
	if err != nil {
		return KEK{}, errors.New("CARDINAL_KEK is not 32 random bytes in base64 or hexadecimal")
	}
	return kek, nil
}

// keyFiles returns the key files of a folder, sorted by name.
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
		// A name that starts with a dot is a temporary file that remained after a crash.
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
		return fmt.Errorf("key folder %s can be accessed by other accounts; run: chmod 700 %s", dir, dir)
	}
	return nil
}

// readKeyFile checks the mode of the open file, not of the path, so that the file cannot be replaced between check and
// use.
func readKeyFile(path string) (KEK, error) {
	// Opening a named pipe would block until a writer opens it.
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
		return KEK{}, fmt.Errorf("key file %s can be accessed by other accounts; run: chmod 600 %s", path, path)
	}
	text, err := io.ReadAll(io.LimitReader(f, 1024))
	if err != nil {
		return KEK{}, fmt.Errorf("read key file %s: %w", path, err)
	}
	b, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSpace(string(text)))
	if err == nil {
		if kek, err := parseKEK(b); err == nil {
			return kek, nil
		}
	}
	return KEK{}, fmt.Errorf("key file %s must have 32 random bytes as one line of base64", path)
}
