package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
)

// Expanding adds the profile to a user.
type Expanding struct {
	Expand string `query:"expand" enum:"profile" doc:"profile adds the profile to each user"`
}

// UserFilters are the filters of users that hold no personal data.
type UserFilters struct {
	Status       string    `query:"status" maxLength:"32" doc:"One of /v1/statuses"`
	Kind         string    `query:"kind" maxLength:"32" doc:"person or service, or a built-in kind"`
	Role         uuid.UUID `query:"role" format:"uuid" doc:"Users with this role, by its id"`
	CreatedFrom  time.Time `query:"created[gte]" doc:"Created at this time or later (RFC 3339)"`
	CreatedUntil time.Time `query:"created[lt]" doc:"Created before this time (RFC 3339)"`
	BuiltIn      bool      `query:"built_in" doc:"List the built-in users too"`
	Count        bool      `query:"count" doc:"Count the users of all pages: above 10,000 an estimate"`
}

func (f UserFilters) filter() cardinal.UserFilter {
	return cardinal.UserFilter{Status: f.Status, Kind: f.Kind, RoleID: f.Role, CreatedFrom: f.CreatedFrom,
		CreatedUntil: f.CreatedUntil, BuiltIn: f.BuiltIn}
}

type listUsersInput struct {
	Paging
	Sorting
	Expanding
	UserFilters
	Email      string          `query:"email" maxLength:"1000" doc:"Exact address. Use POST /v1/users/search"`
	Search     string          `query:"q" maxLength:"200" doc:"Starts of words. Use POST /v1/users/search"`
	Attributes attributeValues `query:"attributes" maxLength:"2000" doc:"As JSON. Use POST /v1/users/search"`
}

// deprecatedFilters are the filters of GET /v1/users that are personal data, and so belong into a body.
var deprecatedFilters = []string{"email", "q", "attributes"}

type searchUsersInput struct {
	Paging
	Sorting
	Expanding
	UserFilters
	Body UserSearch
}

// searchPath is below the paths of users, and is none of a user.
const searchPath = "/v1/users/search"

// UserSearch has the filters of users that are personal data.
type UserSearch struct {
	Email      string         `json:"email,omitempty" maxLength:"1000" doc:"In any spelling, at most 254 characters"`
	Search     string         `json:"q,omitempty" maxLength:"200" doc:"Starts of words, or @ and a domain; at most 200"`
	Attributes map[string]any `json:"attributes,omitempty" maxProperties:"5" doc:"Exact values"`
}

// attributeValues are the attributes that users are searched by, as JSON.
type attributeValues string

// checkAttributeValues accepts a JSON object with few attributes.
func checkAttributeValues(value string) *cardinal.FieldError {
	if values := attributeValues(value).values(); len(values) > 0 && len(values) <= 5 {
		return nil
	}
	const fix = `Use a JSON object with one to five attributes, like {"team":"red"}.`
	fieldError := cardinal.ParameterError("attributes", "parameter_format", fix)
	return &fieldError
}

// values returns the attributes, or nil when the text is not a JSON object.
func (v attributeValues) values() (values map[string]any) {
	if checkJSON([]byte(v)) != "" || json.Unmarshal([]byte(v), &values) != nil {
		return nil
	}
	return values
}

// listedUsers is a page of users, with the number of all users when the request asks for it.
type listedUsers struct {
	Link string `header:"Link"`
	Body struct {
		Data    []cardinal.User `json:"data"`
		HasMore bool            `json:"has_more" doc:"A page can be short or empty without being the last"`
		Next    string          `json:"next,omitempty" doc:"Path of the next page"`
		Count   *cardinal.Count `json:"count,omitempty" doc:"Only with count=true"`
	}
}

func (a *API) userRoutes() {
	list := op(http.MethodGet, "/v1/users", "list-users", "Users", "List users")
	register(a, withReadPermission("users.read", list), a.listUsers)
	a.deprecate(list, deprecatedFilters)
	search := op(http.MethodPost, searchPath, "search-users", "Users",
		"List users by personal data in the body: next is requested with the same body", noIdempotency)
	register(a, withReadPermission("users.read", search), a.searchUsers)
	create := created(op(http.MethodPost, "/v1/users", "create-user", "Users", "Create a user or a service account"))
	register(a, withRules(create, newUserErrors),
		func(ctx context.Context, desk directory.Desk, in *postInput[cardinal.NewUser],
		) (*createdResponse[cardinal.User], error) {
			user, err := desk.CreateUser(ctx, in.Body)
			path := location("users", user.ID)
			return &createdResponse[cardinal.User]{ETag: etag(user.Version), Location: path, Body: user}, err
		})
	userItemRoutes[ByID](a, "/v1/users/{id}", "user", "Users")
	registerChange := func(action, summary string, change statusChange) {
		register(a, op(http.MethodPost, "/v1/users/{id}/"+action, action+"-user", "Users", summary), change.handle)
	}
	registerChange("suspend", "Suspend a user and end all sessions of the user", directory.Desk.SuspendUser)
	registerChange("reactivate", "Reactivate a suspended user", directory.Desk.ReactivateUser)
	registerChange("restore", "Restore a soft-deleted user", directory.Desk.RestoreUser)
	register(a, op(http.MethodPost, "/v1/users/{id}/unlock", "unlock-user", "Users",
		"Let the user sign in again from any device, after too many failed attempts"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			IdempotentInput
			Owner ByID
		}) (*noContent, error) {
			return nil, desk.UnlockUser(ctx, in.Owner.UserID)
		})
	a.passwordRoutes()
	a.grantRoutes()
	userPartRoutes[ByID](a, "/v1/users/{id}", "user")
}

