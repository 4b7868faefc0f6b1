package normal

import "cardinal"

// refuse returns a *cardinal.FieldError of a code. Its result type is error because a nil *cardinal.FieldError in an
// error is not nil.
func refuse(code string, values ...any) (string, error) {
	return "", cardinal.NewFieldError(code, values...)
}
