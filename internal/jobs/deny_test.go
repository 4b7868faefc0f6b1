package jobs_test

import (
	"context"
	"testing"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/jobs"
)

// deskCalls returns a call of every function with a desk. The call is valid: only the permission is missing.
func deskCalls() map[string]directorytest.DeniedCall {
	none := cardinal.SystemID
	denied, read := directorytest.Denied, directorytest.DeniedRead
	return map[string]directorytest.DeniedCall{
		"List": read(func(ctx context.Context, k directory.Desk) error { return errorOf(jobs.List(ctx, k)) }),
		"Request": denied("job.run", none, func(ctx context.Context, k directory.Desk) error {
			return errorOf(jobs.Request(ctx, k, "sessions.purge"))
		}),
		"Retry": denied("job.retry", none, func(ctx context.Context, k directory.Desk) error {
			return errorOf(jobs.Retry(ctx, k, ""))
		}),
	}
}

func TestDefaultDeny(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		calls := deskCalls()
		t.Run("CaseForEveryFunction", func(t *testing.T) {
			directorytest.ExpectCaseForEach(t, directorytest.DeskFunctions(t), calls, nil)
		})
		w.ExpectDefaultDeny(t, calls)
		t.Run("AdministratorAllowed", func(t *testing.T) { w.ExpectAllowed(t, calls, "List", "Request", "Retry") })
	})
}
