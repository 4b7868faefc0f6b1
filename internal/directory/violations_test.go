package directory

import (
	"testing"

	"cardinal"
)

// Every explanation and refusal of this package has its page in the catalogue.
func TestConstraintCodesInCatalogue(t *testing.T) {
	for _, e := range constraintCodes {
		if _, ok := cardinal.FindCode(e.code); !ok {
			t.Errorf("%s is not in the catalogue", e.code)
		}
	}
}
