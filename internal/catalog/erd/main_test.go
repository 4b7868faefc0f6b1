package erd

import (
	"flag"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"cardinal/internal/catalog"
	"cardinal/internal/pgtest"
	"cardinal/internal/store"
)

var update = flag.Bool("update", false, "update docs/erd.svg")

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// databases returns the URLs of new migrated databases by engine.
func databases(t *testing.T) map[string]string {
	t.Helper()
	urls := map[string]string{"sqlite": filepath.Join(t.TempDir(), "cardinal.db"), "postgres": pgtest.Database(t)}
	for _, url := range urls {
		s, err := store.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if _, err := s.Migrate(t.Context(), time.Now().UTC(), ""); err != nil {
			t.Fatal(err)
		}
	}
	return urls
}

func read(t *testing.T, url, schema string) *catalog.Schema {
	t.Helper()
	d, err := catalog.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	s, err := d.Read(t.Context(), schema)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// shared are the schemas of migrated databases by engine. All tests read them, and none changes them.
var shared struct {
	once    sync.Once
	schemas map[string]*catalog.Schema
}

// diagrams returns the diagrams of migrated databases by engine.
func diagrams(t *testing.T) map[string]*Diagram {
	t.Helper()
	shared.once.Do(func() { shared.schemas = readAll(t) })
	return drawAll(shared.schemas)
}

// readAll migrates a database of each engine and reads its schema.
func readAll(t *testing.T) map[string]*catalog.Schema {
	t.Helper()
	schemas := map[string]*catalog.Schema{}
	for engine, url := range databases(t) {
		schemas[engine] = read(t, url, "cardinal")
	}
	return schemas
}

func drawAll(schemas map[string]*catalog.Schema) map[string]*Diagram {
	drawn := map[string]*Diagram{}
	for engine, s := range schemas {
		drawn[engine] = NewDiagram(s, false)
	}
	return drawn
}

// externalSchema returns a schema of ordinary tables. Each has the primary key id, and foreign keys on columns that are
// named after the referenced tables. "order": {"customer", "shop?"} has the columns customer_id and shop_id, of which
// shop_id is nullable.
func externalSchema(tables map[string][]string) *catalog.Schema {
	s := &catalog.Schema{Engine: "sqlite", Name: "main"}
	for name, refers := range tables {
		t := catalog.Table{Name: name, Kind: catalog.Ordinary,
			Columns:     []catalog.Column{{Name: "id", Type: "INTEGER", NotNull: true}},
			Constraints: []catalog.Constraint{{Kind: catalog.PrimaryKey, Columns: []string{"id"}}}}
		for _, to := range refers {
			optional := to[len(to)-1] == '?'
			if optional {
				to = to[:len(to)-1]
			}
			t.Columns = append(t.Columns, catalog.Column{Name: to + "_id", Type: "INTEGER", NotNull: !optional})
			t.Constraints = append(t.Constraints, catalog.Constraint{Name: name + "_" + to + "_fk",
				Kind: catalog.ForeignKey, Columns: []string{to + "_id"},
				References: to, ReferencedColumns: []string{"id"}})
		}
		s.Tables = append(s.Tables, t)
	}
	return s
}
