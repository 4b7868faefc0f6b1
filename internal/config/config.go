// Package config is what the service is told before it runs: by flags, by CARDINAL_* variables, by cardinal.toml, and where
// none of them speaks by defaults that are safe on one machine. It tells where each value came from, and every fault at once.
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

// Config is what the service runs with. The zero value is not one; Load and Default make them.
type Config struct {
	Database       string          // sqlite:PATH, a path, or a postgres:// URL, which may hold a password
	HTTP           string          // host:port to listen on
	PublicURL      string          // where people reach it: scheme and host without a slash at the end; empty for wherever it listens
	TrustedProxies []netip.Prefix  // whose X-Forwarded-For is believed
	KeysDir        string          // folder of the key-encryption keys
	KEK            cardinal.Secret //  the key-encryption key, when it does not come from KeysDir
	LogLevel       slog.Level
	LogFormat      string // text or json
}

// Default is the configuration of somebody who said nothing.
func Default() Config {
	return Config{
		Database:  "sqlite:./cardinal-data/cardinal.db",
		HTTP:      "localhost:8080",
		KeysDir:   "./cardinal-keys",
		LogLevel:  slog.LevelInfo,
		LogFormat: "text",
	}
}

// IsEmbedded reports whether the database is a file of this machine.
func (c Config) IsEmbedded() bool {
	return !strings.HasPrefix(c.Database, "postgres://") && !strings.HasPrefix(c.Database, "postgresql://")
}

// DataDir is the folder of the embedded database; "" when there is none.
func (c Config) DataDir() string {
	if !c.IsEmbedded() {
		return ""
	}
	return filepath.Dir(databasePath(c.Database))
}

func databasePath(database string) string {
	return strings.TrimPrefix(strings.TrimPrefix(database, "sqlite://"), "sqlite:")
}

// Unfit is what about the configuration is not fit for production, a sentence each with what to do.
func (c Config) Unfit() []string {
	var sentences []string
	say := func(s string) { sentences = append(sentences, s) }
	switch {
	case strings.HasPrefix(c.PublicURL, "http:"):
		say("People reach it without TLS: passwords and tokens can be read on the way. Put a proxy with TLS in front, and name its address with --public-url https://….")
	case c.PublicURL == "" && !isLoopback(c.HTTP):
		say("It listens to other machines without TLS: passwords and tokens can be read on the way. Put a proxy with TLS in front, and name its address with --public-url https://….")
	case c.PublicURL == "":
		say("Only this machine can reach it. For others, put a proxy with TLS in front, and name its address with --public-url https://….")
	case len(c.TrustedProxies) == 0:
		say("There seems to be a proxy in front that is not trusted, so every request seems to come from it. Name its address with --trusted-proxies.")
	}
	for _, p := range c.TrustedProxies {
		if p.Bits() == 0 {
			say("Every address is a trusted proxy, so anybody can claim any address. Name only your proxies with --trusted-proxies.")
			break
		}
	}
	if c.IsEmbedded() {
		say("The database is embedded: that is fine, on one machine. For several, use --db postgres://….")
	} else if !isVerified(c.Database) {
		say("The connection to PostgreSQL is not sure to reach the right server unread. Add sslmode=verify-full to its URL.")
	}
	switch {
	case c.KEK != "":
	case c.IsEmbedded() && isWithin(c.KeysDir, c.DataDir()):
		say("The key-encryption key is a file among the data: whoever gets a copy of the data can read it. Keep it elsewhere with --keys, or give it with CARDINAL_KEK_FILE.")
	case c.IsEmbedded():
		say("The key-encryption key is a file on the machine of the data: whoever copies both can read everything, whoever loses the key loses everything. Back them up apart, or give the key with CARDINAL_KEK_FILE.")
	default:
		say("The key-encryption key is a file of this machine: whoever loses it loses everything. Back it up, or give it with CARDINAL_KEK_FILE.")
	}
	return sentences
}

// isLoopback reports whether only this machine can reach a listening address.
func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	a, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && a.Unmap().IsLoopback()
}

// isVerified reports whether the server at the other end of a postgres:// URL is this machine's or proves who it is.
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

// isWithin reports whether a folder is another one or lies in it.
func isWithin(inner, outer string) bool {
	a, errA := filepath.Abs(inner)
	b, errB := filepath.Abs(outer)
	relative, err := filepath.Rel(b, a)
	return errA == nil && errB == nil && err == nil && relative != ".." && !strings.HasPrefix(relative, ".."+string(filepath.Separator))
}
