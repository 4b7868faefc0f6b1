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

// OfImport is the import that a path names.
type OfImport struct {
	ImportID uuid.UUID `path:"id" format:"uuid" doc:"Id of the import"`
}

// importChange is the input of a POST that changes an import.
type importChange struct {
	IdempotentInput
	OfImport
}

// accepted sets the status of an operation that the service continues after its answer: 202.
func accepted(o huma.Operation) huma.Operation {
	o.DefaultStatus = http.StatusAccepted
	return o
}

func (a *API) importRoutes() {
	a.uploadRoute()
	a.importProblemsRoute()
	register(a, op(http.MethodGet, "/v1/imports", "list-imports", "Imports",
		"List imports, with those of the command line"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			Paging
			Sorting
		}) (*listed[cardinal.ImportRun], error) {
			importID := func(r cardinal.ImportRun) uuid.UUID { return r.ID }
			type imports = cardinal.List[cardinal.ImportRun]
			read := func(ctx context.Context, page cardinal.Page) (imports, error) {
				return importing.List(ctx, desk, page)
			}
			return listPage(ctx, a, &in.Paging, in.descending(), read, importID)
		})
	register(a, op(http.MethodGet, "/v1/imports/{id}", "get-import", "Imports",
		"Read an import: its state and its progress"),
		func(ctx context.Context, desk directory.Desk, in *struct{ OfImport }) (*response[cardinal.ImportRun], error) {
			run, err := importing.Get(ctx, desk, in.ImportID)
			return &response[cardinal.ImportRun]{Body: run}, err
		})
	register(a, accepted(op(http.MethodPost, "/v1/imports/{id}/start", "start-import", "Imports",
		"Create the users of an uploaded and checked file, except for the rows with problems")),
		func(ctx context.Context, desk directory.Desk, in *importChange) (*response[cardinal.ImportRun], error) {
			run, err := importing.Start(ctx, desk, in.ImportID)
			return &response[cardinal.ImportRun]{Body: run}, err
		})
	register(a, accepted(op(http.MethodPost, "/v1/imports/{id}/undo", "undo-import", "Imports",
		"End an import and erase the users that it created, except for those that changed or signed in since")),
		func(ctx context.Context, desk directory.Desk, in *importChange) (*response[cardinal.ImportRun], error) {
			run, err := importing.StartUndo(ctx, desk, in.ImportID)
			return &response[cardinal.ImportRun]{Body: run}, err
		})
}

// binary is the schema of a file in OpenAPI.
var binary = &huma.Schema{Type: huma.TypeString, Format: "binary"}

const mapDescription = "COLUMN=FIELD sets the field of a CSV column; without FIELD the column is left out. " +
	"MEMBER=attributes.NAME sets the attribute for a member of another system's export, " +
	"like user_metadata.team=attributes.team. Give it once for each column or member"

// uploadRoute adds the upload of files. Its handler is plain, because huma reads a body into memory.
func (a *API) uploadRoute() {
	o := accepted(op(http.MethodPost, uploadPath, "upload-import", "Imports",
		"Upload a file of users. The service checks every row, and creates no user before the import is started",
		noIdempotency))
	describe(&o)
	format := &huma.Schema{Type: huma.TypeString}
	for _, name := range importing.Formats() {
		format.Enum = append(format.Enum, name)
	}
	format.PrecomputeMessages()
	text := &huma.Schema{Type: huma.TypeString}
	repeatable := true
	o.Parameters = []*huma.Param{
		{Name: "format", In: "query", Description: "Format of the file. Detected when it is absent", Schema: format},
		{Name: "map", In: "query", Description: mapDescription, Explode: &repeatable,
			Schema: &huma.Schema{Type: huma.TypeArray, Items: text}},
		{Name: "name", In: "query", Description: "Name of the file, to find the import again", Schema: text},
		{Name: "start", In: "query", Schema: &huma.Schema{Type: huma.TypeBoolean},
			Description: "Create the users as soon as all rows are checked, except for the rows with problems"},
		{Name: hashConfig, In: "header", Schema: text,
			Description: "Hash configuration of a Firebase project, as its console shows it, on one line"},
	}
	content := map[string]*huma.MediaType{}
	for _, mediaType := range uploadTypes {
		content[mediaType] = &huma.MediaType{Schema: binary}
	}
	o.RequestBody = &huma.RequestBody{Required: true, Description: "The file, at most 1 GiB", Content: content}
	a.describePlain(&o, "202", &huma.Response{
		Description: "The file is uploaded and will be checked",
		Content:     a.jsonContent(reflect.TypeFor[cardinal.ImportRun]()),
		Headers:     map[string]*huma.Param{"Location": {Description: "Path of the import", Schema: text}},
	})
	a.mux.HandleFunc("POST /v1/imports", a.upload(&o))
}

// importProblemsRoute adds the rows with problems. Its handler is plain, because it streams.
func (a *API) importProblemsRoute() {
	o := op(http.MethodGet, "/v1/imports/{id}/problems", "list-import-problems", "Imports",
		"Download the rows of an uploaded file that have problems, unchanged and with their problems")
	describe(&o)
	schema := idForm("").Schema(nil)
	o.Parameters = []*huma.Param{
		{Name: "id", In: "path", Required: true, Description: "Id of the import", Schema: schema}}
	a.describePlain(&o, "200", &huma.Response{
		Description: "For a CSV file, CSV with the same columns and one more. " +
			"For other files, lines of JSON with one more member. At most the first 64 MiB",
		Content: map[string]*huma.MediaType{"text/csv": {Schema: binary}, "application/x-ndjson": {Schema: binary}},
	})
	a.mux.HandleFunc("GET /v1/imports/{id}/problems", a.importProblems(&o))
}
