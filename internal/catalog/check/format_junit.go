package check

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// The XML format that build servers read: a suite for each kind of check, a case for each check.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Skipped  int          `xml:"skipped,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Failure *junitMessage `xml:"failure"`
		Skipped *junitMessage `xml:"skipped"`
		Output  string        `xml:"system-out,omitempty"`
	}
	junitMessage struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes the report as JUnit XML. A warning is a passed case with output.
func (r Report) WriteJUnit(w io.Writer) error {
	all := junitSuites{Name: "cardinal check", Time: fmt.Sprintf("%.3f", r.Duration.Seconds())}
	for _, kind := range kinds {
		suite := junitSuite{Name: string(kind)}
		for _, o := range r.Outcomes {
			if o.Kind != kind {
				continue
			}
			c := junitCase{Class: "cardinal.check." + string(kind), Name: o.ID + " " + o.Title}
			message := &junitMessage{Message: fmt.Sprintf("%d of %d %s", o.Passed, o.Total, o.Unit), Text: o.details()}
			switch o.Status {
			case Failed:
				c.Failure = message
				suite.Failures++
			case Skipped:
				c.Skipped = &junitMessage{Message: o.NotChecked}
				suite.Skipped++
			case Warned:
				c.Output = o.details()
			}
			suite.Cases = append(suite.Cases, c)
			suite.Tests++
		}
		if suite.Tests > 0 {
			all.Suites = append(all.Suites, suite)
			all.Tests += suite.Tests
			all.Failures += suite.Failures
			all.Skipped += suite.Skipped
		}
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// details returns the findings as lines of text.
func (o Outcome) details() string {
	var b strings.Builder
	for _, f := range o.Findings {
		fmt.Fprintf(&b, "%s: %s\n", f.Object, f.Problem)
		for _, e := range f.Evidence {
			fmt.Fprintf(&b, "  %s\n", e)
		}
		if f.Fix != "" {
			fmt.Fprintf(&b, "  fix: %s\n", f.Fix)
		}
	}
	return b.String()
}
