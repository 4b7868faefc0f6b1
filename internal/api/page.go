package api

import (
	"context"
	"maps"
	"net/url"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
)

// Paging is the part of the input that every list has: the size of a page, and the cursor after which it starts.
type Paging struct {
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"Most items of a page"`
	After string `query:"after" maxLength:"100" doc:"Cursor, from next of the previous page. Opaque"`
	URL   RequestURL
}

// RequestURL is the path and the query that a list was requested with.
type RequestURL struct {
	path  string
	query url.Values // without the cursor, and without count, which is for one page only
}

// Resolve keeps the path and the query.
func (u *RequestURL) Resolve(ctx huma.Context) []error {
	target := ctx.URL()
	u.path, u.query = target.Path, target.Query()
	u.query.Del("after")
	u.query.Del("count")
	return nil
}

// scope identifies the list that a cursor belongs to: its path and its filters. The size of a page is not part of it.
func (u RequestURL) scope() string {
	filters := maps.Clone(u.query)
	filters.Del("limit")
	return u.path + "?" + filters.Encode()
}

// next returns the path of the page after a cursor.
func (u RequestURL) next(cursor string) string {
	query := maps.Clone(u.query)
	query.Set("after", cursor)
	return u.path + "?" + query.Encode()
}

// page reads the cursor. descending is the order of the list.
func (p *Paging) page(d *directory.Directory, descending bool) (cardinal.Page, error) {
	page := cardinal.Page{Limit: p.Limit, Descending: descending}
	if p.After == "" {
		return page, nil
	}
	after, ok := d.ParseCursor(p.URL.scope(), p.After)
	if !ok {
		fieldErrors := []cardinal.FieldError{cardinal.ParameterError("after", "cursor_invalid")}
		return page, &cardinal.InvalidInput{Errors: fieldErrors}
	}
	page.After = after
	return page, nil
}

// listed is one page of a list.
type listed[T any] struct {
	Link string `header:"Link"`
	Body struct {
		Data    []T    `json:"data"`
		HasMore bool   `json:"has_more"`
		Next    string `json:"next,omitempty" doc:"Path of the next page"`
	}
}

// listPage answers with the page that a request asks for. read reads it, and id returns the id of an item, for the
// cursor.
func listPage[T any](ctx context.Context, a *API, p *Paging, descending bool,
	read func(context.Context, cardinal.Page) (cardinal.List[T], error), id func(T) uuid.UUID) (*listed[T], error) {
	page, err := p.page(a.directory, descending)
	if err != nil {
		return nil, err
	}
	found, err := read(ctx, page)
	if err != nil {
		return nil, err
	}
	out := unpagedList(found.Data)
	if found.HasMore {
		after := found.After
		if after == uuid.Nil {
			after = id(found.Data[len(found.Data)-1])
		}
		out.Body.HasMore = true
		out.Body.Next = p.URL.next(a.directory.Cursor(p.URL.scope(), after))
		out.Link = "<" + out.Body.Next + `>; rel="next"`
	}
	return out, nil
}

// unpagedList answers with a whole list, one that is always short.
func unpagedList[T any](items []T) *listed[T] {
	out := &listed[T]{}
	if out.Body.Data = items; items == nil {
		out.Body.Data = []T{}
	}
	return out
}

// Sorting orders a list by the time when its items were created.
type Sorting struct {
	Sort string `query:"sort" enum:"created_at,-created_at" default:"-created_at" doc:"Oldest first, or newest first"`
}

func (s Sorting) descending() bool { return s.Sort != "created_at" }
