package api

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"cardinal"
	"cardinal/internal/directory"
)

// Problem is an answer that refuses (RFC 9457), with every fault at once.
type Problem struct {
	Type      string           `json:"type" doc:"Page about the code, on this server"`
	Title     string           `json:"title"`
	Status    int              `json:"status"`
	Detail    string           `json:"detail" doc:"What to do"`
	Code      string           `json:"code" doc:"Stable code"`
	RequestID string           `json:"request_id,omitempty" doc:"Also in the header Request-Id"`
	Errors    []cardinal.Fault `json:"errors,omitempty" doc:"Every fault of the input"`

	header http.Header
}

// problem returns the problem of a code of the catalogue, with the values of the placeholders of its texts.
func problem(code string, values ...any) *Problem {
	return refusalProblem(cardinal.Refuse(code, values...))
}

func refusalProblem(r *cardinal.Refusal) *Problem {
	return &Problem{Type: "/problems/" + r.Code, Title: r.Title, Status: statusOf(r.Code, r.Kind), Detail: r.Message(),
		Code: r.Code, header: http.Header{}}
}

// statusOf returns the HTTP status of a code: that of its kind, but for the codes of HTTP's own.
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
	"body_incomplete":    http.StatusRequestTimeout,
	"body_malformed":     http.StatusBadRequest,
	"body_missing":       http.StatusBadRequest,
	"body_too_large":     http.StatusRequestEntityTooLarge,
	"body_unexpected":    http.StatusBadRequest,
	"media_type":         http.StatusUnsupportedMediaType,
	"method_not_allowed": http.StatusMethodNotAllowed,
	"not_acceptable":     http.StatusNotAcceptable,
	"not_modified":       http.StatusNotModified,
	"version_required":   http.StatusPreconditionRequired,
}

// Error says the code and what to do.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders are the headers that go with it.
func (p *Problem) GetHeaders() http.Header { return p.header }

// ContentType is that of problems, but for the answer that nothing changed: it speaks of what the client has.
func (p *Problem) ContentType(kind string) string {
	if p.Status == http.StatusNotModified {
		return kind
	}
	return "application/problem+json"
}

// refuse answers with a problem outside of an operation's handler.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, p *Problem) {
	if id := requestOf(r.Context()).nullID(); id.Valid {
		p.RequestID = id.UUID.String()
	}
	for name, values := range p.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	if err := json.NewEncoder(w).Encode(p); err != nil {
		a.options.Logger.DebugContext(r.Context(), "an answer could not be written", "request_id", p.RequestID)
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

// problemOf turns an error into a problem. One that fits no kind is a fault of the service: it is logged, and its text stays here.
func (a *API) problemOf(ctx context.Context, err error) *Problem {
	var p *Problem
	if !errors.As(err, &p) {
		p = a.classify(ctx, err)
	}
	if id := requestOf(ctx).nullID(); id.Valid {
		p.RequestID = id.UUID.String()
	}
	return p
}

func (a *API) classify(ctx context.Context, err error) *Problem {
	for _, k := range kinds {
		if !errors.Is(err, k.kind) {
			continue
		}
		p := problem(k.code)
		var refusal *cardinal.Refusal
		if errors.As(err, &refusal) {
			p = refusalProblem(refusal)
			if refusal.RetryAfter > 0 {
				p.header.Set("Retry-After", strconv.Itoa(int(math.Ceil(refusal.RetryAfter.Seconds()))))
			}
		}
		var invalid *cardinal.Invalid
		if errors.As(err, &invalid) {
			p = faulty(invalid.Faults)
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
			if refusal == nil { // whoever asked hears only that it is busy; a full disk is for the operator to know
				a.options.Logger.WarnContext(ctx, "a request could not be served", "error", err, "request_id", requestOf(ctx).id)
			}
		}
		return p
	}
	if !errors.Is(err, context.Canceled) {
		a.options.Logger.ErrorContext(ctx, "a request failed", "error", err, "request_id", requestOf(ctx).id)
	}
	return problem("internal")
}

// faulty is the problem of an input: 400 when only parameters are wrong, 422 when the body is, 428 when only the version is missing.
func faulty(faults []cardinal.Fault) *Problem {
	status := http.StatusBadRequest
	for _, f := range faults {
		if f.Parameter == "" {
			status = http.StatusUnprocessableEntity
		}
	}
	if len(faults) == 1 && faults[0].Code == "version_required" {
		return problem("version_required")
	}
	p := problem("validation_failed")
	p.Status, p.Errors = status, faults
	return p
}

func init() {
	huma.ValidateStrictCasing = true  // or Email and email would both be taken, one of them unseen
	huma.DefaultArrayNullable = false // lists are empty, never null
	// huma's own answer repeats the offending input, a password included; ours says where and what, never the value.
	huma.NewErrorWithContext = func(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
		p := inputProblem(ctx, status, message, errs)
		if ctx != nil {
			if id := requestOf(ctx.Context()).nullID(); id.Valid {
				p.RequestID = id.UUID.String()
			}
		}
		return p
	}
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return inputProblem(nil, status, message, errs)
	}
}

