package config

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// setting is one setting: its names, and the conversions from and to text.
type setting struct {
	name string // in cardinal.toml and in Origins
	flag string // without dashes
	env  string
	doc  string
	set  func(*Config, string) error // its error has the reason and the correction, not the text
	show func(Config) string         // without secrets
}

var settings = []setting{
	{"db", "db", "CARDINAL_DB", "database: sqlite:PATH, or a postgres:// URL", setDatabase,
		func(c Config) string { return Redact(c.Database) }},
	{"http", "http", "CARDINAL_HTTP", "host:port to listen on", setHTTP,
		func(c Config) string { return c.HTTP }},
	{"monitor", "monitor", "CARDINAL_MONITOR", "host:port of a second listener, for health and metrics", setMonitor,
		func(c Config) string { return c.Monitor }},
	{"public_url", "public-url", "CARDINAL_PUBLIC_URL", "public URL of the service, like https://id.example.com",
		setPublicURL,
		func(c Config) string { return c.PublicURL }},
	{"trusted_proxies", "trusted-proxies", "CARDINAL_TRUSTED_PROXIES",
		"addresses or networks of reverse proxies, separated by commas", setTrustedProxies,
		showTrustedProxies},
	{"keys", "keys", "CARDINAL_KEYS", "folder of the key-encryption keys", setKeysDir,
		func(c Config) string { return c.KeysDir }},
	{"log_level", "log-level", "CARDINAL_LOG_LEVEL", "trace (with SQL), debug, info, warn or error", setLogLevel,
		func(c Config) string { return strings.ToLower(LevelName(c.LogLevel)) }},
	{"log_format", "log-format", "CARDINAL_LOG_FORMAT", "text or json", setLogFormat,
		func(c Config) string { return c.LogFormat }},
}

// The key-encryption key is not in the list of settings: it has only variables, no flag and no name in the file.
const (
	kekName    = "kek"
	kekEnv     = "CARDINAL_KEK"
	kekFileEnv = "CARDINAL_KEK_FILE"
	kekDoc     = "key-encryption key, from " + kekEnv + " or the file in " + kekFileEnv +
		"; without them it is a file in the folder of keys"
)

// Field is one setting in the output of `cardinal config show`.
type Field struct {
	Name   string `json:"name"`   // in cardinal.toml
	Flag   string `json:"flag"`   // with its dashes; empty for settings without a flag
	Env    string `json:"env"`    // the variable
	Value  string `json:"value"`  // without secrets
	Origin string `json:"origin"` // as in Origins
	Doc    string `json:"doc"`
}

// Fields returns the settings of a configuration without secrets.
func Fields(c Config, o Origins) []Field {
	fields := make([]Field, 0, len(settings)+1)
	for _, s := range settings {
		fields = append(fields, Field{s.name, "--" + s.flag, s.env, s.show(c), o[s.name], s.doc})
	}
	kek := Field{Name: kekName, Env: kekEnv, Origin: o[kekName], Doc: kekDoc}
	if c.KEK != "" {
		kek.Value = c.KEK.String()
	}
	return append(fields, kek)
}

func setDatabase(c *Config, text string) error {
	switch {
	case strings.HasPrefix(text, "postgres://"), strings.HasPrefix(text, "postgresql://"):
		if _, err := url.Parse(text); err != nil { // err contains the password
			return errors.New("not a valid URL: write special characters of the password as % and " +
				"two hexadecimal digits")
		}
	case strings.Contains(text, "://") && !strings.HasPrefix(text, "sqlite://"), databasePath(text) == "":
		return errors.New("not a valid database: use sqlite:PATH or a postgres:// URL")
	case strings.Contains(text, "host=") || strings.Contains(text, "dbname="):
		return errors.New("not a valid URL: use postgres://USER@HOST/DATABASE")
	}
	c.Database = text
	return nil
}

func setHTTP(c *Config, text string) error { return setAddress(&c.HTTP, text) }

func setMonitor(c *Config, text string) error {
	if text == "" {
		c.Monitor = ""
		return nil
	}
	return setAddress(&c.Monitor, text)
}

func setAddress(address *string, text string) error {
	host, port, err := net.SplitHostPort(text)
	n, portErr := strconv.ParseUint(port, 10, 16)
	if err != nil || portErr != nil || strconv.FormatUint(n, 10) != port || strings.ContainsAny(host, " /@") {
		return errors.New("not a valid address: use host:port, like localhost:8080, or :8080 for all addresses")
	}
	*address = text
	return nil
}

func setPublicURL(c *Config, text string) error {
	if text == "" {
		c.PublicURL = ""
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return errors.New("not a valid URL of a site: use only the scheme and the host, like https://id.example.com")
	}
	c.PublicURL = u.Scheme + "://" + strings.ToLower(u.Host)
	return nil
}

func setTrustedProxies(c *Config, text string) error {
	var proxies []netip.Prefix
	for _, entry := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' }) {
		if a, err := netip.ParseAddr(entry); err == nil && a.Zone() == "" {
			a = a.Unmap()
			proxies = append(proxies, netip.PrefixFrom(a, a.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(entry)
		if err != nil || p.Addr().Is4In6() {
			return errors.New("not a valid list of addresses: use addresses or networks separated by commas, like " +
				"10.0.0.1,192.168.0.0/16")
		}
		proxies = append(proxies, p.Masked())
	}
	c.TrustedProxies = proxies
	return nil
}

func showTrustedProxies(c Config) string {
	texts := make([]string, len(c.TrustedProxies))
	for i, p := range c.TrustedProxies {
		texts[i] = p.String()
		if p.IsSingleIP() {
			texts[i] = p.Addr().String()
		}
	}
	return strings.Join(texts, ",")
}

func setKeysDir(c *Config, text string) error {
	if text == "" || strings.ContainsRune(text, 0) {
		return errors.New("not a valid folder: use a path, like ./cardinal-keys")
	}
	c.KeysDir = text
	return nil
}

// LevelTrace is the log level that also shows the SQL of each statement.
const LevelTrace = slog.LevelDebug - 4

// logLevels are the names of the levels.
var logLevels = map[string]slog.Level{
	"trace": LevelTrace,
	"debug": slog.LevelDebug,
	"info":  slog.LevelInfo,
	"warn":  slog.LevelWarn,
	"error": slog.LevelError,
}

// LevelName returns the name of a level in the log: "TRACE".
func LevelName(level slog.Level) string {
	for name, l := range logLevels {
		if l == level {
			return strings.ToUpper(name)
		}
	}
	return level.String()
}

func setLogLevel(c *Config, text string) error {
	level, ok := logLevels[strings.ToLower(text)]
	if !ok {
		return errors.New("not a valid level: use trace, debug, info, warn or error")
	}
	c.LogLevel = level
	return nil
}

func setLogFormat(c *Config, text string) error {
	format := strings.ToLower(text)
	if format != "text" && format != "json" {
		return errors.New("not a valid format: use text or json")
	}
	c.LogFormat = format
	return nil
}
