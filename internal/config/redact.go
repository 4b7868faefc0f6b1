package config

import (
	"net/url"
	"regexp"
	"strings"
)

const hidden = "***"

// Redact hides the passwords in a database setting. It does not use a URL parser: a text that a parser refuses, or
// reads in another way than the user meant, can contain a password, too.
func Redact(database string) string {
	scheme, rest, isURL := strings.Cut(database, "://")
	if !isURL {
		return keywordPassword.ReplaceAllString(database, "${1}="+hidden)
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		user, _, hasPassword := strings.Cut(rest[:at], ":")
		if strings.ContainsAny(rest[:at], "/?#") {
			return scheme + "://" + hidden // it is not clear which part is the password
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
		unescaped, err := url.QueryUnescape(name)
		if err != nil || strings.Contains(strings.ToLower(unescaped), "password") {
			parameters[i] = name + "=" + hidden
		}
	}
	return scheme + "://" + before + "?" + strings.Join(parameters, "&")
}

// keywordPassword matches a password in the keyword form of a connection string, and all text after it: the end of the
// password depends on quotes.
var keywordPassword = regexp.MustCompile(`(?is)(\w*password)\s*=.*`)
