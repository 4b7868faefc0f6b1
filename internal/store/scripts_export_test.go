package store

import (
	"io/fs"
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
