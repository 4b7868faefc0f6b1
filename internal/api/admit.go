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
)

// maxBody is the longest body, in bytes.
const maxBody = 256 << 10

// atDesk is the caller's desk for one request.
type atDesk struct {
	desk   directory.Desk
	once   *directory.Once
	header http.Header
	body   []byte
}

type deskKey struct{}

func deskOf(ctx context.Context) atDesk {
	k, _ := ctx.Value(deskKey{}).(atDesk)
	return k // without admit, a zero desk: every rule refuses it
}

// admit is what every operation passes: who is calling, what they accept, and a body that is one unambiguous JSON text.
func (a *API) admit(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	desk, err := a.desk(r, ctx.Operation())
	if err != nil {
		a.refuse(w, r, a.problemOf(r.Context(), err))
		return
	}
	if !accepts(r.Header.Values("Accept")) {
		a.refuse(w, r, problem(http.StatusNotAcceptable, "not_acceptable", "Accept application/json"))
		return
	}
	body, refused := a.body(w, r, ctx.Operation())
	if refused != nil {
		a.refuse(w, r, refused)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	k := atDesk{desk: desk, header: w.Header(), body: body}
	if key := strings.Join(r.Header.Values("Idempotency-Key"), ", "); key != "" && r.Method == http.MethodPost && ctx.Operation().Metadata[noReplays] != true {
		if fault := badReplayKey(key, desk.Actor()); fault != nil {
			a.refuse(w, r, a.problemOf(r.Context(), &cardinal.Invalid{Faults: []cardinal.Fault{*fault}}))
			return
		}
		k.once = &directory.Once{Key: key, Route: r.Method + " " + ctx.Operation().Path, Path: r.URL.Path, Body: body}
		k.desk = k.desk.Once(k.once)
	}
	next(huma.WithValue(huma.WithValue(ctx, registryKey{}, a.huma.OpenAPI().Components.Schemas), deskKey{}, k))
}

// desk is that of who sent the request. An operation that is not marked public needs somebody.
func (a *API) desk(r *http.Request, o *huma.Operation) (directory.Desk, error) {
	from := requestOf(r.Context())
	if o.Metadata[public] == true {
		return a.directory.As(cardinal.Anonymous(from.nullID(), from.client)), nil
	}
	permission, _ := o.Metadata[reads].(string)
	return a.directory.Admit(r.Context(), bearer(r), permission, from.nullID(), from.client)
}

// bearer returns the token of the Authorization header (RFC 6750, section 2.1), or nothing.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// accepts reports whether a client takes JSON, or another media type (RFC 9110, section 12.5.1): the most specific range that fits
// decides. Without an Accept header, or with an empty one, it takes anything.
func accepts(values []string, other ...string) bool {
	ranges := []string{"*/*", "application/*", "application/problem+json", "application/json"}
	if len(other) == 1 {
		family, _, _ := strings.Cut(other[0], "/")
		ranges = []string{"*/*", family + "/*", other[0]}
	}
	taken, decided, silent := false, -1, true
	for part := range strings.SplitSeq(strings.Join(values, ","), ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		silent = false
		kind, parameters, err := mime.ParseMediaType(part)
		specific := slices.Index(ranges, kind)
		if err != nil || specific < decided || specific < 0 {
			continue
		}
		weight := 1.0
		if q, given := parameters["q"]; given {
			weight, _ = strconv.ParseFloat(q, 64)
		}
		taken, decided = weight > 0, specific
	}
	return taken || silent
}

// body reads the body and holds it to being JSON without ambiguity.
func (a *API) body(w http.ResponseWriter, r *http.Request, o *huma.Operation) ([]byte, *Problem) {
	if o.RequestBody == nil {
		if r.ContentLength != 0 {
			// A body that nobody asked for is not read: answering tells the client, closing spares the rest.
			w.Header().Set("Connection", "close")
			if n, _ := io.CopyN(io.Discard, r.Body, 1); n > 0 {
				return nil, problem(http.StatusBadRequest, "body_unexpected", "Send no body")
			}
		}
		return nil, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, problem(http.StatusRequestEntityTooLarge, "body_too_large", "Send at most 256 KiB")
	case err != nil:
		return nil, problem(http.StatusRequestTimeout, "body_incomplete", "Send the whole body within 15 seconds")
	case len(body) == 0:
		return nil, problem(http.StatusBadRequest, "body_missing", "Send a JSON body")
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	_, known := o.RequestBody.Content[kind]
	if err != nil || !known && kind != "application/json" {
		want := "application/json"
		if r.Method == http.MethodPatch {
			want = "application/merge-patch+json"
			w.Header().Set("Accept-Patch", want)
		}
		return nil, problem(http.StatusUnsupportedMediaType, "media_type", "Send "+want)
	}
	if bad := checkJSON(body); bad != "" {
		return nil, problem(http.StatusBadRequest, "body_malformed", "Send one JSON text without faults: "+bad)
	}
	return body, nil
}

// badReplayKey says what is wrong with an Idempotency-Key. A stranger's must be one that nobody else would choose: the scope
// of a known caller is their own.
func badReplayKey(key string, actor cardinal.Actor) *cardinal.Fault {
	fault := func(message string) *cardinal.Fault {
		return &cardinal.Fault{Parameter: "Idempotency-Key", Code: "idempotency_key_format", Message: message}
	}
	if len(key) > 255 || strings.ContainsFunc(key, func(r rune) bool { return r < 0x21 || r > 0x7e }) {
		return fault("Use at most 255 printable ASCII characters without spaces")
	}
	if !actor.Known() && len(key) < 22 {
		return fault("Use at least 22 random characters, such as a UUID")
	}
	return nil
}
