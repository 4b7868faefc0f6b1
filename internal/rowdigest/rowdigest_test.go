package rowdigest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardinal"
	"cardinal/internal/rowdigest"
)

func TestRoundTrip(t *testing.T) {
	subject := cardinal.NewID()
	rows := []cardinal.RowDigest{
		{Table: "users", Key: subject.String(), Version: 1, Columns: 1, Digest: []byte{0, 1, 255}},
		{Table: "contacts", Key: subject.String() + "/" + cardinal.NewID().String(), Version: 12, Columns: 2},
		{Table: "identifiers", Key: strings.Repeat("ff", 32), Columns: 1, Digest: []byte{2}},
		{Table: "roles", Key: "another/key", Version: 3},
	}
	text := rowdigest.Encode(rows, subject)
	if strings.Contains(string(text), subject.String()) || strings.Contains(string(text), "ffff") {
		t.Errorf("not compact: %s", text)
	}
	got, err := rowdigest.Decode(text, subject)
	if diff := cmp.Diff(rows, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

func TestDecode(t *testing.T) {
	subject := cardinal.NewID()
	got, err := rowdigest.Decode([]byte(`[{"table":"users","key":"k","version":2}]`), subject)
	if err != nil || len(got) != 1 || got[0].Table != "users" || got[0].Version != 2 {
		t.Errorf("an object: %+v, %v", got, err)
	}
	for _, text := range []string{`{}`, `["users"]`, `["users x 1 AA"]`, `["users 1 x AA"]`, `["users 1 1 ?"]`, `[1]`} {
		if rows, err := rowdigest.Decode([]byte(text), subject); err == nil {
			t.Errorf("%s is decoded as %+v", text, rows)
		}
	}
}
