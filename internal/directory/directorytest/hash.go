package directorytest

import (
	"context"
	"runtime"
	"strings"
)

// BeforeHash returns a context that calls a function each time its owner asks for a place in the hashing queue: in the
// middle of a call, after its first reads and before its transaction.
func BeforeHash(ctx context.Context, call func()) context.Context { return beforeHash{ctx, call} }

type beforeHash struct {
	context.Context
	call func()
}

// Err is what the hashing queue asks before it gives a place.
func (c beforeHash) Err() error {
	var caller [1]uintptr
	runtime.Callers(2, caller[:])
	frame, _ := runtime.CallersFrames(caller[:]).Next()
	if strings.HasSuffix(frame.Function, "password.(*queue).enter") {
		c.call()
	}
	return c.Context.Err()
}
