package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// environment returns a lookupEnv of variables.
func environment(set map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := set[name]
		return value, ok
	}
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaults(t *testing.T) {
	t.Chdir(t.TempDir())
	c, origins, err := Load(environment(nil), nil, "")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c, Default()) {
		t.Errorf("%+v", c)
	}
	for _, f := range Fields(c, origins) {
		if f.Origin != "default" || f.Env == "" || f.Doc == "" || (f.Flag == "") != (f.Name == "kek") {
			t.Errorf("%+v", f)
		}
	}
}

func TestPrecedence(t *testing.T) {
	for _, s := range settings {
		t.Run(s.name, func(t *testing.T) {
			values := map[string][3]string{
				"db":              {"sqlite:a.db", "b.db", "postgres://host/c"},
				"http":            {"localhost:1", ":2", "[::1]:3"},
				"monitor":         {"localhost:1", ":2", "[::1]:3"},
				"public_url":      {"https://a.example", "https://b.example", "http://c.example:8080"},
				"trusted_proxies": {"10.0.0.1", "10.0.0.0/8,2001:db8::/32", "127.0.0.1"},
				"keys":            {"a", "b", "c"},
				"log_level":       {"debug", "warn", "error"},
				"log_format":      {"json", "text", "json"},
			}[s.name]
			t.Chdir(t.TempDir())
			env, flags := map[string]string{}, map[string]string{}
			check := func(value, origin string) {
				t.Helper()
				c, origins, err := Load(environment(env), flags, "")
				if err != nil {
					t.Fatal(err)
				}
				if s.show(c) != value || origins[s.name] != origin {
					t.Errorf("%q from %s, want %q from %s", s.show(c), origins[s.name], value, origin)
				}
			}
			if err := os.WriteFile("cardinal.toml", []byte(s.name+" = '"+values[0]+"'\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			check(values[0], "cardinal.toml")
			env[s.env] = ""
			check(values[0], "cardinal.toml") // an empty variable is not set
			env[s.env] = values[1]
			check(values[1], "environment "+s.env)
			flags[s.flag] = values[2]
			check(values[2], "flag --"+s.flag)
		})
	}
}

func TestNamedFile(t *testing.T) {
	file := writeFile(t, "other.toml", "# reverse proxies\ntrusted_proxies = [\"10.0.0.1\", \"::ffff:10.0.0.2\", "+
		"\"192.168.1.9/16\"]\npublic_url = \"HTTPS://ID.Example.com/\"\n")
	c, origins, err := Load(environment(nil), nil, file)
	if err != nil {
		t.Fatal(err)
	}
	want := []netip.Prefix{netip.MustParsePrefix("10.0.0.1/32"), netip.MustParsePrefix("10.0.0.2/32"),
		netip.MustParsePrefix("192.168.0.0/16")}
	if !slices.Equal(c.TrustedProxies, want) || c.PublicURL != "https://id.example.com" ||
		origins["trusted_proxies"] != file {
		t.Errorf("%v %s %v", c.TrustedProxies, c.PublicURL, origins)
	}
	if _, _, err := Load(environment(nil), nil, filepath.Join(t.TempDir(), "none.toml")); err == nil ||
		!strings.Contains(err.Error(), "no such file") {
		t.Errorf("a missing file: %v", err)
	}
}

func TestInvalidValues(t *testing.T) {
	invalidTexts := map[string][]string{
		"db": {"mysql://host/x", "sqlite:", "postgres://user:pa%zz@host/db", "host=h dbname=d",
			"http://x"},
		"http": {"localhost", "localhost:http", "localhost:70000", "8080", "http://localhost:80", "a b:1",
			"x:01", ""},
		"monitor": {"localhost", "localhost:70000", "http://localhost:80"},
		"public_url": {"id.example.com", "ftp://x", "https://", "https://u:p@x", "https://x/path", "https://x?",
			"https://x#y", "https://%zz"},
		"trusted_proxies": {"proxy", "10.0.0.0/33", "10.0.0.1;10.0.0.2", "fe80::1%eth0", "::ffff:10.0.0.0/104"},
		"keys":            {"", "a\x00b"},
		"log_level":       {"loud", ""},
		"log_format":      {"xml", ""},
	}
	t.Chdir(t.TempDir())
	for _, s := range settings {
		for _, text := range invalidTexts[s.name] {
			t.Run(s.name+"="+text, func(t *testing.T) {
				c, _, err := Load(environment(nil), map[string]string{s.flag: text}, "")
				var invalid *InvalidSettings
				if !errors.As(err, &invalid) || len(invalid.Errors) != 1 {
					t.Fatalf("the error is %v", err)
				}
				f := invalid.Errors[0]
				if f.Origin != "flag --"+s.flag || !strings.HasPrefix(f.Message, s.name+": ") ||
					!strings.Contains(f.Message, ": use ") && !strings.Contains(f.Message, ": write ") {
					t.Errorf("%+v", f)
				}
				if !reflect.DeepEqual(c, Default()) {
					t.Errorf("an invalid value was stored: %+v", c)
				}
			})
		}
		if len(invalidTexts[s.name]) == 0 {
			t.Errorf("%s has no cases", s.name)
		}
	}
}

func TestValidDatabases(t *testing.T) {
	for _, database := range []string{"sqlite:/var/lib/cardinal.db", "sqlite:///var/lib/cardinal.db", "data.db",
		"./a b/ä.db",
		"postgres:///cardinal?host=/run/postgresql", "postgresql://u:p%40ss@[::1]:5432/db",
		"postgres://u:p@h1:5432,h2:5433/db"} {
		if err := setDatabase(&Config{}, database); err != nil {
			t.Errorf("%s: %v", database, err)
		}
	}
}

const canary = "s3cret-canary"

func TestAllErrorsReported(t *testing.T) {
	file := writeFile(t, "cardinal.toml", strings.Join([]string{
		`db = "mysql://u:` + canary + `@h"`, `log_level = 3`, `trusted-proxies = "10.0.0.1"`, `KEYS = "x"`, `[http]`,
		`address = "x"`}, "\n"))
	c, _, err := Load(environment(map[string]string{"CARDINAL_HTTP": canary, "CARDINAL_KEK": canary,
		"CARDINAL_KEK_FILE": "/" + canary}),
		map[string]string{"log-format": canary, "kek": canary, "pulbic-url": canary}, file)
	var invalid *InvalidSettings
	if !errors.As(err, &invalid) {
		t.Fatalf("the error is %v", err)
	}
	want := []string{
		file + ", line 4: unknown setting \"KEYS\"; did you mean keys?",
		file + ", line 1: db: not a valid database",
		file + ", line 5: http: not a string",
		file + ", line 2: log_level: not a string",
		file + ", line 3: unknown setting \"trusted-proxies\"; did you mean trusted_proxies?",
		"environment CARDINAL_HTTP: http: not a valid address",
		"flag --log-format: log_format: not a valid format",
		"environment CARDINAL_KEK: CARDINAL_KEK_FILE is set, too",
		"flag --kek: a secret cannot be a flag",
		"flag --pulbic-url: unknown setting; did you mean --public-url?",
	}
	for _, problem := range want {
		if !strings.Contains(err.Error(), "\n  "+problem) {
			t.Errorf("not reported: %s", problem)
		}
	}
	if len(invalid.Errors) != len(want) || !strings.HasPrefix(err.Error(), "the configuration has 10 errors:\n") {
		t.Errorf("%d errors, want %d:\n%v", len(invalid.Errors), len(want), err)
	}
	if strings.Contains(fmt.Sprintf("%v %+v %#v", err, c, c), canary) {
		t.Errorf("the error contains a value: %v", err)
	}
}

func TestUnknownKeys(t *testing.T) {
	tests := []struct{ toml, want string }{
		{`listen = ":80"`, `line 1: unknown setting "listen"; the settings are db, http, monitor, public_url`},
		{`dbs = "x"`, "did you mean db?"},
		{`kek = "` + canary + `"`, "a secret must not be in this file"},
		{"\n[log]\nlevel = 'x'", "line 2: unknown setting \"log\""},
		{"db = " + canary, "line 1, column 6: not valid TOML"},
		{"db = 'a'\ndb = '" + canary + "'", "not valid TOML"},
		{"http = '" + canary, "line 1"},
		{"public_url = 'https://x'\n\"odd key\" = 1", "line 2: unknown setting \"odd key\""},
		{"trusted_proxies = ['10.0.0.1', 5]", "trusted_proxies: not a string"},
		{"trusted_proxies = [\n'10.0.0.1',\n]\n[other.table]\nhttp = 'x'\n[[list]]\nx = 1",
			"line 4: unknown setting \"other\""},
		{"# http = 'x'\nlog.http = 'x'\nhttp = 5", "line 3: http: not a string"},
		{"public_url = '''\nhttp = 'x'\n'''\nhttp = 1", "line 4: http: not a string"},
		{"\"ht\\u0074p\" = 1", "line 1: http: not a string"},
		{"db = 0x" + canary, "not valid TOML"},
		{"db = 2026-13-45", "not valid TOML"},
	}
	for i, test := range tests {
		t.Run(fmt.Sprint(i), func(t *testing.T) { // the name of the test is part of the path of the folder
			_, _, err := Load(environment(nil), nil, writeFile(t, "cardinal.toml", test.toml))
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), canary) {
				t.Errorf("the error is %v, want %q", err, test.want)
			}
		})
	}
}

