package store

import (
	"io/fs"
	"slices"
	"testing"
	"testing/fstest"

	"cardinal/internal/store/schema"
)

// WithScripts adds migrations to those of the program until the test ends: scripts for both engines, by file name.
func WithScripts(t *testing.T, scripts map[string]string) {
	t.Helper()
	all := fstest.MapFS{}
	err := fs.WalkDir(schema.Files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := schema.Files.ReadFile(name)
		all[name] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, script := range scripts {
		all["data/"+name] = &fstest.MapFile{Data: []byte(script)}
	}
	released := migrationFiles
	migrationFiles = schema.Read(all)
	t.Cleanup(func() { migrationFiles = released })
}

// OnlyMigrations restricts the migrations of the program to some until the test ends, or until the returned function is
// called.
func OnlyMigrations(t *testing.T, only func(schema.Migration) bool) (restore func()) {
	t.Helper()
	all := migrationFiles
	migrationFiles = func(engine string) []schema.Migration {
		return slices.DeleteFunc(all(engine), func(m schema.Migration) bool { return !only(m) })
	}
	restore = func() { migrationFiles = all }
	t.Cleanup(restore)
	return restore
}
