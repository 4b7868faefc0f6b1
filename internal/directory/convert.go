package directory

import "cardinal"

// convert returns rows of a table as what clients see of them.
func convert[R, T any](rows []R, public func(R) T) []T {
	out := make([]T, len(rows))
	for i, row := range rows {
		out[i] = public(row)
	}
	return out
}

// convertPage is convert for a page.
func convertPage[R, T any](page cardinal.List[R], public func(R) T) cardinal.List[T] {
	return cardinal.List[T]{Data: convert(page.Data, public), HasMore: page.HasMore, After: page.After}
}