func TestKEK(t *testing.T) {
	const key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
	t.Chdir(t.TempDir())
	tests := []struct {
		name    string
		env     map[string]string
		origin  string
		problem string
	}{
		{"Environment", map[string]string{"CARDINAL_KEK": key}, "environment CARDINAL_KEK", ""},
		{"File", map[string]string{"CARDINAL_KEK_FILE": writeFile(t, "kek", key+"\n")}, "environment CARDINAL_KEK_FILE",
			""},
		{"Both", map[string]string{"CARDINAL_KEK": key, "CARDINAL_KEK_FILE": "x"}, "default", "set only one of them"},
		{"NoFile", map[string]string{"CARDINAL_KEK_FILE": "none"}, "default", "the file cannot be read: no such file"},
		{"Folder", map[string]string{"CARDINAL_KEK_FILE": "."}, "default", "is not a key file"},
		{"EmptyFile", map[string]string{"CARDINAL_KEK_FILE": writeFile(t, "kek", " \n")}, "default",
			"the key is empty"},
		{"Blank", map[string]string{"CARDINAL_KEK": " "}, "default", "the key is empty"},
		{"LongFile", map[string]string{"CARDINAL_KEK_FILE": writeFile(t, "kek", strings.Repeat("x", 5000))}, "default",
			"is not a key file"},
		{"None", nil, "default", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, origins, err := Load(environment(test.env), nil, "")
			if (err == nil) != (test.problem == "") || err != nil && !strings.Contains(err.Error(), test.problem) {
				t.Fatalf("the error is %v, want %q", err, test.problem)
			}
			if origins["kek"] != test.origin {
				t.Errorf("from %q", origins["kek"])
			}
			if set := test.origin != "default"; (c.KEK != "") != set || set && c.KEK.Reveal() != key {
				t.Errorf("the key is %q", c.KEK.Reveal())
			}
			asJSON, err := json.Marshal(c)
			if err == nil {
				t.Errorf("a configuration has the JSON form %s", asJSON)
			}
			var log strings.Builder
			slog.New(slog.NewTextHandler(&log, nil)).Info("x", "config", c, "kek", c.KEK)
			slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "config", c, "kek", c.KEK)
			if output := fmt.Sprintf("%v %+v %#v %s %v %s", c, c, c, asJSON, Fields(c, origins),
				log.String()); strings.Contains(output, key) {
				t.Errorf("the output contains the key: %s", output)
			}
		})
	}
}