// inputProblem is the problem of an input that huma refused.
func inputProblem(ctx huma.Context, status int, message string, errs []error) *Problem {
	var faults []cardinal.Fault
	for _, err := range errs {
		var p *Problem
		var f *cardinal.Fault
		var d huma.ErrorDetailer
		switch {
		case errors.As(err, &p):
			return p
		case errors.As(err, &f):
			faults = append(faults, *f)
		case errors.As(err, &d):
			faults = append(faults, faultOf(ctx, d.ErrorDetail()))
		default:
			faults = append(faults, *cardinal.NewFault("field_format", "see /openapi.json"))
		}
	}
	if len(faults) > 0 {
		return faulty(append(eachOnce(faults), furtherFaults(ctx, faults)...))
	}
	switch status {
	case http.StatusNotAcceptable:
		return problem("not_acceptable", "application/json")
	case http.StatusRequestEntityTooLarge:
		return problem("body_too_large", "256 KiB")
	case http.StatusUnsupportedMediaType:
		return problem("media_type", "application/json")
	case http.StatusRequestTimeout:
		return problem("body_incomplete", "within 15 seconds")
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return problem("body_malformed", "send one JSON text")
	}
	return problem("internal")
}

// eachOnce leaves out what is said already: the form of an id, say, is looked at more than once.
func eachOnce(faults []cardinal.Fault) []cardinal.Fault {
	said := map[cardinal.Fault]bool{}
	return slices.DeleteFunc(faults, func(f cardinal.Fault) bool {
		f.Message = ""
		again := said[f]
		said[f] = true
		return again
	})
}

// furtherFaults are those that the rules find in the fields whose form is right, so that a client hears of everything at once.
func furtherFaults(ctx huma.Context, found []cardinal.Fault) []cardinal.Fault {
	if ctx == nil {
		return nil
	}
	k := deskOf(ctx.Context())
	rules, ok := ctx.Operation().Metadata[faultRules].(func(context.Context, directory.Desk, []byte) []cardinal.Fault)
	if !ok {
		return nil
	}
	said := map[string]bool{}
	for _, f := range found {
		said[f.Pointer] = f.Pointer != ""
	}
	return slices.DeleteFunc(rules(ctx.Context(), k.desk, k.body), func(f cardinal.Fault) bool { return said[f.Pointer] })
}

// faultRules names the operation's own finder of faults in its metadata.
const faultRules = "fault-rules"

// alsoBy lets an operation's rules look at a body whose form is wrong somewhere.
func alsoBy[B any](o huma.Operation, rules func(directory.Desk, context.Context, B) []cardinal.Fault) huma.Operation {
	o.Metadata[faultRules] = func(ctx context.Context, k directory.Desk, text []byte) []cardinal.Fault {
		var in B
		_ = json.Unmarshal(text, &in) // fields of another type stay empty, and are told of already
		return rules(k, ctx, in)
	}
	return o
}
