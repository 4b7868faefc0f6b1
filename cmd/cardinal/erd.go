package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cardinal"
	"cardinal/internal/catalog"
	"cardinal/internal/catalog/erd"
	"cardinal/internal/nearest"
)

// erdFlags are the flags of `cardinal erd`.
type erdFlags struct {
	format, theme string
	focus         string
	depth         int
	group         bool
	file          string
	any           bool
	schema        string
}

func (a *app) erd() *cobra.Command {
	var f erdFlags
	c := command("erd", "Draw or describe the schema of the live database",
		"  cardinal erd -o erd.svg\n  cardinal erd --focus sessions --depth 1 --format mermaid\n"+
			"  cardinal erd --format md\n"+
			"  cardinal erd --any --db postgres://localhost/shop --schema public -o shop.svg",
		func(ctx context.Context, _ []string) error {
			d, err := a.diagram(ctx, f)
			if err != nil {
				return err
			}
			var b bytes.Buffer
			if err := d.Write(&b, erd.Format(f.format), erd.Theme(f.theme), f.group); err != nil {
				return err
			}
			if f.file == "" || f.file == "-" {
				_, err = b.WriteTo(a.out)
				return err
			}
			if err := replaceFile(f.file, b.Bytes(), 0o644); err != nil {
				return &commandError{kind: err, code: "not_written",
					message: "the diagram cannot be written: " + err.Error(), fix: "Name another file with -o."}
			}
			a.printNote("%s: %d tables, %d relations", f.file, len(d.Tables), len(d.Relations))
			return nil
		})
	c.Flags().StringVar(&f.format, "format", string(erd.SVG), "`FORMAT` of the output: "+erdFormatNames())
	c.Flags().StringVar(&f.theme, "theme", string(erd.Light), "colours of the SVG: light or dark")
	c.Flags().StringVar(&f.focus, "focus", "", "only this `TABLE` and its neighbours")
	c.Flags().IntVar(&f.depth, "depth", 1, "number of relations between --focus and its neighbours")
	c.Flags().BoolVar(&f.group, "group", false, "draw a background for each group of tables in the SVG")
	c.Flags().StringVarP(&f.file, "output", "o", "", "write to this `FILE`")
	c.Flags().BoolVar(&f.any, "any", false, "draw a database of another application")
	c.Flags().StringVar(&f.schema, "schema", "public", "PostgreSQL schema to draw with --any")
	c.PreRunE = func(c *cobra.Command, _ []string) error { return f.check(c, a.json) }
	return c
}

// check validates the flags before the database is opened. With --json the format is JSON.
func (f *erdFlags) check(c *cobra.Command, asJSON bool) error {
	if asJSON && !c.Flags().Changed("format") {
		f.format = string(erd.JSON)
	}
	switch {
	case !slices.Contains(erd.Formats, erd.Format(f.format)):
		return usageError("Use one of these: "+erdFormatNames()+".", "there is no format %q", f.format)
	case asJSON && f.format != string(erd.JSON):
		return usageError("Give one of them.", "--json and --format %s exclude each other", f.format)
	case f.theme != string(erd.Light) && f.theme != string(erd.Dark):
		return usageError("Use light or dark.", "there is no theme %q", f.theme)
	case f.depth < 0:
		return usageError("Give 0 or more.", "--depth %d is too small", f.depth)
	case c.Flags().Changed("depth") && f.focus == "":
		return usageError("Name a table with --focus.", "--depth is only for --focus")
	case c.Flags().Changed("schema") && !f.any:
		return usageError("Add --any to draw a database of another application.", "--schema is only for --any")
	}
	return nil
}

func erdFormatNames() string {
	names := make([]string, len(erd.Formats))
	for i, f := range erd.Formats {
		names[i] = string(f)
	}
	return strings.Join(names, ", ")
}

// diagram reads the schema that the flags name.
func (a *app) diagram(ctx context.Context, f erdFlags) (*erd.Diagram, error) {
	name := "cardinal"
	if f.any {
		name = f.schema
	}
	s, err := a.readSchema(ctx, name)
	if err == nil && !f.any && !erd.IsCardinal(s) || errors.Is(err, errNoSchema) && !f.any {
		return nil, &commandError{code: "not_cardinal", message: "the database has no schema of Cardinal",
			fix: "Run `" + a.rerunCommand("db", "migrate") + "` to create it, or add --any to draw another schema."}
	}
	if err != nil {
		return nil, err
	}
	d := erd.NewDiagram(s, f.any)
	if f.focus != "" && !d.Focus(f.focus, f.depth) {
		var names []string
		for _, t := range d.Tables {
			names = append(names, t.Name)
		}
		fix := "`cardinal erd --format md` lists the tables."
		if meant := nearest.To(f.focus, names); meant != "" {
			fix = "Did you mean " + meant + "?"
		}
		return nil, notFoundError("table", f.focus, fix)
	}
	return d, nil
}

var errNoSchema = errors.New("no such schema")

// readSchema reads a schema of the configured database. It need not be a schema of Cardinal.
func (a *app) readSchema(ctx context.Context, name string) (*catalog.Schema, error) {
	d, err := a.openCatalog(ctx)
	if err != nil {
		return nil, err
	}
	s, err := d.Read(ctx, name)
	if errors.Is(err, cardinal.ErrNotFound) {
		return nil, fmt.Errorf("%w: %w", errNoSchema, &commandError{kind: err, code: "not_found",
			message: fmt.Sprintf("the database has no schema %q", name), fix: "Name another with --schema."})
	}
	return s, err
}
