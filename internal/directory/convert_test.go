package directory

import (
	"reflect"
	"testing"

	"github.com/google/uuid"
)

func TestUniqueIDs(t *testing.T) {
	a, b := uuid.New(), uuid.New()
	if got := UniqueIDs([]uuid.UUID{a, b, a}); !reflect.DeepEqual(got, []uuid.UUID{a, b}) {
		t.Errorf("got %v", got)
	}
}
