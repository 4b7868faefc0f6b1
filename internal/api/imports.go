package api

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/importing"
)

type importPath struct {
	Strict
	ID uuid.UUID `path:"id" format:"uuid"`
}

// importChange is a POST about an import.
type importChange struct {
	Strict
	Replayable
	ID uuid.UUID `path:"id" format:"uuid"`
}

type importBody struct{ Body cardinal.ImportRun }

// accepted makes an operation answer 202: the service goes on with it.
func accepted(o huma.Operation) huma.Operation {
	o.DefaultStatus = http.StatusAccepted
	return o
}

func (a *API) importRoutes() {
	a.uploadRoute()
	a.importProblemsRoute()
	register(a, op(http.MethodGet, "/v1/imports", "list-imports", "Imports", "List imports, those of the shell too"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Paging
			Sorting
		}) (*listed[cardinal.ImportRun], error) {
			page, err := in.page(a.directory, in.descending())
			if err != nil {
				return nil, err
			}
			found, err := importing.List(ctx, k, page)
			if err != nil {
				return nil, err
			}
			return list(a.directory, &in.Paging, found, func(r cardinal.ImportRun) uuid.UUID { return r.ID }), nil
		})
	register(a, op(http.MethodGet, "/v1/imports/{id}", "get-import", "Imports", "Read an import: its state and how far it has come"),
		func(ctx context.Context, k directory.Desk, in *importPath) (*importBody, error) {
			run, err := importing.Get(ctx, k, in.ID)
			return &importBody{run}, err
		})
	register(a, accepted(op(http.MethodPost, "/v1/imports/{id}/start", "start-import", "Imports", "Make the people of an uploaded file that was checked, but for the rows with problems")),
		func(ctx context.Context, k directory.Desk, in *importChange) (*importBody, error) {
			run, err := importing.Start(ctx, k, in.ID)
			return &importBody{run}, err
		})
	register(a, accepted(op(http.MethodPost, "/v1/imports/{id}/undo", "undo-import", "Imports", "End an import and erase the people it made, but those who changed since or signed in")),
		func(ctx context.Context, k directory.Desk, in *importChange) (*importBody, error) {
			run, err := importing.StartUndo(ctx, k, in.ID)
			return &importBody{run}, err
		})
}

// binary is what OpenAPI calls a file.
var binary = &huma.Schema{Type: huma.TypeString, Format: "binary"}

// uploadRoute takes files as they are, so its handler is not huma's, which holds a body whole.
func (a *API) uploadRoute() {
	o := accepted(op(http.MethodPost, uploadPath, "upload-import", "Imports", "Upload a file of people; the service checks every row, and makes nobody before it is started", noReplays))
	describe(&o)
	text := func(name, doc string, more func(*huma.Schema)) *huma.Param {
		s := &huma.Schema{Type: huma.TypeString}
		if more != nil {
			more(s)
		}
		return &huma.Param{Name: name, In: "query", Description: doc, Schema: s}
	}
	many := true
	o.Parameters = []*huma.Param{
		text("format", "Format of the file; found out without it", func(s *huma.Schema) {
			for _, name := range importing.Formats() {
				s.Enum = append(s.Enum, name)
			}
		}),
		{Name: "map", In: "query", Explode: &many, Description: "COLUMN=FIELD: what a column of CSV is taken for, without FIELD to leave it out; or MEMBER=attributes.NAME for what another system keeps of a person, like user_metadata.team=attributes.team. Give it once for each",
			Schema: &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString}}},
		text("name", "Name of the file, to find the import again", nil),
		{Name: "start", In: "query", Description: "Make the people as soon as all rows are checked, but for those with problems", Schema: &huma.Schema{Type: huma.TypeBoolean}},
		{Name: hashConfig, In: "header", Description: "A Firebase project's hash configuration, as its console shows it, on one line", Schema: &huma.Schema{Type: huma.TypeString}},
	}
	o.RequestBody = &huma.RequestBody{Required: true, Description: "The file, at most 1 GiB", Content: map[string]*huma.MediaType{}}
	for _, kind := range uploadTypes {
		o.RequestBody.Content[kind] = &huma.MediaType{Schema: binary}
	}
	run := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[cardinal.ImportRun](), true, "")
	o.Responses["202"] = &huma.Response{Description: "The file is there and will be checked", Content: map[string]*huma.MediaType{"application/json": {Schema: run}},
		Headers: map[string]*huma.Param{"Location": {Description: "Path of the import", Schema: &huma.Schema{Type: huma.TypeString}}}}
	a.huma.OpenAPI().AddOperation(&o)
	a.mux.HandleFunc("POST /v1/imports", a.upload(&o))
}

// importProblemsRoute streams, so its handler is not huma's.
func (a *API) importProblemsRoute() {
	o := op(http.MethodGet, "/v1/imports/{id}/problems", "list-import-problems", "Imports", "The rows of an uploaded file that have problems, as they were and with the problems beside them")
	describe(&o)
	o.Parameters = []*huma.Param{{Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString, Format: "uuid"}}}
	o.Responses["200"] = &huma.Response{Description: "CSV of the same columns and one more for a file that was CSV, lines of JSON with one member more for others; of very many, the first 64 MiB",
		Content: map[string]*huma.MediaType{"text/csv": {Schema: binary}, "application/x-ndjson": {Schema: binary}}}
	a.huma.OpenAPI().AddOperation(&o)
	a.mux.HandleFunc("GET /v1/imports/{id}/problems", a.importProblems(&o))
}
