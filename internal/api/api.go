// Package api serves the directory as JSON over HTTP: OpenAPI 3.1 from the Go types, problems (RFC 9457), keyset
// pages, ETags from the version columns. Access is denied by default: only an operation marked as public serves
// anonymous callers.
package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
)

// Options is what the API needs in addition to the directory.
type Options struct {
	Version   string // of the program
	PublicURL string // where clients reach it; empty for the address of the request
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

const apiDescription = "User management: identities, credentials, sessions, roles and permissions, " +
	"and an audit log.\n\n" +
	"Texts are normalised before they are stored. A limit in the description of a field is for its normal form; " +
	"maxLength is for the text as it is sent.\n\n" +
	"Changes within v1 only add fields, operations and codes. None is removed, and none changes its meaning."

// New builds the API.
func New(d *directory.Directory, o Options) *API {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	a := &API{directory: d, options: o, mux: http.NewServeMux(), uploads: standardUploads}
	bearer := &huma.SecurityScheme{Type: "http", Scheme: "bearer",
		Description: "The token of a session (cs_…) or an API key (ck_…)"}
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "Cardinal", Version: "v1", Description: apiDescription},
			Components: &huma.Components{
				Schemas:         schemas(),
				SecuritySchemes: map[string]*huma.SecurityScheme{"bearer": bearer},
			},
			Security: []map[string][]string{{"bearer": {}}},
		},
		OpenAPIPath: "/openapi",
		Formats: map[string]huma.Format{
			"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat,
		},
		DefaultFormat: "application/json",
	}
	if o.PublicURL != "" {
		config.Servers = []*huma.Server{{URL: o.PublicURL}}
	}
	a.huma = humago.New(a.mux, config)
	a.huma.UseMiddleware(a.wrap)
	a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
	a.routes()
	a.mux.HandleFunc("GET /problems/{code}", problemPage)
	a.mux.HandleFunc("GET /problems", problemIndex)
	a.mux.HandleFunc("/", a.noRoute)
	return a
}

func (a *API) routes() {
	a.signUpRoutes()
	a.setUpRoutes()
	a.signInRoutes()
	a.sessionCheckRoute()
	a.confirmRoute()
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

// schemas sets the JSON forms of types that reflection cannot find out.
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

// anyPath is the pattern of the route for everything that no other route matches.
const anyPath = "/"

// ServeHTTP answers a request. It sets r.Pattern to the pattern of the route, or to "" when no route matches.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.RequestURI == "*" { // ServeMux answers OPTIONS * itself, and not with a problem
		a.writeError(w, r, NewProblem("route_unknown"))
		return
	}
	if r.URL.Path == searchPath && r.Method != http.MethodPost { // which ServeMux would take for the id of a user
		w.Header().Set("Allow", http.MethodPost)
		a.writeError(w, r, NewProblem("method_not_allowed"))
		return
	}
	a.mux.ServeHTTP(w, r)
	if r.Pattern == anyPath {
		r.Pattern = ""
	}
}

