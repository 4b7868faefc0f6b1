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

// problemReport writes the rows with problems to a separate file, which it creates for the first such row. It keeps the
// first rows as text, to print them.
type problemReport struct {
	a       *app
	source  string
	path    string
	file    *os.File
	rows    *importfile.ProblemsWriter
	preview strings.Builder
	shown   int
}

const maxPreviewRows = 10

func (a *app) newProblemReport(source, path string) *problemReport {
	return &problemReport{a: a, source: source, path: path}
}

func (p *problemReport) name() string {
	if p.file == nil {
		return ""
	}
	return p.path
}

func (p *problemReport) add(r *importfile.Reader, add *importfile.Row, fieldErrors []cardinal.FieldError) error {
	if p.file == nil {
		if p.path == "" {
			base := p.source
			if base == "-" {
				base = "stdin"
			}
			p.path = strings.TrimSuffix(base, filepath.Ext(base)) + ".problems." + r.Extension()
		}
		var err error
		// Rows with problems are personal data too.
		if p.file, err = os.OpenFile(p.path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600); err != nil {
			return usageError("Name another file with --problems.",
				"the file for rows with problems cannot be written: %v", err)
		}
	}
	// Problems that are found late come from a second pass over the file.
	if p.rows == nil {
		p.rows = r.ProblemsWriter(p.file)
	}
	if p.shown < maxPreviewRows {
		p.shown++
		for _, f := range fieldErrors {
			// Messages count rows, and an editor counts lines. A header and values with line breaks make them differ.
			place := "row " + formatThousands(add.Number) + ", line " + formatThousands(add.Line)
			if f.Pointer != "" {
				place += ": " + strings.TrimPrefix(f.Pointer, "/")
			}
			if column := r.ColumnOf(f); column != "" {
				place += " (" + column + ")"
			}
			fmt.Fprintf(&p.preview, "  %s  %s\n", sanitize(place), f.Message)
		}
	}
	if p.a.json {
		p.a.printEvent(map[string]any{"event": "problem", "row": add.Number, "line": add.Line, "errors": fieldErrors})
	}
	return p.rows.Write(add, fieldErrors)
}

func (p *problemReport) close() error {
	if p.file == nil {
		return nil
	}
	return errors.Join(p.rows.Flush(), p.file.Close())
}