func TestRedact(t *testing.T) {
	tests := []struct{ database, want string }{
		{"sqlite:./cardinal-data/cardinal.db", "sqlite:./cardinal-data/cardinal.db"},
		{"postgres://user:" + canary + "@host/db", "postgres://user:***@host/db"},
		{"postgres://user@host/db?sslmode=verify-full", "postgres://user@host/db?sslmode=verify-full"},
		{"postgres://host/db", "postgres://host/db"},
		{"postgres://host/db?user=u&password=" + canary + "&sslmode=disable",
			"postgres://host/db?user=u&password=***&sslmode=disable"},
		{"postgres://host/db?SSLPassword=" + canary, "postgres://host/db?SSLPassword=***"},
		{"postgres://host/db?p%61ssword=" + canary, "postgres://host/db?p%61ssword=***"},
		{"postgres://host/db?%zz=" + canary, "postgres://host/db?%zz=***"},
		{"postgres://user:a@b" + canary + "@host/db", "postgres://user:***@host/db"},
		{"postgres://user:a/b?c#" + canary + "@host/db", "postgres://***"},
		{"postgres://host/db?password=a@" + canary, "postgres://***"},
		{"postgres://u:" + canary + "@h1:1,h2:2/db", "postgres://u:***@h1:1,h2:2/db"},
		{"host=h password='a b' dbname=" + canary, "host=h password=***"},
	}
	for _, test := range tests {
		got := Redact(test.database)
		if got != test.want || strings.Contains(got, canary) {
			t.Errorf("%s: %s, want %s", test.database, got, test.want)
		}
	}
}

