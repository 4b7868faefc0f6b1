package store_test

import (
	"errors"
	"strings"
	"testing"

	"cardinal"
	"cardinal/internal/store"
)

// TestPostgresTLSByDefault: a connection to another machine never falls back to clear text, unless the URL says so.
func TestPostgresTLSByDefault(t *testing.T) {
	tests := []struct {
		url       string
		byDefault bool
		isClear   bool // a connection in clear text is possible
		verified  bool // the name in the certificate is checked
	}{
		{"postgres://app@db.example/cardinal", true, false, true},
		{"postgres://app@192.0.2.7:6432/cardinal?application_name=x", true, false, true},
		{"postgres://app@localhost,db.example/cardinal", true, false, true},
		{"postgres:///cardinal?host=db.example", true, false, true},
		{"postgres://app@db.example/cardinal?sslmode=disable", false, true, false},
		{"postgres://app@db.example/cardinal?sslmode=require", false, false, false},
		{"postgres://app@db.example/cardinal?sslmode=verify-full", false, false, true},
		{"postgres://app@localhost/cardinal", false, true, false},
		{"postgres://app@127.0.0.1/cardinal", false, true, false},
		{"postgres://app@[::1]/cardinal", false, true, false},
		{"postgres:///cardinal?host=/run/postgresql", false, true, false},
	}
	t.Setenv("PGSSLMODE", "")
	t.Setenv("PGHOST", "")
	for _, test := range tests {
		config, byDefault, err := store.ParsePostgresURL(test.url)
		if err != nil {
			t.Errorf("%s: %v", test.url, err)
			continue
		}
		isClear, verified := config.TLSConfig == nil, config.TLSConfig != nil && !config.TLSConfig.InsecureSkipVerify
		for _, f := range config.Fallbacks {
			isClear = isClear || f.TLSConfig == nil
			verified = verified && f.TLSConfig != nil && !f.TLSConfig.InsecureSkipVerify
		}
		if byDefault != test.byDefault || isClear != test.isClear || verified != test.verified {
			t.Errorf("%s: by default %v, clear text %v, verified %v", test.url, byDefault, isClear, verified)
		}
	}
	t.Setenv("PGSSLMODE", "require")
	if _, byDefault, err := store.ParsePostgresURL("postgres://app@db.example/cardinal"); err != nil || byDefault {
		t.Errorf("with PGSSLMODE: by default %v, %v", byDefault, err)
	}
	const password = "correct-horse"
	_, _, err := store.ParsePostgresURL("postgres://app:" + password + "@db.example:port/cardinal")
	if !errors.Is(err, cardinal.ErrInvalid) || strings.Contains(err.Error(), password) {
		t.Errorf("an invalid URL: %v", err)
	}
}
