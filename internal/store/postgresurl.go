package store

import (
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"cardinal"
)

// ParsePostgresURL returns the configuration of a connection to PostgreSQL. Without an sslmode, in the URL or in
// PGSSLMODE, a server on another machine must have a verified certificate (sslmode=verify-full): the default of
// PostgreSQL's clients, prefer, falls back to clear text. The error is a cardinal.ErrInvalid without the URL, because
// the URL can contain a password.
func ParsePostgresURL(text string) (config *pgx.ConnConfig, tlsByDefault bool, err error) {
	invalid := fmt.Errorf("%w: the database URL cannot be parsed", cardinal.ErrInvalid)
	if config, err = pgx.ParseConfig(text); err != nil {
		return nil, false, invalid
	}
	if os.Getenv("PGSSLMODE") != "" || !slices.ContainsFunc(hosts(config), isRemote) {
		return config, false, nil
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, false, invalid
	}
	query := u.Query()
	if query.Has("sslmode") {
		return config, false, nil
	}
	query.Set("sslmode", "verify-full")
	u.RawQuery = query.Encode()
	if config, err = pgx.ParseConfig(u.String()); err != nil {
		return nil, false, invalid
	}
	return config, true, nil
}

// hosts returns the hosts of a connection: PostgreSQL's clients try several in turn.
func hosts(c *pgx.ConnConfig) []string {
	all := []string{c.Host}
	for _, f := range c.Fallbacks {
		all = append(all, f.Host)
	}
	return all
}

// isRemote reports whether a host is another machine. A path is a socket of this one.
func isRemote(host string) bool {
	a, err := netip.ParseAddr(host)
	return host != "" && host != "localhost" && !strings.HasPrefix(host, "/") && (err != nil || !a.Unmap().IsLoopback())
}
