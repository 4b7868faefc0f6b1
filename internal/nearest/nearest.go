// Package nearest finds the known name that is most similar to a misspelled one. It serves the suggestions for unknown
// fields, parameters, settings and commands.
package nearest

// To returns the name with the smallest edit distance to the input, the first one if several have the same distance. It
// returns "" if all distances are greater than one third of the input's length plus one.
func To(input string, names []string) string {
	const maxLength = 64 // longer input is not a name, so it is not worth the comparison
	if len(input) > maxLength {
		return ""
	}
	best, least := "", 2+len(input)/3
	for _, name := range names {
		if d := Distance(input, name); d < least {
			best, least = name, d
		}
	}
	return best
}

// Distance returns the Levenshtein distance: the number of bytes that must be inserted, deleted or replaced to turn a
// into b. Names are ASCII, so bytes are characters.
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