// noRoute answers a request that no other route matches: 405 when the path has routes for other methods, 404 otherwise.
func (a *API) noRoute(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{"DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"} {
		other := &http.Request{Method: method, URL: r.URL, Host: r.Host}
		if _, pattern := a.mux.Handler(other); pattern != anyPath {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		a.writeError(w, r, NewProblem("route_unknown"))
		return
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	a.writeError(w, r, NewProblem("method_not_allowed"))
}

// request is what the directory records about a request.
type request struct {
	id     uuid.UUID
	client cardinal.Client
}

type requestKey struct{}

// WithRequest adds the id and the origin of a request to its context. The server calls it for every request.
func WithRequest(ctx context.Context, id uuid.UUID, from cardinal.Client) context.Context {
	return context.WithValue(ctx, requestKey{}, request{id, from})
}

func requestOf(ctx context.Context) request {
	r, _ := ctx.Value(requestKey{}).(request)
	return r
}

func (r request) nullID() uuid.NullUUID { return uuid.NullUUID{UUID: r.id, Valid: r.id != uuid.Nil} }

// Marks of operations, in their metadata.
const (
	public        = "public"         // every caller is anonymous, with or without a token
	noIdempotency = "no-idempotency" // an Idempotency-Key has no effect: nothing is changed, or the result is a secret
)

// readPermission is the permission that a frequent operation needs, in its metadata: it is read together with the
// session.
const readPermission = "read-permission"

// withReadPermission sets the permission that an operation needs.
func withReadPermission(permission string, o huma.Operation) huma.Operation {
	o.Metadata[readPermission] = permission
	return o
}

// op describes an operation. marks are public and noIdempotency.
func op(method, path, id, tag, summary string, marks ...string) huma.Operation {
	o := huma.Operation{
		Method: method, Path: path, OperationID: id, Tags: []string{tag}, Summary: summary, Metadata: map[string]any{},
		// The request is validated and its body is read before huma decodes it.
		SkipValidateParams: true, SkipValidateBody: true, MaxBodyBytes: -1,
		// No deadline: net/http treats one that passes later, while the answer is made, as a client that hung up.
		BodyReadTimeout: -1,
	}
	for _, mark := range marks {
		o.Metadata[mark] = true
	}
	if strings.HasPrefix(path, "/v1/users/{id}") {
		o.Parameters = []*huma.Param{userIDParameter()}
	}
	if o.Metadata[public] == true {
		o.Security = []map[string][]string{}
		o.Parameters = []*huma.Param{clientParameter()}
	}
	switch method {
	case http.MethodPost:
		o.DefaultStatus = http.StatusOK
	case http.MethodDelete:
		o.DefaultStatus = http.StatusNoContent
	}
	return o
}

func userIDParameter() *huma.Param {
	schema := idForm("").Schema(nil)
	return &huma.Param{Name: "id", In: "path", Required: true, Description: "Id of the user", Schema: schema}
}

// created sets the status of an operation that creates something: 201.
func created(o huma.Operation) huma.Operation {
	o.DefaultStatus = http.StatusCreated
	return o
}

// register adds an operation. wrap authenticates and validates its requests. Its handler returns errors; one table
// converts their kinds to statuses.
func register[I, O any](a *API, o huma.Operation, handle func(context.Context, directory.Desk, *I) (*O, error)) {
	if _, hides := any(new(I)).(huma.Resolver); hides {
		panic("api: an embedded part of the input of " + o.OperationID + " hides the Resolvers of the others")
	}
	describe(&o)
	huma.Register(a.huma, o, func(ctx context.Context, in *I) (*O, error) {
		state := stateOf(ctx)
		out, err := handle(ctx, state.desk, in)
		state.writeRate()
		if err != nil {
			return nil, a.problemOf(ctx, err)
		}
		if state.once != nil && state.once.Replayed {
			state.header.Set("Idempotent-Replayed", "true")
		}
		return out, nil
	})
	a.complete(o)
}

// complete adds to the description what huma cannot know: the headers that the operation requires, and its other
// answers.
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
				described.Responses["304"] = &huma.Response{Description: "The client has this version already"}
			}
		}
		if o.Method == http.MethodPatch { // the same body under both media types
			content := described.RequestBody.Content
			content["application/merge-patch+json"].Schema = content["application/json"].Schema
		}
	}
}

// deprecate marks parameters of an operation in the description.
func (a *API) deprecate(o huma.Operation, names []string) {
	for _, p := range a.huma.OpenAPI().Paths[o.Path].Get.Parameters {
		p.Deprecated = p.Deprecated || slices.Contains(names, p.Name)
	}
}

// describe adds the answers that every operation can give.
func describe(o *huma.Operation) {
	schema := &huma.Schema{Ref: "#/components/schemas/Problem"}
	o.Responses = map[string]*huma.Response{"default": {
		Description: "A problem (RFC 9457)",
		Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: schema}},
	}}
	if o.Method == http.MethodPatch {
		content := map[string]*huma.MediaType{"application/merge-patch+json": {}}
		o.RequestBody = &huma.RequestBody{Required: true, Content: content}
	}
}

// describePlain adds an operation whose handler is not huma's to the description.
func (a *API) describePlain(o *huma.Operation, status string, answer *huma.Response) {
	o.Responses[status] = answer
	a.huma.OpenAPI().AddOperation(o)
}

// jsonContent describes a body of a Go type.
func (a *API) jsonContent(t reflect.Type) map[string]*huma.MediaType {
	schema := a.huma.OpenAPI().Components.Schemas.Schema(t, true, "")
	return map[string]*huma.MediaType{"application/json": {Schema: schema}}
}

// etag returns the strong validator of a version (RFC 9110, section 8.8.3).
func etag(version int64) string { return fmt.Sprintf(`"%d"`, version) }

// location returns the path of a created object.
func location(parts ...any) string {
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = fmt.Sprint(p)
	}
	return "/v1/" + strings.Join(texts, "/")
}
