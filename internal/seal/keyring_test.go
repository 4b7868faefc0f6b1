package seal

import (
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// keyFolder returns a folder with one key file, the path of the file, and the key.
func keyFolder(t *testing.T) (dir, path string, kek KEK) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "keys")
	kek, path, err := CreateKEK(dir, uuid.MustParse(vectorUser))
	if err != nil {
		t.Fatal(err)
	}
	return dir, path, kek
}

func TestCreateKEK(t *testing.T) {
	dir, path, kek := keyFolder(t)
	t.Run("ModesAreForOwnerOnly", func(t *testing.T) {
		for name, want := range map[string]os.FileMode{dir: os.ModeDir | 0o700, path: 0o600} {
			info, err := os.Stat(name)
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode() != want {
				t.Errorf("%s has mode %v", name, info.Mode())
			}
		}
	})
	t.Run("OneFileRemains", func(t *testing.T) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) != 1 || entries[0].Name() != vectorUser+".key" {
			t.Errorf("the folder has %v", entries)
		}
	})
	t.Run("LoadKeyringFindsKey", func(t *testing.T) {
		ring, err := LoadKeyring(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		got, ok := ring.ByCheckValue(kek.CheckValue())
		if !ok || got.CheckValue() != kek.CheckValue() {
			t.Error("the key is not in the keyring")
		}
		if sole, ok := ring.Only(); !ok || sole.CheckValue() != kek.CheckValue() || ring.Len() != 1 {
			t.Errorf("Sole is wrong in a keyring of %d", ring.Len())
		}
	})
	t.Run("ExistingFileKept", func(t *testing.T) {
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := CreateKEK(dir, uuid.MustParse(vectorUser)); err == nil {
			t.Error("created a second key with the same id")
		}
		after, err := os.ReadFile(path)
		if err != nil || string(after) != string(before) {
			t.Errorf("the file changed: %v", err)
		}
	})
	t.Run("FolderModeChecked", func(t *testing.T) {
		open := filepath.Join(t.TempDir(), "open")
		if err := os.Mkdir(open, 0o755); err != nil {
			t.Fatal(err)
		}
		if _, _, err := CreateKEK(open, uuid.New()); err == nil || !strings.Contains(err.Error(), "chmod 700 "+open) {
			t.Errorf("error is %v", err)
		}
	})
}

func TestLoadKeyring(t *testing.T) {
	t.Run("MissingFolderHasNoKeys", func(t *testing.T) {
		for _, dir := range []string{"", filepath.Join(t.TempDir(), "none")} {
			ring, err := LoadKeyring(dir, "")
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := ring.Only(); ok || ring.Len() != 0 {
				t.Errorf("%q has %d keys", dir, ring.Len())
			}
		}
	})
	t.Run("EnvironmentInAllEncodings", func(t *testing.T) {
		want := vectorKEK(t)
		b := want.raw()
		for _, env := range []string{
			base64.StdEncoding.EncodeToString(b), base64.RawStdEncoding.EncodeToString(b),
			base64.URLEncoding.EncodeToString(b),
			hex.EncodeToString(b), strings.ToUpper(hex.EncodeToString(b)), " " + hex.EncodeToString(b) + "\n",
		} {
			ring, err := LoadKeyring("", env)
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := ring.Only(); !ok || got.CheckValue() != want.CheckValue() {
				t.Error("got another key")
			}
		}
	})
	t.Run("FolderAndEnvironmentCombined", func(t *testing.T) {
		dir, _, kek := keyFolder(t)
		ring, err := LoadKeyring(dir, hex.EncodeToString(counting(32)))
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := ring.Only(); ok || ring.Len() != 2 {
			t.Errorf("the keyring has %d keys", ring.Len())
		}
		if _, ok := ring.ByCheckValue(randomKEK().CheckValue()); ok {
			t.Error("found a key that the keyring does not have")
		}
		same, err := LoadKeyring(dir, hex.EncodeToString(kek.raw()))
		if err != nil || same.Len() != 1 {
			t.Errorf("the same key twice counts %d: %v", same.Len(), err)
		}
	})
	t.Run("InvalidEnvironmentRefusedWithoutValue", func(t *testing.T) {
		for _, env := range []string{"canary", strings.Repeat("canary!", 9), hex.EncodeToString(make([]byte, 32)),
			base64.StdEncoding.EncodeToString(counting(1)[:31])} {
			_, err := LoadKeyring("", env)
			if err == nil || strings.Contains(err.Error(), "canary") || !strings.Contains(err.Error(), "CARDINAL_KEK") {
				t.Errorf("error is %v", err)
			}
		}
	})
	t.Run("ModesForOthersRefused", func(t *testing.T) {
		for _, mode := range []os.FileMode{0o604, 0o620, 0o602, 0o601, 0o644, 0o660} {
			dir, path, _ := keyFolder(t)
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			if _, err := LoadKeyring(dir, ""); err == nil || !strings.Contains(err.Error(), "chmod 600 "+path) {
				t.Errorf("%v: error is %v", mode, err)
			}
		}
		for _, mode := range []os.FileMode{0o705, 0o701, 0o755, 0o770, 0o730} {
			dir, _, _ := keyFolder(t)
			if err := os.Chmod(dir, mode); err != nil {
				t.Fatal(err)
			}
			if _, err := LoadKeyring(dir, ""); err == nil || !strings.Contains(err.Error(), "chmod 700 "+dir) {
				t.Errorf("%v: error is %v", mode, err)
			}
		}
	})
	t.Run("ModesForTheGroupWarned", func(t *testing.T) {
		dir, path, _ := keyFolder(t)
		for name, mode := range map[string]os.FileMode{path: 0o640, dir: 0o750} {
			if err := os.Chmod(name, mode); err != nil {
				t.Fatal(err)
			}
		}
		ring, err := LoadKeyring(dir, "")
		if err != nil || ring.Len() != 1 {
			t.Fatal(err)
		}
		warnings := strings.Join(ring.Warnings(), "\n")
		if !strings.Contains(warnings, "chmod 600 "+path) || !strings.Contains(warnings, "chmod 700 "+dir) {
			t.Errorf("warnings are %q", warnings)
		}
	})
	t.Run("InvalidFilesRefusedWithoutContent", func(t *testing.T) {
		good := base64.StdEncoding.EncodeToString(counting(1))
		for _, text := range []string{"", "canary", good[:40] + "\n", good + "\n" + good + "\n",
			hex.EncodeToString(counting(1)), base64.StdEncoding.EncodeToString(make([]byte, 32)),
			strings.Repeat("canary", 2000)} {
			dir, path, _ := keyFolder(t)
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := LoadKeyring(dir, "")
			if err == nil || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), good[:10]) ||
				!strings.Contains(err.Error(), path) {
				t.Errorf("error is %v", err)
			}
		}
	})
	t.Run("OtherFilesIgnored", func(t *testing.T) {
		dir, _, _ := keyFolder(t)
		for _, name := range []string{"README", ".half-written.key"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if ring, err := LoadKeyring(dir, ""); err != nil || ring.Len() != 1 {
			t.Errorf("error is %v", err)
		}
	})
	t.Run("FolderAsKeyFileRefused", func(t *testing.T) {
		dir, _, _ := keyFolder(t)
		if err := os.Mkdir(filepath.Join(dir, "x.key"), 0o700); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadKeyring(dir, ""); err == nil {
			t.Error("accepted a folder")
		}
	})
}
