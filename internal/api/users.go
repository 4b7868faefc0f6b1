package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
)

// Expanding lets a user come with their profile.
type Expanding struct {
	Expand string `query:"expand" enum:"profile" doc:"profile puts the profile beside the user"`
}

type listUsersInput struct {
	Strict
	Paging
	Sorting
	Expanding
	Email        string          `query:"email" maxLength:"1000" doc:"Exact address, in any spelling"`
	Status       string          `query:"status" maxLength:"32" doc:"One of /v1/statuses"`
	Kind         string          `query:"kind" maxLength:"32" doc:"person or service; operator, system and anonymous with built_in=true"`
	Role         uuid.UUID       `query:"role" format:"uuid" doc:"Holders of this role, by id"`
	CreatedFrom  time.Time       `query:"created[gte]" doc:"Made then or later (RFC 3339)"`
	CreatedUntil time.Time       `query:"created[lt]" doc:"Made before then (RFC 3339)"`
	BuiltIn      bool            `query:"built_in" doc:"Show the built-in actors too"`
	Search       string          `query:"q" maxLength:"200" doc:"Words that names, user names or e-mail addresses begin with, accents and case aside; a whole domain behind @"`
	Attributes   AttributeValues `query:"attributes" maxLength:"2000" doc:"Searchable attributes by exact value: a JSON object like {\"team\":\"red\"}"`
	Count        bool            `query:"count" doc:"Count the users of all pages: exactly up to 10,000, beyond by an estimate"`
}

// AttributeValues are the attributes that people are searched by, as JSON.
type AttributeValues string

// Resolve refuses what is no JSON object of few attributes.
func (v *AttributeValues) Resolve(huma.Context) []error {
	if values := v.values(); *v == "" || len(values) > 0 && len(values) <= 5 {
		return nil
	}
	return []error{&faultError{cardinal.Fault{Parameter: "attributes", Code: "parameter_format", Message: `Give a JSON object of one to five attributes, like {"team":"red"}`}}}
}

func (v *AttributeValues) values() (values map[string]any) {
	if checkJSON([]byte(*v)) != "" || json.Unmarshal([]byte(*v), &values) != nil {
		return nil
	}
	return values
}

// listedUsers is a page of users, with how many there are in all when that is asked for.
type listedUsers struct {
	Link string `header:"Link"`
	Body struct {
		Data    []cardinal.User `json:"data"`
		HasMore bool            `json:"has_more" doc:"A page can be short, or empty, and yet not the last"`
		Next    string          `json:"next,omitempty" doc:"Path of the next page"`
		Count   *cardinal.Count `json:"count,omitempty" doc:"Only with count=true"`
	}
}

func (a *API) userRoutes() {
	register(a, readBy("users.read", op(http.MethodGet, "/v1/users", "list-users", "Users", "List users")), a.listUsers)
	register(a, alsoBy(created(op(http.MethodPost, "/v1/users", "create-user", "Users", "Make a person or a service")), directory.Desk.NewUserFaults), a.createUser)
	userItemRoutes[ByID](a, "/v1/users/{id}", "user", "Users")
	register(a, op(http.MethodPost, "/v1/users/{id}/suspend", "suspend-user", "Users", "Lock a user out and end all their sessions"), moveUser(directory.Desk.SuspendUser))
	register(a, op(http.MethodPost, "/v1/users/{id}/reactivate", "reactivate-user", "Users", "Let a suspended user in again"), moveUser(directory.Desk.ReactivateUser))
	register(a, op(http.MethodPost, "/v1/users/{id}/restore", "restore-user", "Users", "Take a soft deletion back"), moveUser(directory.Desk.RestoreUser))
	register(a, op(http.MethodPut, "/v1/users/{id}/password", "set-password", "Passwords", "Set a user's password or require a change, and end all their sessions"), setPassword)
	register(a, op(http.MethodPost, "/v1/users/{id}/roles", "grant-role", "Roles", "Grant a role, or change until when"), grantRole)
	register(a, op(http.MethodDelete, "/v1/users/{id}/roles/{role_id}", "revoke-role", "Roles", "Revoke a role"), revokeRole)
	belowUserRoutes[ByID](a, "/v1/users/{id}", "user")
}

// accountRoutes are the same for the caller.
func (a *API) accountRoutes() {
	userItemRoutes[Me](a, "/v1/me", "me", "My account")
	register(a, op(http.MethodPut, "/v1/me/password", "change-my-password", "Passwords", "Change the own password and end all other sessions"),
		func(ctx context.Context, k directory.Desk, in *body[cardinal.PasswordChange]) (*one[cardinal.PasswordState], error) {
			state, err := k.ChangePassword(ctx, in.Body)
			return single(state, state.Version), err
		})
	belowUserRoutes[Me](a, "/v1/me", "me")
}

