// Package config reads the configuration of the service from flags, CARDINAL_* variables and cardinal.toml. The
// defaults are safe on one machine. It reports the origin of each value, and all errors at once.
package config

import (
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"

	"cardinal"
)

// Config is the configuration of the service. Load and Default return it; the zero value is not valid.
type Config struct {
	Database       string          // sqlite:PATH, a path, or a postgres:// URL, which can contain a password
	HTTP           string          // host:port to listen on
	Monitor        string          // host:port for health and metrics; empty for none
	PublicURL      string          // scheme and host without a slash at the end; empty for the address in HTTP
	TrustedProxies []netip.Prefix  // their X-Forwarded-For is trusted
	KeysDir        string          // folder of the key-encryption keys
	KEK            cardinal.Secret // the key-encryption key, if it is not in KeysDir
	LogLevel       slog.Level
	LogFormat      string // text or json
}

// Default returns the configuration without flags, variables and file.
func Default() Config {
	return Config{
		Database:  "sqlite:./cardinal-data/cardinal.db",
		HTTP:      "localhost:8080",
		KeysDir:   "./cardinal-keys",
		LogLevel:  slog.LevelInfo,
		LogFormat: "text",
	}
}

// IsEmbedded reports whether the database is a file on this machine.
func (c Config) IsEmbedded() bool {
	return !strings.HasPrefix(c.Database, "postgres://") && !strings.HasPrefix(c.Database, "postgresql://")
}

// dataDir returns the folder of the embedded database, "" for PostgreSQL.
func (c Config) dataDir() string {
	if !c.IsEmbedded() {
		return ""
	}
	return filepath.Dir(databasePath(c.Database))
}

func databasePath(database string) string {
	return strings.TrimPrefix(strings.TrimPrefix(database, "sqlite://"), "sqlite:")
}

// ProductionWarnings returns what must be changed in the configuration before production, one sentence per problem with
// its correction.
func (c Config) ProductionWarnings() []string {
	var warnings []string
	warn := func(s string) { warnings = append(warnings, s) }
	const useTLS = " Put a reverse proxy with TLS in front, and set its address with --public-url https://…."
	switch {
	case strings.HasPrefix(c.PublicURL, "http:"):
		warn("The public URL has no TLS: passwords and tokens can be read on the network." + useTLS)
	case c.PublicURL == "" && !isLoopback(c.HTTP):
		warn("Other machines can connect without TLS: passwords and tokens can be read on the network." + useTLS)
	case c.PublicURL == "":
		warn("Only this machine can connect. For other machines:" + useTLS)
	case len(c.TrustedProxies) == 0:
		warn("There is a public URL and no trusted proxy. If a reverse proxy is in front, all " +
			"requests have its address. " +
			"Set the address of the proxy with --trusted-proxies.")
	}
	for _, p := range c.TrustedProxies {
		if p.Bits() == 0 {
			warn("Every address is a trusted proxy, so each client can forge its address. " +
				"Set only the addresses of your proxies with --trusted-proxies.")
			break
		}
	}
	if c.IsEmbedded() {
		warn("The database is embedded. That is suitable for one machine; for several, use --db postgres://….")
	} else if !isVerified(c.Database) {
		warn("The connection to PostgreSQL does not verify the server. Add sslmode=verify-full to the URL.")
	}
	switch {
	case c.KEK != "":
	case c.IsEmbedded() && isWithin(c.KeysDir, c.dataDir()):
		warn("The key-encryption key is a file in the folder of the data: a copy of that folder can be decrypted. " +
			"Set another folder with --keys, or give the key with CARDINAL_KEK_FILE.")
	case c.IsEmbedded():
		warn("The key-encryption key is a file on the machine of the data. A copy of both can be decrypted, and " +
			"without the key all personal data is lost. " +
			"Back them up separately, or give the key with CARDINAL_KEK_FILE.")
	default:
		warn("The key-encryption key is a file on this machine, and without it all personal data is lost. " +
			"Back it up, or give it with CARDINAL_KEK_FILE.")
	}
	return warnings
}

// isLoopback reports whether only this machine can connect to a listening address.
func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	a, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && a.Unmap().IsLoopback()
}

// isVerified reports whether a postgres:// URL is for a server on this machine, or for one with a verified certificate.
func isVerified(database string) bool {
	u, err := url.Parse(database)
	if err != nil {
		return false
	}
	q := u.Query()
	host := u.Hostname()
	if h := q.Get("host"); h != "" {
		host = h
	}
	a, err := netip.ParseAddr(host)
	local := host == "" || strings.HasPrefix(host, "/") || host == "localhost" || err == nil && a.IsLoopback()
	return local || q.Get("sslmode") == "verify-full"
}

// isWithin reports whether inner is outer, or is in it.
func isWithin(inner, outer string) bool {
	a, errA := filepath.Abs(inner)
	b, errB := filepath.Abs(outer)
	relative, err := filepath.Rel(b, a)
	return errA == nil && errB == nil && err == nil && relative != ".." &&
		!strings.HasPrefix(relative, ".."+string(filepath.Separator))
}
