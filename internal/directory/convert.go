package directory

import (
	"time"

	"github.com/google/uuid"

	"cardinal"
)

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

// TruncateTime cuts a time to the microsecond that both databases keep.
func TruncateTime(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	cut := t.UTC().Truncate(time.Microsecond)
	return &cut
}

// valueOr returns the value that a pointer points to; other when the pointer is nil.
func valueOr[T any](p *T, other T) T {
	if p == nil {
		return other
	}
	return *p
}

// UniqueIDs returns ids without duplicates, in the same order.
func UniqueIDs(ids []uuid.UUID) []uuid.UUID {
	seen := map[uuid.UUID]bool{}
	var out []uuid.UUID
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}
