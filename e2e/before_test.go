package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
)

// firstMigration is the first script of the schema that is upgraded. The commit that added it is the version before;
// the commit before that one is the last version with a schema that cannot be upgraded.
const firstMigration = "internal/store/schema/postgres/0001_lookups.sql"

// upgradeScripts is the folder with the migrations of the version after: one for each engine, and data for both.
const upgradeScripts = "testdata/upgrade"

var (
	// binaryBefore is the program of the version before, built once from the history.
	binaryBefore = sync.OnceValues(func() (string, error) { return buildCommit("", "cardinal-before") })
	// binaryUnreleased is the program of a version before the first release.
	binaryUnreleased = sync.OnceValues(func() (string, error) { return buildCommit("^", "cardinal-unreleased") })
	// binaryAfter is the program of the version after: that under test, with a migration in three phases and the code
	// for it.
	binaryAfter = sync.OnceValues(buildAfter)
)

// buildCommit builds the program of the commit that added the first migration, or of one that is relative to it.
func buildCommit(relative, name string) (string, error) {
	found, err := git("log", "--diff-filter=A", "--format=%H", "--", firstMigration)
	if err != nil {
		return "", err
	}
	if found == "" {
		return "", fmt.Errorf("the history does not contain the commit that added %s: "+
			"clone all of it (git fetch --unshallow)", firstMigration)
	}
	commits := strings.Fields(found)
	folder, err := buildFolder()
	if err != nil {
		return "", err
	}
	tree := filepath.Join(folder, name+"-source")
	if err := os.Mkdir(tree, 0o700); err != nil {
		return "", err
	}
	archive := tree + ".tar"
	if _, err := git("archive", "--output", archive, commits[len(commits)-1]+relative); err != nil {
		return "", err
	}
	if text, err := exec.Command("tar", "-xf", archive, "-C", tree).CombinedOutput(); err != nil {
		return "", fmt.Errorf("tar: %w\n%s", err, text)
	}
	return build(tree, name)
}

// buildAfter builds the program of the working tree with an overlay: the scripts in upgradeScripts, and two changed
// files, so that the program writes the new column and its role is allowed to.
func buildAfter() (string, error) {
	root, err := filepath.Abs("..")
	if err != nil {
		return "", err
	}
	folder, err := buildFolder()
	if err != nil {
		return "", err
	}
	overlay := map[string]string{}
	scripts, err := filepath.Glob(upgradeScripts + "/*/*.sql")
	if err != nil || len(scripts) == 0 {
		return "", fmt.Errorf("no scripts in %s: %w", upgradeScripts, err)
	}
	for _, script := range scripts {
		engine, name := filepath.Base(filepath.Dir(script)), filepath.Base(script)
		if overlay[filepath.Join(root, "internal/store/schema", engine, name)], err = filepath.Abs(script); err != nil {
			return "", err
		}
	}
	for _, change := range []struct{ file, pattern, text string }{
		{"internal/store/sessions.go", `end_reason = \$4`, "end_reason = $$4, ended_by = 'after'"},
		{"internal/store/schema/postgres/grants.sql", `revoked_at, end_reason`, "revoked_at, end_reason, ended_by"},
	} {
		path := filepath.Join(root, change.file)
		source, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		pattern := regexp.MustCompile(change.pattern)
		if !pattern.Match(source) {
			return "", fmt.Errorf("%s has no %q: the change of the version after must follow the code",
				change.file, change.pattern)
		}
		changed := filepath.Join(folder, filepath.Base(change.file))
		if err := os.WriteFile(changed, pattern.ReplaceAll(source, []byte(change.text)), 0o600); err != nil {
			return "", err
		}
		overlay[path] = changed
	}
	list, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		return "", err
	}
	file := filepath.Join(folder, "overlay.json")
	if err := os.WriteFile(file, list, 0o600); err != nil {
		return "", err
	}
	return build("..", "cardinal-after", "-overlay", file)
}

// git runs git in the root of the repository.
func git(args ...string) (string, error) {
	c := exec.Command("git", args...)
	c.Dir = ".."
	text, err := c.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("git %s: %w\n%s", args[0], err, text)
	}
	return strings.TrimSpace(string(text)), nil
}
