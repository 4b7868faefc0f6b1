// Package nearest finds the known name that somebody probably meant: for unknown fields, parameters, settings and commands.
package nearest

// To returns the name that is most like what was typed, the first of equals; "" when none is like it. A third of the letters may
// be wrong, and one more.
func To(typed string, names []string) string {
	const longest = 64 // what is longer is no name, and shall cost nothing
	if len(typed) > longest {
		return ""
	}
	best, least := "", 2+len(typed)/3
	for _, name := range names {
		if d := Distance(typed, name); d < least {
			best, least = name, d
		}
	}
	return best
}

// Distance is how many bytes must be put in, taken out or changed to get from a to b (Levenshtein); names are ASCII.
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
