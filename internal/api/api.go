// Package api is the directory as JSON over HTTP: OpenAPI 3.1 out of the Go types, problems per RFC 9457, keyset pages, ETags
// from the version columns, and the default deny: an operation without a caller must say so.
package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
)

// Options is what the API needs beside the directory.
type Options struct {
	Version   string // of the program
	PublicURL string // where clients reach it; empty for wherever they came in
	Logger    *slog.Logger
}

// API is the handler of everything under /v1, of /openapi.json and of /problems.
type API struct {
	directory *directory.Directory
	options   Options
	mux       *http.ServeMux
	huma      huma.API
	uploads   uploadLimits
}

// New builds the API.
func New(d *directory.Directory, o Options) *API {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	a := &API{directory: d, options: o, mux: http.NewServeMux(), uploads: standardUploads}
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{Title: "Cardinal", Version: "v1", Description: "User management: identities, credentials, sessions, roles and permissions, and an audit log.\n\n" +
				"Changes within v1 only add: fields, operations and codes appear, none goes or changes its meaning."},
			Components: &huma.Components{Schemas: schemas(), SecuritySchemes: map[string]*huma.SecurityScheme{
				"bearer": {Type: "http", Scheme: "bearer", Description: "A session's token (cs_…) or an API key (ck_…)"}}},
			Security: []map[string][]string{{"bearer": {}}},
		},
		OpenAPIPath: "/openapi", Formats: map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json",
	}
	if o.PublicURL != "" {
		config.Servers = []*huma.Server{{URL: o.PublicURL}}
	}
	a.huma = humago.New(a.mux, config)
	a.huma.UseMiddleware(a.admit)
	a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
	a.routes()
	a.mux.HandleFunc("GET /problems/{code}", problemPage)
	a.mux.HandleFunc("GET /problems", problemIndex)
	return a
}

func (a *API) routes() {
	a.signInRoutes()
	a.sessionCheckRoute()
	a.userRoutes()
	a.accountRoutes()
	a.roleRoutes()
	a.permissionRoutes()
	a.accessRoutes()
	a.apiKeyRoutes()
	a.auditRoutes()
	a.settingRoutes()
	a.countryRoutes()
	a.statusRoutes()
	a.attributeRoutes()
	a.importRoutes()
}

// schemas names the JSON forms of types that reflection cannot see into.
func schemas() huma.Registry {
	r := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	r.RegisterTypeAlias(reflect.TypeFor[cardinal.Change[string]](), reflect.TypeFor[*string]())
	r.RegisterTypeAlias(reflect.TypeFor[cardinal.Change[bool]](), reflect.TypeFor[*bool]())
	r.RegisterTypeAlias(reflect.TypeFor[cardinal.Change[int64]](), reflect.TypeFor[*int64]())
	r.RegisterTypeAlias(reflect.TypeFor[cardinal.Change[map[string]any]](), reflect.TypeFor[map[string]any]())
	r.RegisterTypeAlias(reflect.TypeFor[uuid.UUID](), reflect.TypeFor[idForm]())
	r.RegisterTypeAlias(reflect.TypeFor[cardinal.Secret](), reflect.TypeFor[string]())
	return r
}

// OpenAPI returns the description of the API, for tests and for the golden file.
func (a *API) OpenAPI() *huma.OpenAPI { return a.huma.OpenAPI() }

// ServeHTTP answers a request; what no route fits is a problem too.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, pattern := a.mux.Handler(r); pattern != "" {
		a.mux.ServeHTTP(w, r)
		return
	}
	// The mux knows why it has no route: its own answer is asked for the status and the Allow header, and then retold.
	probe := &statusProbe{header: http.Header{}}
	a.mux.ServeHTTP(probe, r)
	switch {
	case probe.status == http.StatusMethodNotAllowed:
		w.Header().Set("Allow", probe.header.Get("Allow"))
		a.refuse(w, r, problem("method_not_allowed"))
	case probe.status >= 300 && probe.status < 400:
		http.Redirect(w, r, probe.header.Get("Location"), probe.status)
	default:
		a.refuse(w, r, problem("route_unknown"))
	}
}

type statusProbe struct {
	header http.Header
	status int
}

func (p *statusProbe) Header() http.Header         { return p.header }
func (p *statusProbe) WriteHeader(status int)      { p.status = status }
func (p *statusProbe) Write(b []byte) (int, error) { return len(b), nil }

// request is what the floor below knows of a request.
type request struct {
	id     uuid.UUID
	client cardinal.Client
}

