package check

import (
	"regexp"
	"sync"
)

// pattern is a regular expression that is compiled at its first use, so that the service, which contains the checks,
// starts without that cost.
type pattern struct {
	compiled func() *regexp.Regexp
}

func newPattern(text string) pattern {
	return pattern{sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })}
}

// MatchString and the other methods are those of regexp.Regexp.
func (p pattern) MatchString(s string) bool { return p.compiled().MatchString(s) }

func (p pattern) FindStringSubmatch(s string) []string { return p.compiled().FindStringSubmatch(s) }

func (p pattern) FindAllStringSubmatch(s string, n int) [][]string {
	return p.compiled().FindAllStringSubmatch(s, n)
}

// matcher is a pattern or a regular expression.
type matcher interface{ MatchString(string) bool }
