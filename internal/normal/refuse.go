package normal

import "cardinal"

// refuse returns a *cardinal.Fault of a code. Its result type is error because a nil *cardinal.Fault in an error is
// not nil.
func refuse(code string, values ...any) (string, error) {
	return "", cardinal.NewFault(code, values...)
}
