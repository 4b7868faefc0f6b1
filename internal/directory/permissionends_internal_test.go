package directory

import (
	"testing"
	"time"
)

func TestEnds(t *testing.T) {
	early, late := time.Unix(1, 0), time.Unix(2, 0)
	none, never := end{}, end{held: true}
	atEarly, atLate := end{true, &early}, end{true, &late}
	for name, test := range map[string]struct{ a, b, or, and end }{
		"none and never":     {none, never, never, none},
		"none and early":     {none, atEarly, atEarly, none},
		"never and early":    {never, atEarly, never, atEarly},
		"early and late":     {atEarly, atLate, atLate, atEarly},
		"the same":           {atEarly, atEarly, atEarly, atEarly},
		"without any of two": {none, none, none, none},
	} {
		for range 2 {
			if got := test.a.or(test.b); got != test.or {
				t.Errorf("%s: or returns %v, want %v", name, got, test.or)
			}
			if got := test.a.and(test.b); got != test.and {
				t.Errorf("%s: and returns %v, want %v", name, got, test.and)
			}
			test.a, test.b = test.b, test.a
		}
	}
	if !(Limit{atEarly}).Outlasted(&late) || !(Limit{atEarly}).Outlasted(nil) ||
		(Limit{atEarly}).Outlasted(&early) || (Limit{never}).Outlasted(nil) {
		t.Error("what a limit outlasts is wrong")
	}
}
