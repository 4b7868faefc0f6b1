package normal

import "cardinal"

// refuse returns a *cardinal.Fault. It exists because a nil *cardinal.Fault must not become a non-nil error.
func refuse(code string, values ...any) (string, error) {
	return "", cardinal.NewFault(code, values...)
}
