package check

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cardinal"
)

// Acceptance is a finding that the database's owner accepts, and why.
type Acceptance struct {
	Line   int    `json:"line"` // of the file
	ID     string `json:"id"`   // of the check
	Object string `json:"object"`
	Reason string `json:"reason"`
}

var (
	acceptanceLine = newPattern(`^(\S+)\s+("[^"]*"|[^\s"]\S*)(?:\s+(\S.*))?$`)
	checkID        = newPattern(`^[A-Z][0-9]+$`)
)

// ReadAcceptances reads a list of accepted findings, one a line: the check's id, the object (* is any run of characters; in quotes
// where it has a space), and the reason. Empty lines and what begins with # say nothing. Every line that is wrong is told, as a
// *cardinal.Invalid.
func ReadAcceptances(text string) ([]Acceptance, error) {
	var list []Acceptance
	var invalid cardinal.Faults
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		addError := func(code, message string) {
			invalid = append(invalid, cardinal.Fault{Parameter: fmt.Sprintf("line %d", i+1), Code: code, Message: message})
		}
		m := acceptanceLine.FindStringSubmatch(line)
		if m == nil {
			addError("form", `write the check's id, the object and the reason, like: G24 "index users_old_ix" goes with the next release`)
			continue
		}
		if _, known := Find(m[1]); !known || !checkID.MatchString(m[1]) {
			addError("check", "begin with the id of a check, as the report prints it")
		}
		if m[3] == "" {
			addError("reason", "say after the object why it is accepted")
		}
		list = append(list, Acceptance{Line: i + 1, ID: m[1], Object: strings.Trim(m[2], `"`), Reason: m[3]})
	}
	return list, invalid.Err()
}

// matches reports whether the acceptance names an object.
func (a Acceptance) matches(object string) bool {
	parts := strings.Split(a.Object, "*")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile("^" + strings.Join(parts, ".*") + "$").MatchString(object)
}

// accept takes accepted findings out of an outcome.
func (p *runner) accept(o *Outcome) {
	o.Findings = slices.DeleteFunc(o.Findings, func(f Finding) bool {
		hit := false
		for n, a := range p.accepted {
			if a.ID == o.ID && a.matches(f.Object) {
				p.used[n], hit = true, true
			}
		}
		if hit {
			o.Accepted++
		}
		return hit
	})
	if o.Accepted > 0 {
		o.setStatus()
	}
}

// unusedAcceptances is what was accepted of a check that ran and found nothing like it.
func (p *runner) unusedAcceptances() (list []Acceptance) {
	for n, a := range p.accepted {
		if _, ran := p.outcomes[a.ID]; ran && !p.used[n] {
			list = append(list, a)
		}
	}
	return list
}
