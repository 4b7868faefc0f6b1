package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/access"
	"cardinal/internal/directory"
	"cardinal/internal/signin"
)

func (a *API) accessRoutes() {
	check := op(http.MethodPost, "/v1/access/check", "check-access", "Access",
		"Check whether a user has a permission: the caller, unless the body names another user", noIdempotency)
	describe(&check)
	question := a.jsonContent(reflect.TypeFor[cardinal.AccessQuestion]())
	check.RequestBody = &huma.RequestBody{Required: true, Content: question}
	content := a.jsonContent(reflect.TypeFor[cardinal.Access]())
	a.describePlain(&check, "200", &huma.Response{Description: "The answer", Content: content})
	a.mux.HandleFunc("POST /v1/access/check", a.checkAccess(&check))
	register(a, op(http.MethodPost, "/v1/access/explain", "explain-access", "Access",
		"Explain whether a user has a permission: the roles, who granted them, and their expiry", noIdempotency),
		func(ctx context.Context, desk directory.Desk, in *bodyInput[cardinal.AccessQuestion],
		) (*response[cardinal.AccessExplained], error) {
			explained, err := access.Explain(ctx, desk, in.Body)
			return &response[cardinal.AccessExplained]{Body: explained}, err
		})
}

// checkAccess is called as often as the check of a session, so it is a plain handler too, with a fast path: a valid
// question of a session about its own user needs one prepared statement. Any other question is checked like every
// request.
func (a *API) checkAccess(o *huma.Operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		access, err := a.access(w, r, o)
		if err != nil {
			a.writeError(w, r, err)
			return
		}
		writeJSON(w, access)
	}
}

func (a *API) access(w http.ResponseWriter, r *http.Request, o *huma.Operation) (cardinal.Access, error) {
	accepted := accepts(r.Header["Accept"], jsonRanges)
	body, bodyErr := readBody(w, r, o)
	if question, ok := parseQuestion(body); ok && bodyErr == nil && accepted && r.URL.RawQuery == "" {
		if token := bearer(r); question.UserID == uuid.Nil && directory.IsSessionToken(token) {
			return signin.CheckSessionAccess(r.Context(), a.directory, token, question.Permission)
		}
	}
	desk, err := a.authenticate(r, o) // before all other errors, as in prepare
	switch {
	case err != nil:
		return cardinal.Access{}, err
	case !accepted:
		return cardinal.Access{}, NewProblem("not_acceptable", "application/json")
	case bodyErr != nil:
		return cardinal.Access{}, bodyErr
	}
	if _, err := a.check(w, r, o, desk, body); err != nil {
		return cardinal.Access{}, err
	}
	var question cardinal.AccessQuestion
	if err := json.Unmarshal(body, &question); err != nil {
		return cardinal.Access{}, decodingProblem([]error{err})
	}
	return access.Check(r.Context(), desk, question)
}

// parseQuestion returns the question in a body, and whether it is certainly valid.
func parseQuestion(body []byte) (cardinal.AccessQuestion, bool) {
	var question cardinal.AccessQuestion
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&question)
	isValid := err == nil && question.Permission != "" && len(question.Permission) <= 64 && hasExactNames(body)
	return question, isValid
}

// hasExactNames reports whether the names are written as documented, and an id in its canonical form: encoding/json
// ignores the case of letters, and UUIDs have other forms.
func hasExactNames(body []byte) bool {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return false
	}
	for name, value := range fields {
		switch name {
		case "permission":
		case "user_id":
			var id *string
			if json.Unmarshal(value, &id) != nil || id != nil && !canonicalID.MatchString(*id) {
				return false
			}
		default:
			return false
		}
	}
	return true
}
