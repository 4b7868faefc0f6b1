package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/signin"
)

// maxBody is the size limit of a JSON body, in bytes.
const maxBody = 256 << 10

// requestState is what prepare found out about a request.
type requestState struct {
	desk   directory.Desk // of the caller
	once   *directory.IdempotentRequest
	header http.Header // of the response
	rate   *directory.Rate
	body   []byte
}

type stateKey struct{}

// stateOf returns the state of a prepared request. For any other it is empty, and every rule refuses the caller.
func stateOf(ctx context.Context) requestState {
	s, _ := ctx.Value(stateKey{}).(requestState)
	return s
}

// wrap is the middleware of every operation: it passes on a request that is authenticated and valid.
func (a *API) wrap(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	state, err := a.prepare(w, r, ctx.Operation())
	if err != nil {
		a.writeError(w, r, err)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(state.body))
	next(huma.WithValue(ctx, stateKey{}, state))
}

// prepare authenticates the caller, reads the body, and checks the request.
func (a *API) prepare(w http.ResponseWriter, r *http.Request, o *huma.Operation) (requestState, error) {
	desk, err := a.authenticate(r, o)
	if err != nil {
		return requestState{}, err
	}
	if !accepts(r.Header.Values("Accept"), jsonRanges) {
		return requestState{}, NewProblem("not_acceptable", "application/json")
	}
	body, err := readBody(w, r, o)
	if err != nil {
		return requestState{}, err
	}
	return a.check(w, r, o, desk, body)
}

// check returns the state of a valid request, or all errors of an invalid one. It is the only place where requests
// are validated.
func (a *API) check(w http.ResponseWriter, r *http.Request, o *huma.Operation, desk directory.Desk, body []byte,
) (requestState, error) {
	state := requestState{desk: desk, header: w.Header(), body: body}
	fieldErrors := a.validate(r, o, body)
	once, fieldError := idempotency(r, o, state)
	if fieldError != nil {
		fieldErrors = append(fieldErrors, *fieldError)
	}
	if r.Method != http.MethodGet {
		state.rate = new(directory.Rate)
		state.desk = state.desk.ReportRate(state.rate)
	}
	if len(fieldErrors) > 0 {
		return state, state.invalid(r.Context(), o, fieldErrors)
	}
	if once != nil {
		state.once, state.desk = once, state.desk.Idempotent(once)
	}
	return state, nil
}

// authenticate returns the desk of the caller. Only an operation marked as public does without a token.
func (a *API) authenticate(r *http.Request, o *huma.Operation) (directory.Desk, error) {
	from := requestOf(r.Context())
	if o.Metadata[public] == true {
		client, err := a.clientOf(r, from)
		return a.directory.As(cardinal.Anonymous(from.nullID(), client)), err
	}
	permission, _ := o.Metadata[readPermission].(string)
	return signin.AuthenticateReader(r.Context(), a.directory, bearer(r), permission, from.nullID(), from.client)
}

// bearer returns the token of the Authorization header (RFC 6750, section 2.1), or nothing.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// jsonRanges are the media ranges that include the media types of the API, the most specific last.
var jsonRanges = []string{"*/*", "application/*", "application/problem+json", "application/json"}

// rangesOf returns the media ranges that include a media type, the most specific last.
func rangesOf(mediaType string) []string {
	family, _, _ := strings.Cut(mediaType, "/")
	return []string{"*/*", family + "/*", mediaType}
}

// accepts reports whether the Accept headers of a client allow one of the ranges (RFC 9110, section 12.5.1). The most
// specific range decides. Without an Accept header, or with an empty one, the client accepts anything.
func accepts(headers, ranges []string) bool {
	accepted, decidedBy, empty := false, -1, true
	for part := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		empty = false
		mediaRange, parameters, err := mime.ParseMediaType(part)
		specificity := slices.Index(ranges, mediaRange)
		if err != nil || specificity < decidedBy || specificity < 0 {
			continue
		}
		weight := 1.0
		if q, given := parameters["q"]; given {
			weight, _ = strconv.ParseFloat(q, 64)
		}
		accepted, decidedBy = weight > 0, specificity
	}
	return accepted || empty
}

// readBody reads the body of a request and checks that it is one unambiguous JSON text.
func readBody(w http.ResponseWriter, r *http.Request, o *huma.Operation) ([]byte, error) {
	if o.RequestBody == nil {
		if r.ContentLength != 0 {
			// An unexpected body is not read: the connection is closed instead.
			w.Header().Set("Connection", "close")
			if n, _ := io.CopyN(io.Discard, r.Body, 1); n > 0 {
				return nil, NewProblem("body_unexpected")
			}
		}
		return nil, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, NewProblem("body_too_large", "256 KiB")
	case err != nil:
		return nil, NewProblem("body_incomplete", "15 seconds")
	case len(body) == 0:
		return nil, NewProblem("body_missing")
	}
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	_, known := o.RequestBody.Content[mediaType]
	if err != nil || !known && mediaType != "application/json" {
		expected := "application/json"
		if r.Method == http.MethodPatch {
			expected = "application/merge-patch+json"
			w.Header().Set("Accept-Patch", expected)
		}
		return nil, NewProblem("media_type", expected)
	}
	if defect := checkJSON(body); defect != "" {
		return nil, NewProblem("body_malformed", defect)
	}
	return body, nil
}
