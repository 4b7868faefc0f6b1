package importing_test

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

// exportLines returns an export as lines of JSON, and its digest.
func exportLines(t testing.TB, k directory.Desk, secrets bool) (file, string) {
	t.Helper()
	var b strings.Builder
	noError(t, importing.Export(t.Context(), k, secrets, func(row cardinal.ImportRow) error {
		text, err := json.Marshal(row)
		b.Write(append(text, '\n'))
		return err
	}))
	sum := sha256.Sum256([]byte(b.String()))
	return file(b.String()), hex.EncodeToString(sum[:])
}

func TestExportRoundTrip(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		k := w.Operator()
		shoe := cardinal.NewAttributeDefinition{Name: "shoe", Description: "Size.", ValueType: "number"}
		value(k.CreateAttributeDefinition(t.Context(), shoe))(t)
		ana, email := w.NewPerson(t, "support", "auditor")
		value(k.UpdateUser(t.Context(), ana.ID, ana.Version, cardinal.UserChange{Profile: cardinal.ProfileChange{
			DisplayName: cardinal.Set("Ana 👟"),
			Attributes:  cardinal.Set(map[string]any{"shoe": 42.5}),
			Preferences: cardinal.Set(map[string]any{"theme": []any{"dark", 1.0}}),
			Country:     cardinal.Set("DE"),
		}}))(t)
		value(k.AddContact(t.Context(), ana.ID, cardinal.NewContact{Kind: "email", Value: "Second@Example.com"}))(t)
		w.NewService(t, "auditor")
		importFile(t, w, lines(
			`{"username":"dee","status":"suspended","password_hash":"`+bcryptHash+`",`+
				`"password_set_at":"2020-02-03T04:05:06.789Z"}`,
			`{"username":"eva","status":"deleted","status_before_deletion":"pending",`+
				`"created_at":"2024-01-01T00:00:00Z","deleted_at":"2025-01-01T00:00:00Z"}`,
			`{"username":"fay","password_hash":"`+md5Hash+`"}`))
		undone := importFile(t, w, lines(`{"username":"gil"}`))
		value(importing.Undo(t.Context(), k, undone.ID, noProgress))(t)

		exported, digest := exportLines(t, k, true)
		if strings.Contains(string(exported), "gil") || strings.Count(string(exported), "\n") != 5 {
			t.Errorf("%s", exported)
		}
		other := directorytest.NewWorld(t, w.Engine)
		value(other.Operator().CreateAttributeDefinition(t.Context(), shoe))(t)
		plan, problems := checkFile(t, other, other.Operator(), exported)
		if plan.Invalid != 0 {
			t.Fatalf("%v", problems)
		}
		importFile(t, other, exported)
		again, digestAgain := exportLines(t, other.Operator(), true)
		if digest != digestAgain {
			before, after := strings.Split(string(exported), "\n"), strings.Split(string(again), "\n")
			t.Errorf("the export of the imported file differs: %s", cmp.Diff(before, after))
		}
		other.SignIn(t, email, goodPassword)
		plain, _ := exportLines(t, k, false)
		if strings.Contains(string(plain), "password") || strings.Contains(string(plain), "$") {
			t.Errorf("an export without secrets has some: %s", plain)
		}
	})
}

func TestExportPermission(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		helper, _ := w.NewPerson(t, "support", "auditor")
		ignore := func(cardinal.ImportRow) error { return nil }
		expectRefusal(t, importing.Export(t.Context(), w.DeskOf(helper), false, ignore), "permission_missing")
		w.ResetEvents(t)
		exportLines(t, w.Operator(), true)
		w.ExpectEvents(t, event{
			Action: "export.start", Actor: cardinal.OperatorID, Subject: cardinal.SystemID,
			Changes: []string{"credentials.hash"},
		})
	})
}
