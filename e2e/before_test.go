package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// theChange is the first migration that goes through all three phases. The program of the commit before it plays the version before.
const theChange = "internal/store/schema/postgres/0007_session_ends.sql"

// binaryBefore is the program of the version before theChange, built once from the history.
var binaryBefore = sync.OnceValues(func() (string, error) {
	added, err := git("log", "--diff-filter=A", "--format=%H", "--", theChange)
	if err != nil {
		return "", err
	}
	if added == "" {
		return "", fmt.Errorf("the history does not go back to %s: the whole of it must be cloned (git fetch --unshallow)", theChange)
	}
	folder, err := builds()
	if err != nil {
		return "", err
	}
	tree := filepath.Join(folder, "before")
	if err := os.Mkdir(tree, 0o700); err != nil {
		return "", err
	}
	archive := filepath.Join(folder, "before.tar")
	if _, err := git("archive", "--output", archive, added+"^"); err != nil {
		return "", err
	}
	if text, err := exec.Command("tar", "-xf", archive, "-C", tree).CombinedOutput(); err != nil {
		return "", fmt.Errorf("tar: %w\n%s", err, text)
	}
	return build(tree, "cardinal-before")
})

// git runs in the repository's root.
func git(args ...string) (string, error) {
	c := exec.Command("git", args...)
	c.Dir = ".."
	text, err := c.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("git %s: %w\n%s", args[0], err, text)
	}
	return strings.TrimSpace(string(text)), nil
}