type requestKey struct{}

// WithRequest puts a request's id and where it came from into its context; the server does it for every request.
func WithRequest(ctx context.Context, id uuid.UUID, from cardinal.Client) context.Context {
	return context.WithValue(ctx, requestKey{}, request{id, from})
}

func requestOf(ctx context.Context) request {
	r, _ := ctx.Value(requestKey{}).(request)
	return r
}

func (r request) nullID() uuid.NullUUID { return uuid.NullUUID{UUID: r.id, Valid: r.id != uuid.Nil} }

// The kinds of operation, by what is asked of a caller.
const (
	public    = "public"     // no caller is needed; whoever sends one is still a stranger
	noReplays = "no-replays" // an Idempotency-Key has no effect: nothing is changed, or the result is a secret
)

// reads names the permission that a much used operation reads by, so that it is asked for together with the session.
const reads = "reads"

// readBy notes by which permission an operation reads.
func readBy(permission string, o huma.Operation) huma.Operation {
	o.Metadata[reads] = permission
	return o
}

// op describes an operation. marks are public and noReplays.
func op(method, path, id, tag, summary string, marks ...string) huma.Operation {
	o := huma.Operation{Method: method, Path: path, OperationID: id, Tags: []string{tag}, Summary: summary, MaxBodyBytes: maxBody, Metadata: map[string]any{},
		BodyReadTimeout: -1} // admit has read it; a deadline that passes later is to net/http a client that hung up
	for _, mark := range marks {
		o.Metadata[mark] = true
	}
	if strings.HasPrefix(path, "/v1/users/{id}") {
		o.Parameters = []*huma.Param{userIDParameter}
	}
	if o.Metadata[public] == true {
		o.Security = []map[string][]string{}
	}
	switch method {
	case http.MethodPost:
		o.DefaultStatus = http.StatusOK
	case http.MethodDelete:
		o.DefaultStatus = http.StatusNoContent
	}
	return o
}

// created makes an operation answer 201.
func created(o huma.Operation) huma.Operation {
	o.DefaultStatus = http.StatusCreated
	return o
}

// checked is an input that refuses unknown parameters; every input embeds strict.
type checked interface{ isStrict() }

// register adds an operation. Its handler returns errors; one table turns their kinds into statuses.
func register[I any, P interface {
	*I
	checked
}, O any](a *API, o huma.Operation, handle func(ctx context.Context, k directory.Desk, in P) (*O, error)) {
	if _, hides := any(new(I)).(huma.Resolver); hides {
		panic("api: an embedded part of the input of " + o.OperationID + " hides the checks of the others; see Strict")
	}
	describe(&o)
	huma.Register(a.huma, o, func(ctx context.Context, in *I) (*O, error) {
		k := deskOf(ctx)
		out, err := handle(ctx, k.desk, P(in))
		if err != nil {
			return nil, a.problemOf(ctx, err)
		}
		if k.once != nil && k.once.Replayed {
			k.header.Set("Idempotent-Replayed", "true")
		}
		return out, nil
	})
	a.complete(o)
}

// complete says in the description what huma cannot know: which headers the operation itself asks for, and its other answers.
func (a *API) complete(o huma.Operation) {
	item := a.huma.OpenAPI().Paths[o.Path]
	for _, described := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete, item.Patch} {
		if described == nil || described.OperationID != o.OperationID {
			continue
		}
		for _, p := range described.Parameters {
			switch p.Name {
			case "If-Match":
				p.Required = true
			case "If-None-Match":
				described.Responses["304"] = &huma.Response{Description: "The client has it already"}
			}
		}
		if o.Method == http.MethodPatch { // the same body under either name
			described.RequestBody.Content["application/merge-patch+json"].Schema = described.RequestBody.Content["application/json"].Schema
		}
	}
}

// describe adds the answers that every operation can give.
func describe(o *huma.Operation) {
	o.Responses = map[string]*huma.Response{"default": {
		Description: "A problem (RFC 9457)",
		Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: &huma.Schema{Ref: "#/components/schemas/Problem"}}},
	}}
	if o.Method == http.MethodPatch {
		o.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/merge-patch+json": {}}}
	}
}

// etag is the strong validator of a version (RFC 9110, section 8.8.3).
func etag(version int64) string { return fmt.Sprintf(`"%d"`, version) }

// location is the path of something that was made.
func location(parts ...any) string {
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = fmt.Sprint(p)
	}
	return "/v1/" + strings.Join(texts, "/")
}
