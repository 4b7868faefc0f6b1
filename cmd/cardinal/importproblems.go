package main

import (
	"errors"
	"fmt"
	"io/fs"
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
		if err := p.create(r.Extension()); err != nil {
			return err
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

// create creates the file. Without --problems it takes the first name that is free: an earlier file can have been
// corrected by hand.
func (p *problemReport) create(extension string) (err error) {
	named, base := p.path != "", p.source
	if base == "-" {
		base = "stdin"
	}
	base = strings.TrimSuffix(base, filepath.Ext(base)) + ".problems"
	for n := 1; n < 1000; n++ {
		switch {
		case named:
		case n == 1:
			p.path = base + "." + extension
		default:
			p.path = fmt.Sprintf("%s-%d.%s", base, n, extension)
		}
		// Rows with problems are personal data too.
		p.file, err = createFile(p.path)
		if err == nil || named || !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return fileExistsError(p.path, "Name another file with --problems, or delete that one.")
	}
	if err != nil {
		return usageError("Name another file with --problems.",
			"the file for rows with problems cannot be written: %v", err)
	}
	return nil
}

func (p *problemReport) close() error {
	if p.file == nil {
		return nil
	}
	return errors.Join(p.rows.Flush(), p.file.Close())
}
