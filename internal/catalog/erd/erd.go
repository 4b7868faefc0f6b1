// Package erd draws the model of a live schema as an entity relationship diagram: as SVG of its own layout, as Mermaid and DBML
// for other tools, as a data dictionary in Markdown, and as JSON. The same schema always gives the same bytes, so that a drawing
// can be committed and compared.
package erd

import (
	"io"

	"cardinal/internal/catalog"
)

// Format names a form in which a diagram is written.
type Format string

// The formats.
const (
	SVG      Format = "svg"
	Mermaid  Format = "mermaid"
	DBML     Format = "dbml"
	Markdown Format = "md"
	JSON     Format = "json"
)

// Formats are all formats.
var Formats = []Format{SVG, Mermaid, DBML, Markdown, JSON}

// Write writes the diagram in a format. Theme and group concern SVG only.
func (d *Diagram) Write(w io.Writer, format Format, theme Theme, group bool) error {
	switch format {
	case Mermaid:
		return d.writeMermaid(w)
	case DBML:
		return d.writeDBML(w)
	case Markdown:
		return d.writeMarkdown(w)
	case JSON:
		return d.writeJSON(w)
	}
	return d.writeSVG(w, theme, group)
}

// IsCardinal reports whether a schema is Cardinal's own, going by tables that no other has together.
func IsCardinal(s *catalog.Schema) bool {
	return s.Table("schema_migrations") != nil && s.Table("users") != nil && s.Table("user_statuses") != nil && s.Table("identifiers") != nil
}
