package directory_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/importing"
)

// exported is what an export gives, as lines, and its digest.
func exported(t testing.TB, k directory.Desk, secrets bool) (file, string) {
	t.Helper()
	var b strings.Builder
	ok(t, importing.Export(t.Context(), k, secrets, func(row cardinal.ImportRow) error {
		text, err := json.Marshal(row)
		b.Write(append(text, '\n'))
		return err
	}))
	sum := sha256.Sum256([]byte(b.String()))
	return file(b.String()), hex.EncodeToString(sum[:])
}

func TestRoundTrip(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		k := w.operator()
		shoe := cardinal.NewAttributeDefinition{Name: "shoe", Description: "Size.", ValueType: "number"}
		ok(t, errorOf(k.CreateAttributeDefinition(t.Context(), shoe)))
		ana, email := w.person(t, "support", "auditor")
		ok(t, errorOf(k.UpdateUser(t.Context(), ana.ID, ana.Version, cardinal.UserChange{Profile: cardinal.ProfileChange{
			DisplayName: cardinal.Set("Ana 👟"), Attributes: cardinal.Set(map[string]any{"shoe": 42.5}), Preferences: cardinal.Set(map[string]any{"theme": []any{"dark", 1.0}}), Country: cardinal.Set("DE")}})))
		ok(t, errorOf(k.AddContact(t.Context(), ana.ID, cardinal.NewContact{Kind: "email", Value: "Second@Example.com"})))
		w.service(t, "auditor")
		w.imports(t, lines(`{"username":"dee","status":"suspended","password_hash":"`+bcryptHash+`","password_set_at":"2020-02-03T04:05:06.789Z"}`,
			`{"username":"eva","status":"deleted","status_before_deletion":"pending","created_at":"2024-01-01T00:00:00Z","deleted_at":"2025-01-01T00:00:00Z"}`, `{"username":"fay","password_hash":"`+md5Hash+`"}`))
		undone := w.imports(t, lines(`{"username":"gil"}`))
		ok(t, errorOf(importing.Undo(t.Context(), k, undone.ID, func(cardinal.ImportRun) {})))

		lines, digest := exported(t, k, true)
		if strings.Contains(string(lines), "gil") || strings.Count(string(lines), "\n") != 5 {
			t.Errorf("%s", lines)
		}
		there := &world{Fixture: directorytest.Open(t, w.engine), engine: w.engine}
		ok(t, errorOf(there.operator().CreateAttributeDefinition(t.Context(), shoe)))
		plan, problems := there.checked(t, there.operator(), lines)
		if plan.Faulty != 0 {
			t.Fatalf("%v", problems)
		}
		there.imports(t, lines)
		again, digestAgain := exported(t, there.operator(), true)
		if digest != digestAgain {
			t.Errorf("another digest: %s", cmp.Diff(strings.Split(string(lines), "\n"), strings.Split(string(again), "\n")))
		}
		there.signIn(t, email, goodPassword)
		if plain, _ := exported(t, k, false); strings.Contains(string(plain), "password") || strings.Contains(string(plain), "$") {
			t.Errorf("secrets that nobody asked for: %s", plain)
		}
	})
}

func TestExportNeedsThePermission(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		helper, _ := w.person(t, "support", "auditor")
		refuses(t, importing.Export(t.Context(), w.as(helper), false, func(cardinal.ImportRow) error { return nil }), "permission_missing")
		w.forget(t)
		exported(t, w.operator(), true)
		w.tells(t, told{action: "export.start", actor: cardinal.OperatorID, subject: cardinal.SystemID, changes: []string{"credentials.hash"}})
	})
}
