package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"cardinal"
	"cardinal/internal/importfile"
)

// problemReport writes the rows with problems into a file of their own, which is made with the first, and keeps the first few to be shown.
type problemReport struct {
	a       *app
	source  string
	path    string
	file    *os.File
	rows    *importfile.Problems
	preview strings.Builder
	shown   int
}

const problemsShown = 10

func (a *app) newProblemReport(source, path string) *problemReport {
	return &problemReport{a: a, source: source, path: path}
}

func (p *problemReport) name() string {
	if p.file == nil {
		return ""
	}
	return p.path
}

func (p *problemReport) add(r *importfile.Reader, add *importfile.Row, faults []cardinal.Fault) error {
	if p.file == nil {
		if p.path == "" {
			base := p.source
			if base == "-" {
				base = "stdin"
			}
			p.path = strings.TrimSuffix(base, filepath.Ext(base)) + ".problems." + r.Extension()
		}
		var err error
		// What is wrong is personal none the less.
		if p.file, err = os.OpenFile(p.path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600); err != nil {
			return usageError("Say with --problems where it may be.", "the file for rows with problems cannot be written: %v", err)
		}
	}
	// Rows whose problem shows late come from a second reading of the file.
	if p.rows == nil {
		p.rows = r.Problems(p.file)
	}
	if p.shown < problemsShown {
		p.shown++
		for _, f := range faults {
			where := strings.TrimPrefix(f.Pointer, "/")
			if place := r.Place(f); place != "" {
				where += " (" + place + ")"
			}
			fmt.Fprintf(&p.preview, "  line %s %s  %s\n", formatThousands(add.Line), sanitize(where), f.Message)
		}
	}
	if p.a.json {
		p.a.printEvent(map[string]any{"event": "problem", "row": add.Number, "line": add.Line, "errors": faults})
	}
	return p.rows.Write(add, faults)
}

func (p *problemReport) close() error {
	if p.file == nil {
		return nil
	}
	return errors.Join(p.rows.Flush(), p.file.Close())
}
