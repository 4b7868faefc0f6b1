package api

import (
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
)

// The parts of the inputs of operations. A part that reads the request itself (a huma.Resolver) is always a named
// field: the method of an embedded part would become the method of the input, and huma would not look at the other
// parts any more.

// noInput is the input of an operation that takes none.
type noInput struct{}

// bodyInput is an input that is only a body.
type bodyInput[B any] struct{ Body B }

// owner is the user that a path names, or the caller below /me.
type owner interface {
	userID(desk directory.Desk) uuid.UUID
}

// ByID is the user whose id is in the path. It reads the path itself: huma looks for parameters only in embedded
// parts, and a type parameter cannot be embedded.
type ByID struct{ UserID uuid.UUID }

// Resolve reads the id.
func (o *ByID) Resolve(ctx huma.Context) []error {
	id, err := uuid.Parse(ctx.Param("id"))
	if err != nil {
		fieldError := cardinal.ParameterError("id", "parameter_format", useCanonicalID)
		return []error{&fieldError}
	}
	o.UserID = id
	return nil
}

const (
	canonicalIDForm = "a UUID in its canonical form"
	useCanonicalID  = "Use " + canonicalIDForm + "."
)

// canonicalID is the only form of an id, that of RFC 9562. It excludes the other forms that parsers of UUIDs accept,
// and the nil UUID, which would mean that there is no id.
var canonicalID = regexp.MustCompile(
	`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$`)

// idForm has the schema of all ids.
type idForm string

// Schema returns the schema of an id.
func (idForm) Schema(huma.Registry) *huma.Schema {
	s := *idSchema() // huma changes what it gets
	return &s
}

// idSchema compiles its pattern only once: every path has an id.
var idSchema = sync.OnceValue(func() *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString, Format: "uuid"}
	s.Pattern, s.PatternDescription = canonicalID.String(), canonicalIDForm
	s.PrecomputeMessages()
	return s
})

func (o ByID) userID(directory.Desk) uuid.UUID { return o.UserID }

// Me is the caller.
type Me struct{}

func (Me) userID(desk directory.Desk) uuid.UUID { return desk.Actor().UserID }

// Versioned is the version that a change is based on (RFC 9110, section 13.1.1).
type Versioned struct {
	IfMatch string `header:"If-Match" doc:"ETag of what is changed, as it was read. Required"`
	Match   IfMatchVersion
}

func (v Versioned) version() int64 { return v.Match.version }

// IfMatchVersion is the version that If-Match contains.
type IfMatchVersion struct{ version int64 }

// Resolve reads the version.
func (v *IfMatchVersion) Resolve(ctx huma.Context) []error {
	r, _ := humago.Unwrap(ctx)
	version, fieldError := parseIfMatch(header(r.Header, "If-Match"))
	if fieldError != nil {
		return []error{fieldError}
	}
	v.version = version
	return nil
}

// parseIfMatch returns the version in the value of If-Match. It must be one strong ETag, not a list.
func parseIfMatch(value string) (int64, *cardinal.FieldError) {
	if value == "" {
		fieldError := cardinal.ParameterError("If-Match", "version_required")
		return 0, &fieldError
	}
	version, err := strconv.ParseInt(strings.Trim(value, `"`), 10, 64)
	if err != nil || version < 0 || etag(version) != value {
		fieldError := cardinal.ParameterError("If-Match", "version_format")
		return 0, &fieldError
	}
	return version, nil
}

// Conditional lets a client ask only for a version that it does not have (RFC 9110, section 13.1.2).
type Conditional struct {
	IfNoneMatch string `header:"If-None-Match" doc:"ETag that the client has. If it is current, the answer is 304"`
}

// notModified returns the answer 304 when the client has this version.
func (c Conditional) notModified(version int64) error {
	for tag := range strings.SplitSeq(c.IfNoneMatch, ",") {
		if tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/"); tag == etag(version) || tag == "*" {
			p := NewProblem("not_modified")
			p.header.Set("ETag", etag(version))
			return p
		}
	}
	return nil
}

// postInput is an input that is a body and can be repeated.
type postInput[B any] struct {
	IdempotentInput
	Body B
}

// emptyPost is a POST without a body that can be repeated.
type emptyPost struct{ IdempotentInput }

// etagResponse is an object with its ETag.
type etagResponse[T any] struct {
	ETag string `header:"ETag"`
	Body T
}

func okWithETag[T any](v T, version int64) *etagResponse[T] {
	return &etagResponse[T]{ETag: etag(version), Body: v}
}

// okIfModified answers with an object, or with 304 when the client has this version. It passes on err.
func okIfModified[T any](c Conditional, v T, version int64, err error) (*etagResponse[T], error) {
	if err != nil {
		return nil, err
	}
	if err := c.notModified(version); err != nil {
		return nil, err
	}
	return okWithETag(v, version), nil
}

// createdResponse is an object that was just created.
type createdResponse[T any] struct {
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     T
}

// response is an answer without an ETag.
type response[T any] struct{ Body T }

// noContent is an answer without a body.
type noContent struct{}
