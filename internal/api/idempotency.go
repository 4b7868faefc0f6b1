package api

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"cardinal"
	"cardinal/internal/directory"
)

// IdempotentInput is the part of the input of a POST that changes something.
type IdempotentInput struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Requests with one key have one effect"`
}

// idempotency returns what the directory needs to recognise a repeated request, or the error in its Idempotency-Key.
// Both are nil for a request without a key, and for an operation without effect.
func idempotency(
	r *http.Request, o *huma.Operation, s requestState,
) (*directory.IdempotentRequest, *cardinal.FieldError) {
	key := header(r.Header, "Idempotency-Key")
	if key == "" || r.Method != http.MethodPost || o.Metadata[noIdempotency] == true {
		return nil, nil
	}
	if fieldError := checkIdempotencyKey(key, s.desk.Actor()); fieldError != nil {
		return nil, fieldError
	}
	return &directory.IdempotentRequest{Key: key, Route: r.Method + " " + o.Path, Path: r.URL.Path, Body: s.body}, nil
}

// checkIdempotencyKey returns the error in a key. The keys of all anonymous callers share one scope, so theirs must
// be hard to guess; an authenticated caller has a scope of its own.
func checkIdempotencyKey(key string, actor cardinal.Actor) *cardinal.FieldError {
	rule := ""
	isPrintable := func(r rune) bool { return r >= 0x21 && r <= 0x7e }
	if len(key) > 255 || strings.ContainsFunc(key, func(r rune) bool { return !isPrintable(r) }) {
		rule = "at most 255 printable ASCII characters without spaces"
	} else if !actor.Known() && len(key) < 22 {
		rule = "at least 22 random characters, such as a UUID"
	}
	if rule == "" {
		return nil
	}
	fieldError := cardinal.ParameterError("Idempotency-Key", "idempotency_key_format", rule)
	return &fieldError
}
