package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/signin"
)

// checkAccess is asked as often as sessions are checked, so its handler is plain too: a body that is right at once is not
// walked a second time, and one that is not goes the long way round to hear all its faults.
func (a *API) checkAccess(o *huma.Operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		text, refused := a.input(w, r, o)
		var question cardinal.AccessQuestion
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		right := refused == nil && decoder.Decode(&question) == nil && question.Permission != "" && len(question.Permission) <= 64 && exact(text)
		if token := bearer(r); right && question.UserID == uuid.Nil && directory.IsSessionToken(token) {
			a.answerAccess(w, r)(signin.CheckSessionAccess(r.Context(), a.directory, token, question.Permission))
			return
		}
		k, err := a.desk(r, o) // who is not known hears that, whatever else is wrong
		switch {
		case err != nil:
			a.refuse(w, r, a.problemOf(r.Context(), err))
		case refused != nil:
			a.refuse(w, r, refused)
		case !right:
			a.refuse(w, r, a.bodyFaults(o, text))
		default:
			a.answerAccess(w, r)(k.CheckAccess(r.Context(), question))
		}
	}
}

func (a *API) answerAccess(w http.ResponseWriter, r *http.Request) func(cardinal.Access, error) {
	return func(access cardinal.Access, err error) {
		if err != nil {
			a.refuse(w, r, a.problemOf(r.Context(), err))
			return
		}
		answer(w, access)
	}
}

// exact reports whether the names are spelled as documented and an id has its one form: encoding/json also takes other cases of
// letters, and UUIDs have other forms.
func exact(text []byte) bool {
	var names map[string]json.RawMessage
	if json.Unmarshal(text, &names) != nil {
		return false
	}
	for name, value := range names {
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

// bodyFaults is the problem of a body that does not fit an operation's schema, with every fault.
func (a *API) bodyFaults(o *huma.Operation, text []byte) *Problem {
	registry := a.huma.OpenAPI().Components.Schemas
	var parsed any
	if err := json.Unmarshal(text, &parsed); err != nil {
		return problem("body_malformed", "send one JSON text")
	}
	found := &huma.ValidateResult{}
	path := huma.NewPathBuffer([]byte{}, 0)
	path.Push("body")
	huma.Validate(registry, o.RequestBody.Content["application/json"].Schema, path, huma.ModeWriteToServer, parsed, found)
	var faults []cardinal.Fault
	for _, err := range found.Errors {
		var d huma.ErrorDetailer
		if errors.As(err, &d) {
			f := faultOf(nil, d.ErrorDetail())
			if f.Code == "field_unknown" {
				f = fieldFault(f.Pointer, f.Code, suggest(strings.TrimPrefix(f.Pointer, "/"), []string{"permission", "user_id"}))
			}
			faults = append(faults, f)
		}
	}
	faults = eachOnce(faults)
	if len(faults) == 0 {
		faults = append(faults, fieldFault("/permission", "field_missing"))
	}
	return faulty(faults)
}

func (a *API) explainAccess(ctx context.Context, k directory.Desk, in *body[cardinal.AccessQuestion]) (*plain[cardinal.AccessExplained], error) {
	explained, err := k.ExplainAccess(ctx, in.Body)
	return &plain[cardinal.AccessExplained]{Body: explained}, err
}
