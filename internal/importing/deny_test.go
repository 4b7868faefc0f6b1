package importing_test

import (
	"context"
	"testing"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/importing"
)

// deskCalls returns a call of every function with a desk. The call is valid: only the permission is missing.
func deskCalls(t *testing.T, w *world) map[string]directorytest.DeniedCall {
	people := lines(`{"email":"imported@example.com"}`)
	run := importFile(t, w, people)
	page := cardinal.Page{Limit: 10}
	none := cardinal.SystemID
	denied, read := directorytest.Denied, directorytest.DeniedRead
	return map[string]directorytest.DeniedCall{
		"Check": denied("import.start", none, func(ctx context.Context, k directory.Desk) error {
			return errorOf(importing.Check(ctx, k, people, importing.Options{}, nil, noRows))
		}),
		"Export": denied("export.start", none, func(ctx context.Context, k directory.Desk) error {
			return importing.Export(ctx, k, false, func(cardinal.ImportRow) error { return nil })
		}),
		"Get": read(func(ctx context.Context, k directory.Desk) error {
			return errorOf(importing.Get(ctx, k, run.ID))
		}),
		"List": read(func(ctx context.Context, k directory.Desk) error {
			return errorOf(importing.List(ctx, k, page))
		}),
		"Problems": read(func(ctx context.Context, k directory.Desk) error {
			return errorOf(importing.Problems(ctx, k, run.ID))
		}),
		"Resume": read(func(ctx context.Context, k directory.Desk) error {
			return errorOf(importing.Resume(ctx, k, run.ID, people, nil, noRows, noProgress))
		}),
		"Run": denied("import.start", none, func(ctx context.Context, k directory.Desk) error {
			plan := importing.Plan{Format: "ndjson"}
			return errorOf(importing.Run(ctx, k, people, importing.Options{}, plan, noProgress))
		}),
		"Start": denied("import.start", none, func(ctx context.Context, k directory.Desk) error {
			return errorOf(importing.Start(ctx, k, run.ID))
		}),
		"StartUndo": denied("import.undo", none, func(ctx context.Context, k directory.Desk) error {
			return errorOf(importing.StartUndo(ctx, k, run.ID))
		}),
		"Undo": denied("import.undo", none, func(ctx context.Context, k directory.Desk) error {
			return errorOf(importing.Undo(ctx, k, run.ID, noProgress))
		}),
		"Upload": denied("import.upload", none, func(ctx context.Context, k directory.Desk) error {
			return errorOf(importing.Upload(ctx, k, cardinal.NewImport{}, value(people.Open())(t)))
		}),
	}
}

func TestDefaultDeny(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		calls := deskCalls(t, w)
		t.Run("CaseForEveryFunction", func(t *testing.T) {
			directorytest.ExpectCaseForEach(t, directorytest.DeskFunctions(t), calls, nil)
		})
		w.ExpectDefaultDeny(t, calls)
		t.Run("AdministratorAllowed", func(t *testing.T) {
			w.ExpectAllowed(t, calls, "Check", "Export", "Get", "List", "Undo")
		})
	})
}
