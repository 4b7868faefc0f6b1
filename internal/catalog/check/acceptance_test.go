package check

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardinal"
)

func TestReadAcceptances(t *testing.T) {
	got, err := ReadAcceptances("# a list\n\nG01  legacy_*   printed numbers\n  G24\t\"index old ix\" goes soon \r\n")
	want := []Acceptance{{Line: 3, ID: "G01", Object: "legacy_*", Reason: "printed numbers"},
		{Line: 4, ID: "G24", Object: "index old ix", Reason: "goes soon"}}
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("%v, %s", err, cmp.Diff(want, got))
	}
	_, err = ReadAcceptances("G01 a reason\nG99 a reason\nG01\nG01 a\npoint a reason\n")
	var invalid *cardinal.InvalidInput
	if !errors.As(err, &invalid) {
		t.Fatalf("%v", err)
	}
	var fieldErrors []string
	for _, f := range invalid.Errors {
		fieldErrors = append(fieldErrors, f.Parameter+" "+f.Code)
	}
	wantErrors := []string{"line 2 check", "line 3 form", "line 4 reason", "line 5 check"}
	if !slices.Equal(fieldErrors, wantErrors) {
		t.Errorf("%q, want %q", fieldErrors, wantErrors)
	}
}

func TestAcceptedFindings(t *testing.T) {
	accepted, err := ReadAcceptances(`
G01 user_roles   an old table
G01 lang*        codes are the standard's
G24 "index a1"   goes with the next release
G26 *.login      members share accounts
G27 nothing.here no longer
D01 contacts.*   a habit`)
	if err != nil {
		t.Fatal(err)
	}
	r := runExternal(t, "sqlite", accepted, flawedSchema)
	for id, want := range map[string]struct {
		status   Status
		accepted int
	}{"G01": {Passed, 2}, "G24": {Passed, 1}, "G26": {Failed, 1}, "Q1": {Passed, 0}, "Q3": {Failed, 0}} {
		i := slices.IndexFunc(r.Outcomes, func(o Outcome) bool { return o.ID == id })
		if o := r.Outcomes[i]; o.Status != want.status || o.Accepted != want.accepted {
			t.Errorf("%s: %s, %d accepted", id, o.Status, o.Accepted)
		}
	}
	// An acceptance is unused only if its check ran.
	if len(r.UnusedAcceptances) != 1 || r.UnusedAcceptances[0].Object != "nothing.here" {
		t.Errorf("unused: %+v", r.UnusedAcceptances)
	}
}
