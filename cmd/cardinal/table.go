package main

import (
	"io"
	"strings"

	"github.com/rivo/uniseg"
)

const columnGap = 2 // spaces between two columns

// writeTable writes rows as aligned columns. Columns are padded by the number of terminal cells that a text needs, not
// by its characters: an East Asian character takes two cells, a combining mark none. Empty cells at the end of a row
// are left out.
func writeTable(w io.Writer, rows [][]string) error {
	var widths []int
	for _, row := range rows {
		for i, text := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], uniseg.StringWidth(text))
		}
	}
	var table strings.Builder
	for _, row := range rows {
		padding := 0
		for i, text := range row {
			if text != "" {
				table.WriteString(strings.Repeat(" ", padding) + text)
				padding = 0
			}
			padding += widths[i] - uniseg.StringWidth(text) + columnGap
		}
		table.WriteByte('\n')
	}
	_, err := io.WriteString(w, table.String())
	return err
}
