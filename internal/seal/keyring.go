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
	mu       sync.RWMutex
	keks     map[[32]byte]KEK
	warnings []string
}

// Warnings returns what is wrong with the files of the keys and is not refused: the group can read them.
func (r *Keyring) Warnings() []string { return r.warnings }

// LoadKeyring reads the key files, *.key, of dir, and the key in env if that is not empty. A file is one line of
// standard base64. env is the value of CARDINAL_KEK: 32 bytes in base64 or hexadecimal. An empty dir and a missing
// folder have no keys. A file or folder that others can read, or that the group or others can change, is an error; one
// that the group can read is a warning. The texts have the chmod command that corrects it.
func LoadKeyring(dir, env string) (*Keyring, error) {
	ring := &Keyring{keks: map[[32]byte]KEK{}}
	if env != "" {
		kek, err := parseEnvironment(env)
		if err != nil {
			return nil, err
		}
		ring.Add(kek)
	}
	paths, warning, err := keyFiles(dir)
	if err != nil {
		return nil, err
	}
	ring.warn(warning)
	for _, path := range paths {
		kek, warning, err := readKeyFile(path)
		ring.warn(warning)
		if err != nil {
			return nil, err
		}
		ring.Add(kek)
	}
	return ring, nil
}

func (r *Keyring) warn(text string) {
	if text != "" {
		r.warnings = append(r.warnings, text)
	}
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
func keyFiles(dir string) (paths []string, warning string, err error) {
	if dir == "" {
		return nil, "", nil
	}
	if warning, err = checkFolder(dir); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, "", nil
		}
		return nil, "", err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, "", fmt.Errorf("read key folder: %w", err)
	}
	for _, entry := range entries {
		// A name that starts with a dot is a temporary file that remained after a crash.
		if name := entry.Name(); strings.HasSuffix(name, keySuffix) && !strings.HasPrefix(name, ".") {
			paths = append(paths, filepath.Join(dir, name))
		}
	}
	return paths, warning, nil
}

func checkFolder(dir string) (warning string, err error) {
	info, err := os.Stat(dir)
	if err != nil {
		return "", fmt.Errorf("open key folder: %w", err)
	}
	if !info.IsDir() {
		return "", fmt.Errorf("key folder %s is not a folder", dir)
	}
	return checkMode(info.Mode(), "key folder "+dir, "chmod 700 "+dir)
}

// checkMode refuses a mode that lets others read, or the group or others write, and warns about one that lets the group
// read.
func checkMode(mode fs.FileMode, what, correction string) (warning string, err error) {
	switch perm := mode.Perm(); {
	case perm&0o027 != 0:
		return "", fmt.Errorf("%s can be accessed by other accounts; run: %s", what, correction)
	case perm&0o050 != 0:
		return what + " can be read by the group; run: " + correction, nil
	}
	return "", nil
}

// readKeyFile checks the mode of the open file, not of the path, so that the file cannot be replaced between check and
// use.
func readKeyFile(path string) (kek KEK, warning string, err error) {
	// Opening a named pipe would block until a writer opens it.
	info, err := os.Stat(path)
	if err != nil {
		return KEK{}, "", fmt.Errorf("open key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return KEK{}, "", fmt.Errorf("key file %s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return KEK{}, "", fmt.Errorf("open key file: %w", err)
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return KEK{}, "", fmt.Errorf("open key file: %w", err)
	}
	if warning, err = checkMode(info.Mode(), "key file "+path, "chmod 600 "+path); err != nil {
		return KEK{}, "", err
	}
	text, err := io.ReadAll(io.LimitReader(f, 1024))
	if err != nil {
		return KEK{}, "", fmt.Errorf("read key file %s: %w", path, err)
	}
	b, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSpace(string(text)))
	if err == nil {
		if kek, err := parseKEK(b); err == nil {
			return kek, warning, nil
		}
	}
	return KEK{}, "", fmt.Errorf("key file %s must have 32 random bytes as one line of base64", path)
}
