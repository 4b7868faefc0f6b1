package directory

import (
	"testing"

	"cardinal"
)

// TestConstraintCodesInCatalogue: the catalogue has every error code of a violated constraint.
func TestConstraintCodesInCatalogue(t *testing.T) {
	for _, e := range constraintCodes {
		if _, ok := cardinal.FindCode(e.code); !ok {
			t.Errorf("%s is not in the catalogue", e.code)
		}
	}
}
