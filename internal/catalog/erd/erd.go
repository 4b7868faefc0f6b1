// Package erd draws the model of a live schema as an entity relationship diagram. It writes SVG with its own layout,
// Mermaid and DBML for other tools, a data dictionary in Markdown, and JSON. The same schema always gives the same
// bytes, so a drawing can be committed and compared.
package erd

import (
	"io"

	"cardinal/internal/catalog"
)

// Format names an output format.
type Format string

// The formats.
const (
	SVG      Format = "svg"
	Mermaid  Format = "mermaid"
	DBML     Format = "dbml"
	Markdown Format = "md"
	JSON     Format = "json"
)

// Formats lists all formats.
var Formats = []Format{SVG, Mermaid, DBML, Markdown, JSON}

// Write writes the diagram in a format. Theme and group apply to SVG only.
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

// IsCardinal reports whether a schema is Cardinal's. It looks for tables that no other schema has together.
func IsCardinal(s *catalog.Schema) bool {
	return s.Table("schema_migrations") != nil && s.Table("users") != nil && s.Table("user_statuses") != nil &&
		s.Table("identifiers") != nil
}
