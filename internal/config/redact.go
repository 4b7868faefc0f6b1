package config

import (
	"net/url"
	"regexp"
	"strings"
)

const hidden = "***"

// Redact hides the passwords in the name of a database. It does not parse: what a parser refuses, or understands otherwise
// than it was meant, may hold a password too.
func Redact(database string) string {
	scheme, rest, isURL := strings.Cut(database, "://")
	if !isURL {
		return keywords.ReplaceAllString(database, "${1}="+hidden)
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		user, _, hasPassword := strings.Cut(rest[:at], ":")
		if strings.ContainsAny(rest[:at], "/?#") {
			return scheme + "://" + hidden // what of it is a password cannot be told
		}
		if hasPassword {
			rest = user + ":" + hidden + rest[at:]
		}
	}
	before, query, hasQuery := strings.Cut(rest, "?")
	if !hasQuery {
		return scheme + "://" + rest
	}
	parameters := strings.Split(query, "&")
	for i, p := range parameters {
		name, _, _ := strings.Cut(p, "=")
		if plain, err := url.QueryUnescape(name); err != nil || strings.Contains(strings.ToLower(plain), "password") {
			parameters[i] = name + "=" + hidden
		}
	}
	return scheme + "://" + before + "?" + strings.Join(parameters, "&")
}

// keywords finds a password in the keyword form of a connection string; how far it goes depends on its quotes.
var keywords = regexp.MustCompile(`(?is)(\w*password)\s*=.*`)
