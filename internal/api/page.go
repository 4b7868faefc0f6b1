package api

import (
	"net/url"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
)

// Paging is what every list takes: how many, and after which cursor.
type Paging struct {
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"Most items of a page"`
	After string `query:"after" maxLength:"100" doc:"Cursor from next of the page before; opaque"`
	Here  Here
}

// Here is where a list was asked for: what the next page's link is made of.
type Here struct {
	path string
	rest url.Values // the query without the cursor, and without the count, which is asked for once
}

// Resolve keeps the path and the query.
func (h *Here) Resolve(ctx huma.Context) []error {
	target := ctx.URL()
	h.path, h.rest = target.Path, target.Query()
	h.rest.Del("after")
	h.rest.Del("count")
	return nil
}

// scope is what a cursor is good for: this list, narrowed like this; a page may have another length.
func (p *Paging) scope() string {
	narrowed := url.Values{}
	for name, values := range p.Here.rest {
		if name != "limit" {
			narrowed[name] = values
		}
	}
	return p.Here.path + "?" + narrowed.Encode()
}

// page opens the cursor. descending is how the list is sorted.
func (p *Paging) page(d *directory.Directory, descending bool) (cardinal.Page, error) {
	page := cardinal.Page{Limit: p.Limit, Descending: descending}
	if p.After == "" {
		return page, nil
	}
	after, ok := d.ParseCursor(p.scope(), p.After)
	if !ok {
		return page, &cardinal.Invalid{Faults: []cardinal.Fault{cardinal.ParameterFault("after", "cursor_invalid")}}
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

// list is the answer with a page and the way to the next.
func list[T any](d *directory.Directory, p *Paging, found cardinal.List[T], id func(T) uuid.UUID) *listed[T] {
	out := &listed[T]{}
	out.Body.Data, out.Body.HasMore = found.Data, found.HasMore
	if found.Data == nil {
		out.Body.Data = []T{}
	}
	if found.HasMore {
		after := found.After
		if after == uuid.Nil {
			after = id(found.Data[len(found.Data)-1])
		}
		next := p.Here.rest
		next.Set("after", d.Cursor(p.scope(), after))
		out.Body.Next = p.Here.path + "?" + next.Encode()
		out.Link = "<" + out.Body.Next + `>; rel="next"`
	}
	return out
}

// whole is a list that is short by its nature and has no pages.
func whole[T any](items []T) *listed[T] {
	out := &listed[T]{}
	out.Body.Data = items
	return out
}

// Sorting orders a list by when its items were made.
type Sorting struct {
	Sort string `query:"sort" enum:"created_at,-created_at" default:"-created_at" doc:"Oldest first, or newest first"`
}

func (s Sorting) descending() bool { return s.Sort != "created_at" }
