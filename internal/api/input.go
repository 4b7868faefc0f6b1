package api

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
)

// Strict refuses query parameters that the operation does not have, each by name, and each given more than once.
//
// What checks or reads something by itself (huma.Resolver) always stands in a named field, here and below: as the method of an
// embedded part it would become the input's own, and huma would not look at the other parts any more.
type Strict struct{ Query Query }

func (Strict) isStrict() {}

// Query is the part of Strict that looks at the query.
type Query struct{}

// Resolve finds the parameters that are unknown, repeated or no text.
func (*Query) Resolve(ctx huma.Context) []error {
	target := ctx.URL()
	var faults []error
	for _, f := range queryFaults(target.RawQuery, ctx.Operation()) {
		faults = append(faults, &f)
	}
	for _, p := range ctx.Operation().Parameters {
		if p.In == "path" && !storable(ctx.Param(p.Name)) {
			faults = append(faults, asError(p.Name, "parameter_format", "use valid UTF-8 without NUL"))
		}
	}
	return faults
}

func asError(parameter, code string, values ...any) error {
	f := cardinal.ParameterFault(parameter, code, values...)
	return &f
}

// noFilters are the parameters of a list that do not narrow it.
var noFilters = []string{"limit", "after", "sort", "expand", "count"}

// queryFaults is what is wrong with a query, whatever the values mean.
func queryFaults(raw string, o *huma.Operation) []cardinal.Fault {
	if raw == "" {
		return nil
	}
	query, err := url.ParseQuery(raw)
	if err != nil {
		return []cardinal.Fault{{Parameter: "query", Code: "parameter_format", Message: "encode the query as application/x-www-form-urlencoded"}}
	}
	var known, many []string
	for _, p := range o.Parameters {
		if p.In == "query" {
			known = append(known, p.Name)
			if p.Explode != nil && *p.Explode {
				many = append(many, p.Name)
			}
		}
	}
	filters := slices.DeleteFunc(slices.Clone(known), func(name string) bool { return slices.Contains(noFilters, name) })
	var faults []cardinal.Fault
	for _, name := range slices.Sorted(maps.Keys(query)) {
		values := query[name]
		switch {
		case !slices.Contains(known, name):
			shown := name
			if name == "" || len(name) > 64 || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' }) {
				shown = "*"
			}
			message := suggest(shown, known)
			if slices.Contains(known, "limit") && len(filters) > 0 {
				message, _, _ = strings.Cut(message, " Known here")
				message += " This list has the filters " + strings.Join(filters, ", ") + "."
			}
			faults = append(faults, cardinal.ParameterFault(shown, "parameter_unknown", message))
		case len(values) > 1 && !slices.Contains(many, name):
			faults = append(faults, cardinal.ParameterFault(name, "parameter_repeated"))
		case slices.ContainsFunc(values, func(v string) bool { return !storable(v) }):
			faults = append(faults, cardinal.ParameterFault(name, "parameter_format", "use valid UTF-8 without NUL"))
		}
	}
	return faults
}

func storable(s string) bool {
	return strings.ToValidUTF8(s, "") == s && strings.IndexByte(s, 0) < 0
}

// nothing is the input of an operation that takes none.
type nothing struct{ Strict }

// body is an input that is only a body.
type body[B any] struct {
	Strict
	Body B
}

// owner is the user that a path names, or the caller below /me.
type owner interface {
	of(k directory.Desk) uuid.UUID
}

// ByID is the user whose id stands in the path. It reads the path by itself, because huma looks for parameters only in
// embedded parts, and a type parameter cannot be embedded.
type ByID struct{ UserID uuid.UUID }

// Resolve reads the id.
func (o *ByID) Resolve(ctx huma.Context) []error {
	id, err := uuid.Parse(ctx.Param("id"))
	if err != nil || !canonicalID.MatchString(ctx.Param("id")) {
		return []error{asError("id", "parameter_format", "use a UUID in its canonical form")}
	}
	o.UserID = id
	return nil
}

// canonicalID is the one form of an id, RFC 9562's: none of the others that parsers of UUIDs take, and not the nil UUID, which
// would read as no id at all.
var canonicalID = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$`)

// idForm is what the description says of every id, wherever one stands.
type idForm string

// Schema is that of an id.
func (idForm) Schema(huma.Registry) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString, Format: "uuid", Pattern: canonicalID.String(), PatternDescription: "a UUID in its canonical form"}
	s.PrecomputeMessages()
	return s
}

var userIDParameter = &huma.Param{Name: "id", In: "path", Required: true, Description: "Id of the user", Schema: idForm("").Schema(nil)}

func (o ByID) of(directory.Desk) uuid.UUID { return o.UserID }

// Me is the caller.
type Me struct{}

func (Me) of(k directory.Desk) uuid.UUID { return k.Actor().UserID }

// Versioned is the version that a change goes by (RFC 9110, section 13.1.1).
type Versioned struct {
	IfMatch string `header:"If-Match" doc:"ETag of what is changed, as it was read; required"`
	Wanted  Wanted
}

func (v Versioned) version() int64 { return v.Wanted.version }

// Wanted is the version in If-Match, read and asked for.
type Wanted struct{ version int64 }

// Resolve reads the version.
func (v *Wanted) Resolve(ctx huma.Context) []error {
	var lines []string // two lines are one list (RFC 9110, section 5.3), and a list is no version
	ctx.EachHeader(func(name, value string) {
		if name == "If-Match" {
			lines = append(lines, value)
		}
	})
	given := strings.Join(lines, ", ")
	if given == "" {
		return []error{asError("If-Match", "version_required")}
	}
	version, err := strconv.ParseInt(strings.Trim(given, `"`), 10, 64)
	if err != nil || version < 0 || etag(version) != given {
		return []error{asError("If-Match", "version_format")}
	}
	v.version = version
	return nil
}

// Conditional lets a client ask only for what it has not (RFC 9110, section 13.1.2).
type Conditional struct {
	IfNoneMatch string `header:"If-None-Match" doc:"ETag of what the client has; 304 when it is that still"`
}

// seen returns the answer 304 when the client has this version.
func (m Conditional) seen(version int64) error {
	for tag := range strings.SplitSeq(m.IfNoneMatch, ",") {
		if tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/"); tag == etag(version) || tag == "*" {
			p := problem("not_modified")
			p.header.Set("ETag", etag(version))
			return p
		}
	}
	return nil
}

// one is a single thing with its validator.
type one[T any] struct {
	ETag string `header:"ETag"`
	Body T
}

func single[T any](v T, version int64) *one[T] { return &one[T]{ETag: etag(version), Body: v} }

// made is a thing that was just made.
type made[T any] struct {
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     T
}

// plain is an answer without a validator.
type plain[T any] struct{ Body T }

// empty is an answer without a body.
type empty struct{}

// Replayable is what every POST that changes something takes.
type Replayable struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"A repeated request with the same key has one effect; kept a day"`
}

// posted is an input that is a body and may be repeated.
type posted[B any] struct {
	Strict
	Replayable
	Body B
}

// bare is a POST without a body that may be repeated.
type bare struct {
	Strict
	Replayable
}
