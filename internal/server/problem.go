package server

import (
	"encoding/json"

	"cardinal"
)

// problem is an answer that refuses, in the form the API's have (RFC 9457).
type problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Code      string `json:"code"`
	RequestID string `json:"request_id"`
}

// refuse answers with a problem of a code in the catalogue; without a detail, with the catalogue's.
func (e *exchange) refuse(status int, code, detail string) {
	refusal := cardinal.Refuse(code)
	if detail == "" {
		detail = refusal.Message()
	}
	e.Header().Set("Content-Type", "application/problem+json")
	e.answer(status, problem{"/problems/" + code, refusal.Title, status, detail, code, e.id[0]})
}

func (e *exchange) answer(status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // of types of this package
	}
	if e.Header().Get("Content-Type") == "" {
		e.Header().Set("Content-Type", "application/json")
	}
	e.WriteHeader(status)
	_, _ = e.Write(append(text, '\n')) // the client may be gone
}
