package api

import (
	"cardinal/internal/signin"
	"encoding/json"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"cardinal"
)

// sessionCheckRoute is the check that other services call at each of their own requests: a plain handler around one prepared
// statement, because what it costs, everything costs.
func (a *API) sessionCheckRoute() {
	o := op(http.MethodGet, "/v1/session", "check-session", "Sign-in", "Who the bearer of this token is, and until when")
	describe(&o)
	o.Responses["200"] = &huma.Response{Description: "The session is in force", Content: map[string]*huma.MediaType{
		"application/json": {Schema: a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[cardinal.SessionCheck](), true, "")}}}
	a.huma.OpenAPI().AddOperation(&o)
	a.mux.HandleFunc("GET /v1/session", a.checkSession(&o))
}

func (a *API) checkSession(o *huma.Operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		found, err := signin.CheckSession(r.Context(), a.directory, bearer(r))
		if err != nil {
			a.refuse(w, r, a.problemOf(r.Context(), err))
			return
		}
		if _, refused := a.input(w, r, o); refused != nil {
			a.refuse(w, r, refused)
			return
		}
		answer(w, found)
	}
}

// input is what admit and Strict ask of a request, for plain handlers: a query without unknown parameters, an Accept header that
// can be met, and a body or none.
func (a *API) input(w http.ResponseWriter, r *http.Request, o *huma.Operation) ([]byte, *Problem) {
	if accept := r.Header["Accept"]; accept != nil && !accepts(accept) {
		return nil, problem("not_acceptable", "application/json")
	}
	text, refused := a.body(w, r, o)
	if refused != nil {
		return nil, refused
	}
	if faults := queryFaults(r.URL.RawQuery, o); len(faults) > 0 {
		return nil, faulty(faults)
	}
	return text, nil
}

// answer writes a small JSON body.
func answer(w http.ResponseWriter, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	w.Header()["Content-Type"] = jsonType
	_, _ = w.Write(append(b, '\n')) // the client may be gone
}

var jsonType = []string{"application/json"}

// accessRoutes answer whether somebody may do something.
func (a *API) accessRoutes() {
	check := op(http.MethodPost, "/v1/access/check", "check-access", "Access", "Whether a user may do something; the caller, unless another is named", noReplays)
	a.describePlain(&check, reflect.TypeFor[cardinal.AccessQuestion](), reflect.TypeFor[cardinal.Access]())
	a.mux.HandleFunc("POST /v1/access/check", a.checkAccess(&check))
	register(a, op(http.MethodPost, "/v1/access/explain", "explain-access", "Access", "The same with reasons: by which role, granted by whom, until when", noReplays), a.explainAccess)
}

// describePlain documents an operation whose handler is not huma's, and keeps its schema for the check of the body.
func (a *API) describePlain(o *huma.Operation, in, out reflect.Type) {
	describe(o)
	registry := a.huma.OpenAPI().Components.Schemas
	o.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: registry.Schema(in, true, "")}}}
	o.Responses["200"] = &huma.Response{Description: "The answer", Content: map[string]*huma.MediaType{"application/json": {Schema: registry.Schema(out, true, "")}}}
	a.huma.OpenAPI().AddOperation(o)
}
