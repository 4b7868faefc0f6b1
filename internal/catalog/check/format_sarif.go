package check

import (
	"io"
	"slices"
	"strings"
)

// The parts of the Static Analysis Results Interchange Format (SARIF) 2.1.0 that are used here. A database has no
// files, so results have logical locations only. A viewer that requires a file needs one added.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool    sarifTool     `json:"tool"`
		Results []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name  string      `json:"name"`
		Rules []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID    string     `json:"id"`
		Short sarifText  `json:"shortDescription"`
		Full  *sarifText `json:"fullDescription,omitempty"`
		Help  *sarifText `json:"help,omitempty"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifLocation struct {
		Logical []sarifLogical `json:"logicalLocations"`
	}
	sarifLogical struct {
		Name     string `json:"name"`
		FullName string `json:"fullyQualifiedName"`
		Kind     string `json:"kind"`
	}
)

// WriteSARIF writes the findings as SARIF, with every executed check as a rule.
func (r Report) WriteSARIF(w io.Writer) error {
	run := sarifRun{Tool: sarifTool{sarifDriver{Name: "cardinal check", Rules: []sarifRule{}}},
		Results: []sarifResult{}}
	for i, o := range r.Outcomes {
		rule := sarifRule{ID: o.ID, Short: sarifText{o.Title}}
		if c, ok := Find(o.ID); ok && c.Why != "" {
			rule.Full = &sarifText{c.Why}
		}
		if o.Guide != "" {
			rule.Help = &sarifText{"The guide: " + o.Guide}
		}
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, rule)
		for _, f := range o.Findings {
			level := "error"
			if f.Warning {
				level = "warning"
			}
			text := strings.Join(slices.Concat([]string{f.Object + ": " + f.Problem}, f.Evidence), "\n")
			if f.Fix != "" {
				text += "\nfix: " + f.Fix
			}
			run.Results = append(run.Results,
				sarifResult{RuleID: o.ID, RuleIndex: i, Level: level, Message: sarifText{text},
					Locations: []sarifLocation{{Logical: []sarifLogical{{Name: f.Object,
						FullName: r.Database + "." + f.Object, Kind: "resource"}}}}})
		}
	}
	return writeJSON(w, sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0",
		Runs: []sarifRun{run}})
}