func TestFieldsOmitPassword(t *testing.T) {
	t.Chdir(t.TempDir())
	c, origins, err := Load(environment(map[string]string{"CARDINAL_DB": "postgres://u:" + canary + "@h/d"}), nil, "")
	if err != nil {
		t.Fatal(err)
	}
	f := Fields(c, origins)[0]
	if want := (Field{"db", "--db", "CARDINAL_DB", "postgres://u:***@h/d", "environment CARDINAL_DB",
		settings[0].doc}); f != want {
		t.Errorf("%+v, want %+v", f, want)
	}
}

func TestProductionWarnings(t *testing.T) {
	tests := []struct {
		name   string
		change map[string]string // flags
		kek    bool
		want   []string // a part of each sentence, in order
	}{
		{"Default", nil, false, []string{"Only this machine can connect", "The database is embedded",
			"is a file on the machine of the data"}},
		{"AllAddresses", map[string]string{"http": ":8080"}, true,
			[]string{"Other machines can connect without TLS", "embedded"}},
		{"OneAddress", map[string]string{"http": "192.0.2.1:8080"}, true,
			[]string{"Other machines can connect without TLS", "embedded"}},
		{"Loopback", map[string]string{"http": "[::1]:8080"}, true, []string{"Only this machine", "embedded"}},
		{"PlainPublicURL", map[string]string{"public-url": "http://x.example"}, true,
			[]string{"The public URL has no TLS", "embedded"}},
		{"UnknownProxy", map[string]string{"public-url": "https://x.example"}, true,
			[]string{"no trusted proxy", "embedded"}},
		{"AllAddressesTrusted", map[string]string{"public-url": "https://x.example",
			"trusted-proxies": "10.0.0.1,0.0.0.0/0,::/0"}, true,
			[]string{"Every address is a trusted proxy", "embedded"}},
		{"KeysInDataFolder", map[string]string{"keys": "cardinal-data/keys"}, false,
			[]string{"Only this machine", "embedded", "is a file in the folder of the data"}},
		{"Unverified", map[string]string{"public-url": "https://x.example", "trusted-proxies": "10.0.0.1",
			"db": "postgres://h/d?sslmode=require"}, true, []string{"sslmode=verify-full"}},
		{"KeyFileWithPostgreSQL", map[string]string{"public-url": "https://x.example", "trusted-proxies": "10.0.0.1",
			"db": "postgres:///d?host=/run/postgresql"}, false, []string{"is a file on this machine"}},
		{"Ready", map[string]string{"http": ":8080", "public-url": "https://x.example", "trusted-proxies": "10.0.0.1",
			"db": "postgres://h/d?sslmode=verify-full"}, true, nil},
	}
	t.Chdir(t.TempDir())
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			env := map[string]string{}
			if test.kek {
				env["CARDINAL_KEK"] = "key"
			}
			c, _, err := Load(environment(env), test.change, "")
			if err != nil {
				t.Fatal(err)
			}
			got := c.ProductionWarnings()
			if len(got) != len(test.want) {
				t.Fatalf("%q, want %q", got, test.want)
			}
			for i, part := range test.want {
				if !strings.Contains(got[i], part) || !strings.HasSuffix(got[i], ".") {
					t.Errorf("%q, want %q", got[i], part)
				}
			}
		})
	}
}

func TestNamesMatch(t *testing.T) {
	for _, s := range settings {
		if strings.ReplaceAll(s.flag, "-", "_") != s.name || "CARDINAL_"+strings.ToUpper(s.name) != s.env {
			t.Errorf("%+v", []string{s.name, s.flag, s.env})
		}
	}
}