func (a *API) listUsers(ctx context.Context, k directory.Desk, in *listUsersInput) (*listedUsers, error) {
	page, err := in.page(a.directory, in.descending())
	if err != nil {
		return nil, err
	}
	filter := cardinal.UserFilter{Page: page, Email: in.Email, Status: in.Status, Kind: in.Kind, RoleID: in.Role, CreatedFrom: in.CreatedFrom,
		CreatedUntil: in.CreatedUntil, BuiltIn: in.BuiltIn, Search: in.Search, Attributes: in.Attributes.values()}
	found, err := k.Users(ctx, filter, in.Expand == "profile")
	if err != nil {
		return nil, err
	}
	plain := list(a.directory, &in.Paging, found, func(u cardinal.User) uuid.UUID { return u.ID })
	out := &listedUsers{Link: plain.Link}
	out.Body.Data, out.Body.HasMore, out.Body.Next = plain.Body.Data, plain.Body.HasMore, plain.Body.Next
	if in.Count {
		count, err := k.CountUsers(ctx, filter)
		if err != nil {
			return nil, err
		}
		out.Body.Count = &count
	}
	return out, nil
}

func (a *API) createUser(ctx context.Context, k directory.Desk, in *posted[cardinal.NewUser]) (*made[cardinal.User], error) {
	user, err := k.CreateUser(ctx, in.Body)
	return &made[cardinal.User]{ETag: etag(user.Version), Location: location("users", user.ID), Body: user}, err
}

// userItemRoutes are what one does with one user: the one that a path names, or the caller.
func userItemRoutes[O owner](a *API, prefix, name, tag string) {
	register(a, op(http.MethodGet, prefix, "get-"+name, tag, "Read the user"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Conditional
			Expanding
			Owner O
		}) (*one[cardinal.User], error) {
			user, err := k.User(ctx, in.Owner.of(k), in.Expand == "profile")
			if err != nil {
				return nil, err
			}
			if in.Expand == "" { // the profile has a version of its own, which the user's does not tell
				if err := in.seen(user.Version); err != nil {
					return nil, err
				}
			}
			return single(user, user.Version), nil
		})
	register(a, op(http.MethodPatch, prefix, "update-"+name, tag, "Change the user's profile under the user's version"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Versioned
			Owner O
			Body  cardinal.UserChange
		}) (*one[cardinal.User], error) {
			user, err := k.UpdateUser(ctx, in.Owner.of(k), in.version(), in.Body)
			return single(user, user.Version), err
		})
	register(a, op(http.MethodDelete, prefix, "delete-"+name, tag, "Soft-delete the user and end all their sessions"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Versioned
			Owner O
		}) (*empty, error) {
			_, err := k.DeleteUser(ctx, in.Owner.of(k), in.version())
			return nil, err
		})
}

type moveUserInput struct {
	Strict
	Replayable
	Versioned
	Owner ByID
}

func moveUser(move func(directory.Desk, context.Context, uuid.UUID, int64) (cardinal.User, error)) func(context.Context, directory.Desk, *moveUserInput) (*one[cardinal.User], error) {
	return func(ctx context.Context, k directory.Desk, in *moveUserInput) (*one[cardinal.User], error) {
		user, err := move(k, ctx, in.Owner.UserID, in.version())
		return single(user, user.Version), err
	}
}

// belowUserRoutes are what belongs to one user.
func belowUserRoutes[O owner](a *API, prefix, name string) {
	profileRoutes[O](a, prefix, name)
	contactRoutes[O](a, prefix, name)
	sessionRoutes[O](a, prefix, name)
	register(a, op(http.MethodGet, prefix+"/password", "get-"+name+"-password", "Passwords", "What may be known of the password"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Owner O
		}) (*one[cardinal.PasswordState], error) {
			state, err := k.PasswordState(ctx, in.Owner.of(k))
			return single(state, state.Version), err
		})
	register(a, op(http.MethodGet, prefix+"/roles", "list-"+name+"-roles", "Roles", "List the roles held: granted by whom, until when"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Paging
			Owner O
		}) (*listed[cardinal.Grant], error) {
			page, err := in.page(a.directory, false)
			if err != nil {
				return nil, err
			}
			found, err := k.Grants(ctx, in.Owner.of(k), page)
			if err != nil {
				return nil, err
			}
			return list(a.directory, &in.Paging, found, func(g cardinal.Grant) uuid.UUID { return g.RoleID }), nil
		})
	register(a, op(http.MethodGet, prefix+"/audit", "list-"+name+"-audit", "Audit", "List what was done to the user"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			AuditInput
			Owner O
		}) (*listed[cardinal.AuditEvent], error) {
			return in.list(a, func(f cardinal.AuditFilter) (cardinal.List[cardinal.AuditEvent], error) {
				return k.UserAudit(ctx, in.Owner.of(k), f)
			})
		})
}

func setPassword(ctx context.Context, k directory.Desk, in *struct {
	Strict
	Versioned
	Owner ByID
	Body  cardinal.PasswordSet
}) (*one[cardinal.PasswordState], error) {
	state, err := k.SetPassword(ctx, in.Owner.UserID, in.version(), in.Body)
	return single(state, state.Version), err
}

func grantRole(ctx context.Context, k directory.Desk, in *struct {
	Strict
	Replayable
	Owner ByID
	Body  cardinal.NewGrant
}) (*plain[cardinal.Grant], error) {
	grant, err := k.GrantRole(ctx, in.Owner.UserID, in.Body)
	return &plain[cardinal.Grant]{Body: grant}, err
}

func revokeRole(ctx context.Context, k directory.Desk, in *struct {
	Strict
	Owner  ByID
	RoleID uuid.UUID `path:"role_id" format:"uuid"`
}) (*empty, error) {
	return nil, k.RevokeGrant(ctx, in.Owner.UserID, in.RoleID)
}
