package check

import (
	"regexp"
	"sync"
)

// pattern is a regular expression that is compiled when it is first used: the service, which has the checks on board, starts without.
type pattern struct {
	compiled func() *regexp.Regexp
}

func newPattern(text string) pattern {
	return pattern{sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })}
}

// MatchString is that of regexp.Regexp, as are all methods here.
func (p pattern) MatchString(s string) bool { return p.compiled().MatchString(s) }

func (p pattern) FindStringSubmatch(s string) []string { return p.compiled().FindStringSubmatch(s) }

func (p pattern) FindAllStringSubmatch(s string, n int) [][]string {
	return p.compiled().FindAllStringSubmatch(s, n)
}

// matcher is what says whether a text is meant.
type matcher interface{ MatchString(string) bool }
