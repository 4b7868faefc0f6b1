package api

import (
	"context"
	"maps"
	"net/url"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
)

// Paging is the part of the input that every list has: the size of a page, and the cursor after which it starts.
type Paging struct {
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"Most items of a page"`
	After string `query:"after" maxLength:"8000" doc:"Cursor, from next of the previous page. Opaque"`
	URL   RequestURL
}

// RequestURL is the path and the query that a list was requested with, and the body that is part of the request.
type RequestURL struct {
	path    string
	query   url.Values // without the cursor, and without count, which is for one page only
	private url.Values // the filters of the query that are personal data
	body    string
}

// Resolve keeps the path and the query.
func (u *RequestURL) Resolve(ctx huma.Context) []error {
	target := ctx.URL()
	u.path, u.query, u.private = target.Path, target.Query(), url.Values{}
	u.query.Del("after")
	u.query.Del("count")
	for _, name := range deprecatedFilters {
		if values, ok := u.query[name]; ok {
			u.private[name] = values
			delete(u.query, name)
		}
	}
	return nil
}

// restore returns the personal filters of the first page from a cursor, which contains them encrypted.
func (u *RequestURL) restore(d *directory.Directory, cursor string) error {
	_, sealed, ok := strings.Cut(cursor, ".")
	if !ok || len(u.private) > 0 {
		return nil
	}
	text, ok := d.OpenFilters(sealed)
	if !ok {
		return errCursor()
	}
	private, err := url.ParseQuery(text)
	if err != nil {
		return errCursor()
	}
	u.private = private
	return nil
}

func errCursor() error {
	return &cardinal.InvalidInput{Errors: []cardinal.FieldError{cardinal.ParameterError("after", "cursor_invalid")}}
}

// scope identifies the list that a cursor belongs to: its path, its filters and its body. The size of a page is not
// part of it.
func (u RequestURL) scope() string {
	filters := maps.Clone(u.query)
	filters.Del("limit")
	maps.Copy(filters, u.private)
	return u.path + "?" + filters.Encode() + u.body
}

// next returns the path of the page after an item. It has no personal data in clear, because URLs are logged.
func (u RequestURL) next(d *directory.Directory, last uuid.UUID) string {
	query := maps.Clone(u.query)
	cursor := d.Cursor(u.scope(), last)
	if len(u.private) > 0 {
		cursor += "." + d.SealFilters(u.private.Encode())
	}
	query.Set("after", cursor)
	return u.path + "?" + query.Encode()
}

// page reads the cursor. descending is the order of the list.
func (p *Paging) page(d *directory.Directory, descending bool) (cardinal.Page, error) {
	page := cardinal.Page{Limit: p.Limit, Descending: descending}
	if p.After == "" {
		return page, nil
	}
	cursor, _, _ := strings.Cut(p.After, ".")
	after, ok := d.ParseCursor(p.URL.scope(), cursor)
	if !ok {
		return page, errCursor()
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
		out.Body.Next = p.URL.next(a.directory, after)
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