// accountRoutes are the routes of the caller's own account.
func (a *API) accountRoutes() {
	userItemRoutes[Me](a, "/v1/me", "me", "My account")
	userPartRoutes[Me](a, "/v1/me", "me")
}

func (a *API) listUsers(ctx context.Context, desk directory.Desk, in *listUsersInput) (*listedUsers, error) {
	if err := in.Paging.URL.restore(a.directory, in.After); err != nil {
		return nil, err
	}
	private := in.Paging.URL.private
	filter := in.filter()
	filter.Email, filter.Search = private.Get("email"), private.Get("q")
	filter.Attributes = attributeValues(private.Get("attributes")).values()
	return a.findUsers(ctx, desk, filter, &in.Paging, in.Sorting, in.Expanding, in.Count)
}

// searchUsers is the same list for filters in a body, which does not become part of logs of URLs.
func (a *API) searchUsers(ctx context.Context, desk directory.Desk, in *searchUsersInput) (*listedUsers, error) {
	filter := in.filter()
	filter.Email, filter.Search, filter.Attributes = in.Body.Email, in.Body.Search, in.Body.Attributes
	body, err := json.Marshal(in.Body)
	if err != nil {
		return nil, err
	}
	in.Paging.URL.body = string(body)
	out, err := a.findUsers(ctx, desk, filter, &in.Paging, in.Sorting, in.Expanding, in.Count)
	if invalid := (*cardinal.InvalidInput)(nil); errors.As(err, &invalid) {
		return nil, &cardinal.InvalidInput{Errors: inBody(invalid.Errors)}
	}
	if err != nil {
		return nil, err
	}
	out.Link = "" // a link is followed with GET
	return out, nil
}

// inBody converts the names of filters to pointers into a body.
func inBody(fieldErrors []cardinal.FieldError) []cardinal.FieldError {
	out := slices.Clone(fieldErrors)
	for i, f := range out {
		if slices.Contains(deprecatedFilters, f.Parameter) {
			out[i].Parameter, out[i].Pointer = "", "/"+f.Parameter
		}
	}
	return out
}

func (a *API) findUsers(ctx context.Context, desk directory.Desk, filter cardinal.UserFilter, paging *Paging,
	sorting Sorting, expanding Expanding, withCount bool) (*listedUsers, error) {
	read := func(ctx context.Context, page cardinal.Page) (cardinal.List[cardinal.User], error) {
		filter.Page = page
		return desk.Users(ctx, filter, expanding.Expand == "profile")
	}
	userID := func(u cardinal.User) uuid.UUID { return u.ID }
	page, err := listPage(ctx, a, paging, sorting.descending(), read, userID)
	if err != nil {
		return nil, err
	}
	out := &listedUsers{Link: page.Link}
	out.Body.Data, out.Body.HasMore, out.Body.Next = page.Body.Data, page.Body.HasMore, page.Body.Next
	if withCount {
		count, err := desk.CountUsers(ctx, filter)
		if err != nil {
			return nil, err
		}
		out.Body.Count = &count
	}
	return out, nil
}

// userItemRoutes are the routes of one user: the one that the path names, or the caller.
func userItemRoutes[O owner](a *API, prefix, name, tag string) {
	register(a, op(http.MethodGet, prefix, "get-"+name, tag, "Read the user"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			Conditional
			Expanding
			Owner O
		}) (*etagResponse[cardinal.User], error) {
			user, err := desk.User(ctx, in.Owner.userID(desk), in.Expand == "profile")
			if in.Expand != "" { // the version of the user does not change with the profile, which has its own
				return okWithETag(user, user.Version), err
			}
			return okIfModified(in.Conditional, user, user.Version, err)
		})
	register(a, op(http.MethodPatch, prefix, "update-"+name, tag,
		"Change the profile of the user, under the version of the user"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			Versioned
			Owner O
			Body  cardinal.UserChange
		}) (*etagResponse[cardinal.User], error) {
			user, err := desk.UpdateUser(ctx, in.Owner.userID(desk), in.version(), in.Body)
			return okWithETag(user, user.Version), err
		})
	register(a, op(http.MethodDelete, prefix, "delete-"+name, tag,
		"Soft-delete the user and end all sessions of the user"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			Versioned
			Owner O
		}) (*noContent, error) {
			_, err := desk.DeleteUser(ctx, in.Owner.userID(desk), in.version())
			return nil, err
		})
}

type statusChangeInput struct {
	IdempotentInput
	Versioned
	Owner ByID
}

// statusChange is a method of Desk that changes the status of a user.
type statusChange func(directory.Desk, context.Context, uuid.UUID, int64) (cardinal.User, error)

func (change statusChange) handle(ctx context.Context, desk directory.Desk, in *statusChangeInput,
) (*etagResponse[cardinal.User], error) {
	user, err := change(desk, ctx, in.Owner.UserID, in.version())
	return okWithETag(user, user.Version), err
}

// userPartRoutes are the routes of what belongs to one user.
func userPartRoutes[O owner](a *API, prefix, name string) {
	profileRoutes[O](a, prefix, name)
	contactRoutes[O](a, prefix, name)
	sessionRoutes[O](a, prefix, name)
	userPasswordRoutes[O](a, prefix, name)
	userGrantRoutes[O](a, prefix, name)
	userAuditRoutes[O](a, prefix, name)
}

func newUserErrors(ctx context.Context, desk directory.Desk, in cardinal.NewUser) ([]cardinal.FieldError, error) {
	return desk.NewUserErrors(ctx, in)
}
