package check

import (
	"os"
	"testing"

	"cardinal/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }
