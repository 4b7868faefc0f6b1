package api

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/signin"
)

// sessionCheckRoute adds the check that other services call for each of their own requests. Its cost is paid by every
// request of those services, so its handler is plain, around one prepared statement.
func (a *API) sessionCheckRoute() {
	o := op(http.MethodGet, "/v1/session", "check-session", "Sign-in", "Check a session token: its user and its expiry")
	describe(&o)
	content := a.jsonContent(reflect.TypeFor[cardinal.SessionCheck]())
	a.describePlain(&o, "200", &huma.Response{Description: "The session is valid", Content: content})
	a.mux.HandleFunc("GET /v1/session", a.checkSession(&o))
}

func (a *API) checkSession(o *huma.Operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		found, err := signin.CheckSession(r.Context(), a.directory, bearer(r))
		if err == nil && !accepts(r.Header["Accept"], jsonRanges) {
			err = NewProblem("not_acceptable", "application/json")
		}
		if err == nil {
			_, err = readBody(w, r, o) // there is none
		}
		if err == nil {
			err = cardinal.FieldErrors(a.validate(r, o, nil)).Err()
		}
		if err != nil {
			a.writeError(w, r, err)
			return
		}
		writeJSON(w, found)
	}
}

// confirmRoute adds the confirmation of the caller's session.
func (a *API) confirmRoute() {
	register(a, op(http.MethodPost, "/v1/session/confirm", "confirm-session", "Sign-in",
		"Confirm the session of the caller with the password: changes that affect access need this, or a sign-in, "+
			"not long ago", noIdempotency),
		func(ctx context.Context, desk directory.Desk, in *bodyInput[cardinal.SessionConfirmation],
		) (*response[cardinal.SessionConfirmed], error) {
			confirmed, err := signin.Confirm(ctx, desk, in.Body)
			return &response[cardinal.SessionConfirmed]{Body: confirmed}, err
		})
}

func sessionRoutes[O owner](a *API, prefix, name string) {
	register(a, op(http.MethodGet, prefix+"/sessions", "list-"+name+"-sessions", "Sessions",
		"List sessions, with those that ended"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			Paging
			Sorting
			Owner O
		}) (*listed[cardinal.Session], error) {
			read := func(ctx context.Context, page cardinal.Page) (cardinal.List[cardinal.Session], error) {
				return desk.Sessions(ctx, in.Owner.userID(desk), page)
			}
			sessionID := func(s cardinal.Session) uuid.UUID { return s.ID }
			return listPage(ctx, a, &in.Paging, in.descending(), read, sessionID)
		})
	register(a, op(http.MethodDelete, prefix+"/sessions/{session_id}", "end-"+name+"-session", "Sessions",
		"End a session"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			Owner     O
			SessionID uuid.UUID `path:"session_id" format:"uuid" doc:"Id of the session"`
		}) (*noContent, error) {
			return nil, desk.EndSession(ctx, in.Owner.userID(desk), in.SessionID)
		})
	register(a, op(http.MethodDelete, prefix+"/sessions", "end-"+name+"-sessions", "Sessions",
		"End all sessions. The session of the caller continues, unless everywhere=true"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			Owner      O
			Everywhere bool `query:"everywhere" doc:"End the session of the caller, too"`
		}) (*noContent, error) {
			return nil, desk.EndSessions(ctx, in.Owner.userID(desk), in.Everywhere)
		})
}
