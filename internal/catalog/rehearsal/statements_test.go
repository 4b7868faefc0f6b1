package rehearsal

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStatements(t *testing.T) {
	script := "-- a; comment\nSELECT ';', \"a;b\", 'it''s;'; -- and; another\n" +
		"CREATE FUNCTION f() RETURNS int AS $$ BEGIN; END; $$;\n\nDO $x$ $$;$$ $x$;  ;\nSELECT $1;SELECT 2"
	want := []string{"SELECT ';', \"a;b\", 'it''s;'", "CREATE FUNCTION f() RETURNS int AS $$ BEGIN; END; $$",
		"DO $x$ $$;$$ $x$", "SELECT $1", "SELECT 2"}
	if diff := cmp.Diff(want, statements(script)); diff != "" {
		t.Error(diff)
	}
}
