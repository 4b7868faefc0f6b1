package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cardinal"
)

func TestExitCode(t *testing.T) {
	signalled, cancel := context.WithCancelCause(t.Context())
	cancel(errInterrupted)
	for _, test := range []struct {
		name string
		ctx  context.Context
		err  error
		want int
	}{
		{"NoError", t.Context(), nil, 0},
		{"Unclassified", t.Context(), errors.New("boom"), 1},
		{"Busy", t.Context(), cardinal.ErrBusy, 1},
		{"Throttled", t.Context(), cardinal.ErrThrottled, 1},
		{"FieldErrors", t.Context(), &cardinal.InvalidInput{Errors: []cardinal.FieldError{{Code: "email_format"}}}, 2},
		{"Usage", t.Context(), usageError("", "wrong"), 2},
		{"NotFound", t.Context(), fmt.Errorf("user: %w", cardinal.ErrNotFound), 3},
		{"UnknownUser", t.Context(), notFoundError("user", "bob", ""), 3},
		{"Forbidden", t.Context(), cardinal.Refuse("permission_missing", "users.read"), 4},
		{"Unauthenticated", t.Context(), cardinal.ErrUnauthenticated, 4},
		{"AccessCheckNo", t.Context(), silentError{cardinal.ErrForbidden}, 4},
		{"Conflict", t.Context(), cardinal.Refuse("identifier_taken"), 5},
		{"Stale", t.Context(), &cardinal.Stale{Version: 3}, 5},
		{"PartlyStale", t.Context(), partlyDone([]string{"added users.read"}, &cardinal.Stale{Version: 3}), 5},
		{"Interrupted", signalled, fmt.Errorf("read: %w", context.Canceled), 130},
		{"InterruptedDriver", signalled, errors.New("SQLite refused a statement: code 9"), 130},
		{"StoppedUncleanly", signalled, &commandError{code: "not_clean", message: "3 requests were cut off"}, 1},
		{"StoppedCleanly", signalled, nil, 0},
		{"Canceled", t.Context(), context.Canceled, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := exitCode(test.ctx, test.err); got != test.want {
				t.Errorf("exit code %d, want %d", got, test.want)
			}
		})
	}
}

func TestPrintErrorListsAll(t *testing.T) {
	var text strings.Builder
	var fieldErrors cardinal.FieldErrors
	fieldErrors.Add("/display_name", "text_too_long", 200)
	fieldErrors.Add("/profile/locale", "locale_format")
	printError(&text, errorReportOf(t.Context(), fieldErrors.Err()), false)
	want := "error: there are 2 problems\n" +
		"  display-name: Use at most 200 characters.\n" +
		"  locale: Use a BCP 47 tag, like de or pt-BR.\n" +
		"Nothing was changed. Correct this and run it again.\n"
	if text.String() != want {
		t.Errorf("got\n%s\nwant\n%s", text.String(), want)
	}
}

func TestErrorReportOfRefusal(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		want string
	}{
		{"Explanation", cardinal.Refuse("last_user_with_role"),
			"error: At least one user who can sign in must have this role.\n" +
				"Nothing was changed. Grant the role to another user who can sign in first.\n"},
		{"TitleWithoutExplanation", cardinal.Refuse("import_file", "The file is empty"),
			"error: The file cannot be imported.\nNothing was changed. The file is empty.\n"},
		{"RetryAfter", cardinal.Refuse("busy").After(1500 * time.Millisecond),
			"error: The service has reached its limit.\nNothing was changed. Try again in 2 s.\n"},
		{"Throttled", cardinal.Refuse("too_many_attempts"),
			"error: There were too many failed attempts.\nNothing was changed. Try again in a moment.\n"},
		{"BusyWithoutCode", fmt.Errorf("%w: the disk of the database is full", cardinal.ErrBusy),
			"error: busy: the disk of the database is full\nTry again in a moment.\n"},
		{"Stale", &cardinal.Stale{Version: 2},
			"error: another change was made at the same time\nNothing was changed. Run it again.\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var text strings.Builder
			printError(&text, errorReportOf(t.Context(), test.err), false)
			if text.String() != test.want {
				t.Errorf("got\n%s\nwant\n%s", text.String(), test.want)
			}
		})
	}
}

func TestPendingAPINotReady(t *testing.T) {
	var o pendingAPI
	if len(o.ready(t.Context())) == 0 {
		t.Error("the service reports that it is ready")
	}
	answer := httptest.NewRecorder()
	o.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/v1/users", nil))
	if answer.Code != http.StatusServiceUnavailable || answer.Header().Get("Retry-After") == "" {
		t.Errorf("status %d, headers %v", answer.Code, answer.Header())
	}
}
