package check

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cardinal"
)

// Acceptance is a finding that the owner of the database accepts, with the reason.
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

// ReadAcceptances reads a list of accepted findings, one per line: the id of the check, the object (* matches any
// characters; with a space, in quotes) and the reason. It ignores empty lines and lines that begin with #. It reports
// every invalid line, as a *cardinal.Invalid.
func ReadAcceptances(text string) ([]Acceptance, error) {
	var list []Acceptance
	var invalid cardinal.FieldErrors
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		addError := func(code, message string) {
			invalid = append(invalid, cardinal.FieldError{Parameter: fmt.Sprintf("line %d", i+1), Code: code,
				Message: message})
		}
		m := acceptanceLine.FindStringSubmatch(line)
		if m == nil {
			addError("form", `write the id of a check, the object and the reason, `+
				`for example: G24 "index users_old_ix" removed in the next release`)
			continue
		}
		if _, known := Find(m[1]); !known || !checkID.MatchString(m[1]) {
			addError("check", "begin with the id of a check, as in the report")
		}
		if m[3] == "" {
			addError("reason", "give the reason after the object")
		}
		list = append(list, Acceptance{Line: i + 1, ID: m[1], Object: strings.Trim(m[2], `"`), Reason: m[3]})
	}
	return list, invalid.Err()
}

// matches reports whether the acceptance names the object.
func (a Acceptance) matches(object string) bool {
	parts := strings.Split(a.Object, "*")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile("^" + strings.Join(parts, ".*") + "$").MatchString(object)
}

// accept removes accepted findings from an outcome.
func (r *runner) accept(o *Outcome) {
	o.Findings = slices.DeleteFunc(o.Findings, func(f Finding) bool {
		matched := false
		for n, a := range r.accepted {
			if a.ID == o.ID && a.matches(f.Object) {
				r.used[n], matched = true, true
			}
		}
		if matched {
			o.Accepted++
		}
		return matched
	})
	if o.Accepted > 0 {
		o.setStatus()
	}
}

// unusedAcceptances returns the acceptances of checks that ran and found nothing that matches.
func (r *runner) unusedAcceptances() (list []Acceptance) {
	for n, a := range r.accepted {
		if _, ran := r.outcomes[a.ID]; ran && !r.used[n] {
			list = append(list, a)
		}
	}
	return list
}
