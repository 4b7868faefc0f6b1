package directorytest

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
)

// DeniedCall is a call of an operation that only the missing permission of the actor can refuse.
type DeniedCall struct {
	Call      func(context.Context, directory.Desk) error
	Action    string    // of the event of the refusal; "" when no event is recorded
	Subject   uuid.UUID // of that event
	Anonymous bool      // anonymous callers can use the operation
}

// ExpectDefaultDeny checks that every call is refused without its permission, and that the refusal is recorded.
func (w *World) ExpectDefaultDeny(t *testing.T, calls map[string]DeniedCall) {
	t.Helper()
	user, _ := w.NewPerson(t)
	emptyRole := w.NewRole(t)
	service := w.NewService(t, "administrator", emptyRole)
	key := w.NewAPIKey(t, service, emptyRole)
	for _, name := range slices.Sorted(maps.Keys(calls)) {
		c := calls[name]
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			w.Clock.Add(20 * time.Second) // more than ten refusals of an actor in a minute are only counted
			w.ResetEvents(t)
			err := c.Call(ctx, w.DeskOf(user))
			ExpectRefusal(t, err, "permission_missing")
			if !errors.Is(err, cardinal.ErrForbidden) {
				t.Errorf("%v is not of the kind forbidden", err)
			}
			if c.Action == "" {
				for _, e := range w.Events(t) { // a refused read of personal data is recorded
					if !e.IsRefused || !strings.HasSuffix(e.Action, ".read") {
						t.Errorf("the refusal is recorded as %s", e.Action)
					}
				}
			} else {
				w.ExpectEvents(t, Event{Action: c.Action, Actor: user.ID, Subject: c.Subject, Refused: true})
			}
			// An API key has only its own roles, although its service has all permissions.
			ExpectRefusal(t, c.Call(ctx, w.DeskOfToken(t, key.Token)), "permission_missing")
			events := w.Events(t)
			if c.Action != "" && (len(events) != 1 || events[0].APIKeyID == nil || *events[0].APIKeyID != key.ID) {
				t.Errorf("the refusal of the API key is recorded as %+v", events)
			}
			// An administrator who must change the password first can do nothing else.
			mustChange := w.As(cardinal.Actor{UserID: service.ID, Assurance: 0})
			ExpectRefusal(t, c.Call(ctx, mustChange), "password_change_required")
			w.ResetEvents(t)
			if c.Anonymous {
				return
			}
			err = c.Call(ctx, w.Anonymous("192.0.2.9"))
			if !errors.Is(err, cardinal.ErrForbidden) && !errors.Is(err, cardinal.ErrUnauthenticated) {
				t.Errorf("the error for an anonymous caller is %v", err)
			}
			w.ExpectEvents(t)
		})
	}
}

// ExpectAllowed checks that an administrator can do some of the calls: so only the missing permission refused them. The
// calls must not exclude each other.
func (w *World) ExpectAllowed(t *testing.T, calls map[string]DeniedCall, names ...string) {
	t.Helper()
	administrator := w.NewService(t, "administrator")
	for _, name := range names {
		if err := calls[name].Call(t.Context(), w.DeskOf(administrator)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// ExpectCaseForEach checks that each operation has a case, or a reason why it needs none.
func ExpectCaseForEach(t *testing.T, operations []string, calls map[string]DeniedCall, open map[string]string) {
	t.Helper()
	for _, name := range operations {
		_, hasCase := calls[name]
		switch {
		case hasCase && open[name] != "":
			t.Errorf("%s has a case and a reason to have none", name)
		case !hasCase && open[name] == "":
			t.Errorf("%s has no case, and no reason to have none", name)
		}
	}
	for _, name := range slices.Concat(slices.Collect(maps.Keys(calls)), slices.Collect(maps.Keys(open))) {
		if !slices.Contains(operations, name) {
			t.Errorf("%s is not an operation", name)
		}
	}
}

// DeskFunctions returns the exported functions of the package in the current folder that have a parameter of the type
// directory.Desk.
func DeskFunctions(t testing.TB) []string {
	t.Helper()
	var names []string
	for _, entry := range Value(os.ReadDir("."))(t) {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file := Value(parser.ParseFile(token.NewFileSet(), entry.Name(), nil, parser.SkipObjectResolution))(t)
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if ok && f.Recv == nil && f.Name.IsExported() && slices.ContainsFunc(f.Type.Params.List, isDesk) {
				names = append(names, f.Name.Name)
			}
		}
	}
	if len(names) == 0 {
		t.Fatal("no function has a parameter of the type directory.Desk")
	}
	return names
}

// isDesk reports whether a parameter is a directory.Desk, or a Desk in the package directory.
func isDesk(parameter *ast.Field) bool {
	name := parameter.Type
	if selector, ok := name.(*ast.SelectorExpr); ok {
		name = selector.Sel
	}
	id, ok := name.(*ast.Ident)
	return ok && id.Name == "Desk"
}

// Denied is a call of an operation that records its refusal.
func Denied(action string, subject uuid.UUID, call func(context.Context, directory.Desk) error) DeniedCall {
	return DeniedCall{Call: call, Action: action, Subject: subject}
}

// DeniedRead is a call of an operation that does not record its refusal.
func DeniedRead(call func(context.Context, directory.Desk) error) DeniedCall {
	return DeniedCall{Call: call}
}

// DeniedAnonymous is a call of an operation that anonymous callers can use and other actors cannot.
func DeniedAnonymous(call func(context.Context, directory.Desk) error) DeniedCall {
	return DeniedCall{Call: call, Anonymous: true}
}
