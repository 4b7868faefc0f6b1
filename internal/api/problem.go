package api

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"

	"cardinal"
)

// Problem is an answer that refuses a request (RFC 9457), with all errors of an input at once. Its texts come from
// the catalogue.
type Problem struct {
	Type      string                `json:"type" doc:"Page about the code, on this server"`
	Title     string                `json:"title"`
	Status    int                   `json:"status"`
	Detail    string                `json:"detail" doc:"Why, and what to do"`
	Code      string                `json:"code" doc:"Stable code"`
	RequestID string                `json:"request_id,omitempty" doc:"Also in the header Request-Id"`
	Errors    []cardinal.FieldError `json:"errors,omitempty" doc:"All errors of the input"`

	header http.Header
}

// NewProblem returns the problem of a code of the catalogue, with the values of the placeholders of its texts.
func NewProblem(code string, values ...any) *Problem {
	return refusalProblem(cardinal.Refuse(code, values...))
}

func refusalProblem(r *cardinal.Refusal) *Problem {
	return &Problem{Type: "/problems/" + r.Code, Title: r.Title, Status: statusOf(r.Code, r.Kind), Detail: r.Message(),
		Code: r.Code, header: http.Header{}}
}

// statusOf returns the HTTP status of a code: that of its kind, except for the codes about HTTP itself.
func statusOf(code string, kind error) int {
	if status, ok := httpStatuses[code]; ok {
		return status
	}
	for _, k := range kinds {
		if kind == k.kind {
			return k.status
		}
	}
	return http.StatusInternalServerError
}

// httpStatuses are the statuses of the codes about HTTP itself.
var httpStatuses = map[string]int{
	"body_incomplete":        http.StatusRequestTimeout,
	"body_malformed":         http.StatusBadRequest,
	"body_missing":           http.StatusBadRequest,
	"body_too_large":         http.StatusRequestEntityTooLarge,
	"body_unexpected":        http.StatusBadRequest,
	"client_address_missing": http.StatusBadRequest,
	"content_encoding":       http.StatusUnsupportedMediaType,
	"header_repeated":        http.StatusBadRequest,
	"host_unknown":           http.StatusMisdirectedRequest,
	"media_type":             http.StatusUnsupportedMediaType,
	"method_not_allowed":     http.StatusMethodNotAllowed,
	"not_acceptable":         http.StatusNotAcceptable,
	"not_modified":           http.StatusNotModified,
	"version_required":       http.StatusPreconditionRequired,
}

// Error returns the code and the detail.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus returns the HTTP status. huma calls it, and the next two methods.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders returns the headers of the answer.
func (p *Problem) GetHeaders() http.Header { return p.header }

// ContentType returns the media type of problems. A 304 keeps its media type, because it describes what the client has.
func (p *Problem) ContentType(mediaType string) string {
	if p.Status == http.StatusNotModified {
		return mediaType
	}
	return "application/problem+json"
}

// Write sends the problem.
func (p *Problem) Write(w http.ResponseWriter) error {
	for name, values := range p.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	return json.NewEncoder(w).Encode(p)
}

// writeError answers with the problem of an error, outside of a handler of huma.
func (a *API) writeError(w http.ResponseWriter, r *http.Request, err error) {
	if err := a.problemOf(r.Context(), err).Write(w); err != nil {
		a.options.Logger.DebugContext(r.Context(), "cannot write the response", "request_id", requestOf(r.Context()).id)
	}
}

// kinds is the table from kinds of error to statuses, and to the codes of errors that name none.
var kinds = []struct {
	kind   error
	status int
	code   string
}{
	{cardinal.ErrNotFound, http.StatusNotFound, "not_found"},
	{cardinal.ErrStale, http.StatusPreconditionFailed, "version_stale"},
	{cardinal.ErrInvalid, http.StatusUnprocessableEntity, "validation_failed"},
	{cardinal.ErrConflict, http.StatusConflict, "conflict"},
	{cardinal.ErrForbidden, http.StatusForbidden, "forbidden"},
	{cardinal.ErrUnauthenticated, http.StatusUnauthorized, "not_signed_in"},
	{cardinal.ErrThrottled, http.StatusTooManyRequests, "too_many_attempts"},
	{cardinal.ErrBusy, http.StatusServiceUnavailable, "busy"},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, "busy"},
}

// problemOf converts an error to a problem. An error of no known kind is an error of the service: it is logged, and
// the answer does not contain its text.
func (a *API) problemOf(ctx context.Context, err error) *Problem {
	var p *Problem
	if !errors.As(err, &p) {
		p = a.classify(ctx, err)
	}
	p.setRequestID(ctx)
	return p
}

func (p *Problem) setRequestID(ctx context.Context) {
	if id := requestOf(ctx).nullID(); id.Valid {
		p.RequestID = id.UUID.String()
	}
}

func (a *API) classify(ctx context.Context, err error) *Problem {
	for _, k := range kinds {
		if !errors.Is(err, k.kind) {
			continue
		}
		p := NewProblem(k.code)
		var refusal *cardinal.Refusal
		if errors.As(err, &refusal) {
			p = refusalProblem(refusal)
			if refusal.RetryAfter > 0 {
				p.header.Set("Retry-After", strconv.Itoa(int(math.Ceil(refusal.RetryAfter.Seconds()))))
			}
		}
		var invalid *cardinal.InvalidInput
		if errors.As(err, &invalid) {
			p = invalidProblem(invalid.Errors)
		}
		var stale *cardinal.Stale
		if errors.As(err, &stale) {
			p.header.Set("ETag", etag(stale.Version))
		}
		switch k.status {
		case http.StatusUnauthorized:
			p.header.Set("WWW-Authenticate", `Bearer realm="cardinal"`)
		case http.StatusServiceUnavailable:
			if p.header.Get("Retry-After") == "" {
				p.header.Set("Retry-After", "1")
			}
			if refusal == nil { // the client learns only that it is busy; a full disk is for the operator to know
				id := requestOf(ctx).id
				a.options.Logger.WarnContext(ctx, "cannot serve a request", "error", err, "request_id", id)
			}
		}
		return p
	}
	if !errors.Is(err, context.Canceled) {
		a.options.Logger.ErrorContext(ctx, "a request failed", "error", err, "request_id", requestOf(ctx).id)
	}
	return NewProblem("internal")
}

// invalidProblem is the problem of an input with errors: 400 when only parameters have errors, 422 when the body has
// some, 428 when only the version is missing.
func invalidProblem(fieldErrors []cardinal.FieldError) *Problem {
	if len(fieldErrors) == 1 && fieldErrors[0].Code == "version_required" {
		return NewProblem("version_required")
	}
	p := NewProblem("validation_failed")
	p.Status, p.Errors = http.StatusBadRequest, fieldErrors
	for _, f := range fieldErrors {
		if f.Parameter == "" {
			p.Status = http.StatusUnprocessableEntity
		}
	}
	return p
}
