package directory_test

import (
	"testing"

	"cardinal"
	"cardinal/internal/directory/directorytest"
)

func TestCursors(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		id := cardinal.NewID()
		cursor := w.Cursor("users", id)
		if got, good := w.ParseCursor("users", cursor); !good || got != id {
			t.Errorf("read %s, %t", got, good)
		}
		if _, good := w.ParseCursor("roles", cursor); good {
			t.Error("the cursor of one list is valid for another")
		}
		for i := range cursor {
			changed := []byte(cursor)
			changed[i] ^= 1
			if changed[i] == '@' || changed[i] == '`' {
				changed[i] = 'x'
			}
			if _, good := w.ParseCursor("users", string(changed)); good {
				t.Errorf("a cursor that was changed at %d is valid", i)
			}
		}
		for _, bad := range []string{"", cursor + "A", cursor[1:], cursor + "=", "\x00"} {
			if _, good := w.ParseCursor("users", bad); good {
				t.Errorf("%q is valid", bad)
			}
		}
	})
}
