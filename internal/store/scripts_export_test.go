package store

import (
	"io/fs"
	"testing"
	"testing/fstest"
)

// WithScripts adds migrations to those of the program until the test ends: scripts for both engines, by file name.
func WithScripts(t *testing.T, scripts map[string]string) {
	t.Helper()
	all := fstest.MapFS{}
	err := fs.WalkDir(schemaFiles, "schema", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := schemaFiles.ReadFile(name)
		all[name] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, script := range scripts {
		all["schema/data/"+name] = &fstest.MapFile{Data: []byte(script)}
	}
	released := migrationFiles
	migrationFiles = readOnce(all)
	t.Cleanup(func() { migrationFiles = released })
}
