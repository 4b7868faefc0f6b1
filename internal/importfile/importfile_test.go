package importfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardinal"
	"cardinal/internal/password"
)

// readAll returns all rows of a file.
func readAll(t testing.TB, in io.Reader, o Options) (*Reader, []Row) {
	t.Helper()
	r, err := Open(in, o)
	if err != nil {
		t.Fatal(err)
	}
	var rows []Row
	for {
		var row Row
		err := r.Read(&row)
		if err == io.EOF {
			return r, rows
		}
		if err != nil {
			t.Fatal(err)
		}
		row.raw, row.record = bytes.Clone(row.raw), append([]string{}, row.record...)
		rows = append(rows, row)
	}
}

// describe returns a row as the tests compare it: the user as JSON without the hash, and the codes of the errors.
func describe(t testing.TB, row Row) string {
	t.Helper()
	row.Person.PasswordHash = ""
	text, err := json.Marshal(row.Person)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range row.Errors {
		text = append(text, " "+f.Pointer+" "+f.Code...)
	}
	return string(text)
}

// TestOtherSystems checks the users and the passwords of exports. The hashes were created by the tools of the systems
// or are vectors of their documentation; some have no known password.
func TestOtherSystems(t *testing.T) {
	config, err := os.ReadFile("testdata/hash_config.txt")
	if err != nil {
		t.Fatal(err)
	}
	firebase, err := ReadFirebaseHash(string(config))
	if err != nil {
		t.Fatal(err)
	}
	hasher := password.New(password.Params{MemoryKiB: 64, Iterations: 1, Parallelism: 1}, password.DefaultLimits())
	for _, test := range []struct {
		file, format string
		users        []string
		passwords    []string // "" without a password, "?" for an unknown one
	}{
		{"auth0.ndjson", "auth0", []string{
			`{"created_at":"2021-03-05T16:35:16.775Z","display_name":"Ana Doe","email":"ana@example.com",` +
				`"email_verified":true,"avatar_url":"https://pictures.example.com/ana.png"}`,
			`{"status":"suspended","display_name":"Bo Doe","email":"bo@example.com"}`,
			`{"email":"cy@example.com","email_verified":true}`,
			`{"email":"dee@example.com","email_verified":true} /custom_password_hash hash_unusable`,
		}, []string{"?", "?", "pleaseletmein", ""}},
		{"keycloak.json", "keycloak", []string{
			`{"created_at":"2021-03-05T16:35:16.775Z","display_name":"Ana Doe","username":"ana",` +
				`"email":"ana@example.com","email_verified":true,"locale":"de",` +
				`"password_set_at":"2021-03-05T16:35:16.999Z","must_change_password":true}`,
			`{"status":"suspended","created_at":"2021-03-05T16:35:16.775Z","email":"bo@example.com"}`,
		}, []string{"password", "password"}},
		{"supabase.csv", "supabase", []string{
			`{"created_at":"2023-01-01T00:00:00Z","display_name":"Ana Doe","email":"ana@example.com",` +
				`"email_verified":true,"phone":"+442079460000","phone_verified":true,` +
				`"avatar_url":"https://pictures.example.com/ana.png"}`,
			`{"status":"suspended","created_at":"2023-01-01T00:00:00Z","email":"bo@example.com"}`,
		}, []string{"?", ""}},
		{"kratos.json", "kratos", []string{
			`{"created_at":"2023-01-01T00:00:00.5Z","display_name":"Ana Doe","email":"ana@example.com",` +
				`"email_verified":true}`,
			`{"status":"suspended","display_name":"Bo Doe","email":"bo@example.com"}`,
		}, []string{"?", "user1password"}},
		{"firebase.json", "firebase", []string{
			`{"created_at":"2021-03-05T16:35:16.775Z","display_name":"Ana Doe","email":"ana@example.com",` +
				`"email_verified":true,"avatar_url":"https://pictures.example.com/ana.png"}`,
			`{"status":"suspended","created_at":"2021-03-05T16:35:16.775Z","phone":"+442079460000",` +
				`"phone_verified":true}`,
		}, []string{"user1password", ""}},
		{"pocketbase.json", "pocketbase", []string{
			`{"created_at":"2022-06-25T11:03:50.052Z","display_name":"Ana Doe","username":"ana",` +
				`"email":"ana@example.com","email_verified":true}`,
			`{"created_at":"2022-06-25T11:03:50.052Z","email":"bo@example.com"}`,
		}, []string{"", "?"}},
	} {
		t.Run(test.format, func(t *testing.T) {
			in, err := os.Open(filepath.Join("testdata", test.file))
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			r, found := readAll(t, in, Options{Firebase: firebase})
			if r.Format != test.format {
				t.Errorf("the detected format is %s", r.Format)
			}
			var users []string
			for i, row := range found {
				users = append(users, describe(t, row))
				if (row.Person.PasswordHash == "") != (test.passwords[i] == "") {
					t.Errorf("row %d has the hash %q", i+1, row.Person.PasswordHash)
				}
				if test.passwords[i] == "" {
					continue
				}
				given, err := password.ParseImported(row.Person.PasswordHash)
				if err != nil {
					t.Fatalf("row %d: %v", i+1, err)
				}
				if test.passwords[i] == "?" {
					continue
				}
				match, _, err := hasher.Verify(t.Context(), password.Caller{}, test.passwords[i], given.PHC())
				if !match || err != nil {
					t.Errorf("row %d: the password does not match: %v", i+1, err)
				}
			}
			if diff := cmp.Diff(test.users, users); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("FirebaseWithoutParameters", func(t *testing.T) {
		_, found := readAll(t, strings.NewReader(`[{"localId":"a","email":"a@example.com",`+
			`"passwordHash":"aaaa","salt":"bbbb"}]`), Options{})
		if len(found) != 1 || len(found[0].Errors) != 1 || found[0].Errors[0].Code != "hash_unusable" {
			t.Errorf("%+v", found)
		}
	})
}

// TestExtras checks that requested custom fields of other systems become attributes: from objects, lists, strings, and
// names with dots.
func TestExtras(t *testing.T) {
	for _, test := range []struct {
		format, in string
		attributes map[string]string
		want       string
	}{
		{"auth0", `{"user_id":"auth0|1","identities":[],"email":"a@example.com","user_metadata":{"team":"red",` +
			`"size":4},"app_metadata":{"https://example.com/plan":"gold"}}`,
			map[string]string{"user_metadata.team": "attributes.team", "user_metadata.size": "attributes.size",
				"user_metadata.none": "attributes.none", "app_metadata.https://example.com/plan": "attributes.plan"},
			`{"plan":"gold","size":4,"team":"red"}`},
		{"keycloak", `{"username":"a","enabled":true,"emailVerified":true,` +
			`"attributes":{"team":["red"],"two":["a","b"]}}`,
			map[string]string{"attributes.team": "attributes.team", "attributes.two": "attributes.two"},
			`{"team":"red","two":["a","b"]}`},
		{"kratos", `{"schema_id":"default","traits":{"email":"a@example.com","team":"red"},"metadata_public":null}`,
			map[string]string{"traits.team": "attributes.team", "metadata_public.plan": "attributes.plan"},
			`{"team":"red"}`},
		{"firebase", `{"localId":"1","email":"a@example.com","customAttributes":"{\"team\":\"red\"}"}`,
			map[string]string{"customAttributes.team": "attributes.team"}, `{"team":"red"}`},
		{"pocketbase", `{"collectionId":"1","email":"a@example.com","team":"red","team.lead":true}`,
			map[string]string{"team": "attributes.team", "team.lead": "attributes.leads"},
			`{"leads":true,"team":"red"}`},
		{"supabase", "id,email,encrypted_password,raw_user_meta_data\n1,a@example.com,," +
			"\"{\"\"team\"\":\"\"red\"\"}\"\n",
			map[string]string{"raw_user_meta_data.team": "attributes.team"}, `{"team":"red"}`},
		{"supabase", `{"encrypted_password":"","email":"a@example.com","raw_user_meta_data":{"team":"red"}}`, nil,
			`null`},
	} {
		_, found := readAll(t, strings.NewReader(test.in), Options{Format: test.format, Map: test.attributes})
		if len(found) != 1 || len(found[0].Errors) > 0 {
			t.Fatalf("%s: %+v", test.format, found)
		}
		got, err := json.Marshal(found[0].Person.Attributes)
		if err != nil || string(got) != test.want {
			t.Errorf("%s: %s %v, want %s", test.format, got, err, test.want)
		}
	}
	for in, attributes := range map[string]map[string]string{
		`{"localId":"1"}`:                            {"displayName": "username"},
		`{"localId":"2"}`:                            {"displayName": "attributes."},
		`{"email":"a@example.com"}`:                  {"email": "username"},
		"id,encrypted_password\n1,x\n":               {"id": "id"},
		`{"user_id":"1","identities":[],"email":""}`: {"": "attributes.team"},
	} {
		if _, err := Open(strings.NewReader(in), Options{Map: attributes}); !errors.Is(err, ErrFile) {
			t.Errorf("%s with %v: %v", in, attributes, err)
		}
	}
}

func TestNative(t *testing.T) {
	long := `{"email":"` + strings.Repeat("a", maxRow) + `"}`
	_, found := readAll(t, strings.NewReader("\uFEFF"+`{"email":"a@example.com","contacts":[{"kind":"phone",`+
		`"value":"1"}],"roles":[{"name":"auditor"}],"preferences":{"a":[1]}}`+"\n\n"+
		`{"email":1,"phone":"2","nonsense":3,"created_at":"yesterday","problems":[]}`+"\n"+
		`{"email":`+"\n"+`[1]`+"\n"+long+"\n"+`{"email":"b@example.com"}`), Options{})
	var got []string
	for _, row := range found {
		got = append(got, fmt.Sprintf("%d:%s", row.Line, describe(t, row)))
	}
	want := []string{
		`1:{"email":"a@example.com","contacts":[{"kind":"phone","value":"1"}],"preferences":{"a":[1]},` +
			`"roles":[{"name":"auditor"}]}`,
		`3:{"phone":"2"} /created_at field_type /email field_type /nonsense field_unknown`,
		`4:{}  row_malformed`,
		`5:{}  row_malformed`,
		`6:{}  row_too_long`,
		`7:{"email":"b@example.com"}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestColumns(t *testing.T) {
	text := "E-Mail;First name;Last name;id;Verified;Team;shoe size\n" +
		"ana@example.com;Ana;Doe;17;yes;red;42\nbo@example.com;Bo;Doe;18;perhaps;red\n\"cy@example.com;x\n"
	r, found := readAll(t, strings.NewReader(text),
		Options{Map: map[string]string{"shoe size": "attributes.shoe", "Team": ""}})
	want := []cardinal.ImportColumn{{Name: "E-Mail", Field: "email"}, {Name: "First name", Field: "display_name"},
		{Name: "Last name", Field: "display_name"}, {Name: "id"},
		{Name: "Verified", Field: "email_verified"}, {Name: "Team"}, {Name: "shoe size", Field: "attributes.shoe"}}
	for i := range r.Columns {
		r.Columns[i].Near = ""
	}
	if diff := cmp.Diff(want, r.Columns); diff != "" {
		t.Error(diff)
	}
	var got []string
	for _, row := range found {
		got = append(got, describe(t, row))
	}
	if diff := cmp.Diff([]string{`{"display_name":"Ana Doe","email":"ana@example.com","email_verified":true,` +
		`"attributes":{"shoe":"42"}}`, `{}  row_malformed`, `{}  row_malformed`}, got); diff != "" {
		t.Error(diff)
	}
	if place := r.ColumnOf(cardinal.FieldError{Pointer: "/attributes/shoe"}); place != "column 7, shoe size" {
		t.Error(place)
	}
	if place := r.ColumnOf(cardinal.FieldError{Pointer: "/email"}); place != "column 1, E-Mail" {
		t.Error(place)
	}
}

func TestAllColumns(t *testing.T) {
	const id = "0199f0a0-8b4c-7def-8123-456789abcdef"
	cells := map[string]string{
		"id": id, "kind": "human", "status": "deleted", "status_before_deletion": "active",
		"created_at": "2026-01-02T03:04:05Z", "deleted_at": "2026-02-03 04:05:06", "display_name": "Ana",
		"username": "ana", "email": "ana@example.com", "email_verified": "yes", "phone": "+1", "phone_verified": "1",
		"avatar_url": "https://x", "country": "PT", "locale": "pt", "time_zone": "UTC", "preferences": `{"a":1}`,
		"attributes": `{"b":2}`, "password_hash": "$x", "password_set_at": "1700000000", "must_change_password": "t",
		"roles": "auditor",
	}
	var user cardinal.ImportRow
	for _, field := range csvFields {
		if want := setField(&user, field, cells[field]); want != "" {
			t.Errorf("%s: %q is not %s", field, cells[field], want)
		}
	}
	want := `{"id":"` + id + `","kind":"human","status":"deleted","status_before_deletion":"active",` +
		`"created_at":"2026-01-02T03:04:05Z","deleted_at":"2026-02-03T04:05:06Z",` +
		`"display_name":"Ana","username":"ana",` +
		`"email":"ana@example.com","email_verified":true,"phone":"+1","phone_verified":true,"avatar_url":"https://x",` +
		`"country":"PT","locale":"pt","time_zone":"UTC","preferences":{"a":1},"attributes":{"b":2},` +
		`"password_hash":"$x","password_set_at":"2023-11-14T22:13:20Z","must_change_password":true,` +
		`"roles":[{"name":"auditor"}]}`
	if got, err := json.Marshal(user); string(got) != want {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
	for field, value := range map[string]string{"id": "1", "created_at": "x", "deleted_at": "x", "password_set_at": "x",
		"email_verified": "x", "phone_verified": "x", "must_change_password": "x", "preferences": "[]",
		"attributes": "x"} {
		if setField(&user, field, value) == "" {
			t.Errorf("%s: accepted %q", field, value)
		}
	}
	if got, _ := json.Marshal(user); string(got) != want {
		t.Errorf("an invalid value was stored: %s", got)
	}
}

// TestEveryFieldHasColumn checks that a column can set each field of an ImportRow, except the list of contacts.
func TestEveryFieldHasColumn(t *testing.T) {
	cells := map[string]string{ // by the type of the field
		"string": "x", "bool": "true", "*time.Time": "2026-01-02", "uuid.UUID": "0199f0a0-8b4c-7def-8123-456789abcdef",
		"map[string]interface {}": `{"a":1}`, "[]cardinal.ImportRole": "auditor",
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[cardinal.ImportRow]()) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "contacts" {
			continue
		}
		if got := guessField(name); got != name {
			t.Errorf("the column %s is read into %q", name, got)
			continue
		}
		var user cardinal.ImportRow
		want := setField(&user, name, cells[field.Type.String()])
		value := reflect.ValueOf(user).FieldByIndex(field.Index)
		if want != "" || value.IsZero() {
			t.Errorf("the column %s cannot set a %s: want %q", name, field.Type, want)
		}
		if field.Type.Kind() == reflect.String && value.String() != "x" {
			t.Errorf("the column %s sets %q, want x", name, value)
		}
	}
}

func TestSynonymsAreFields(t *testing.T) {
	for name, field := range synonyms {
		if !slices.Contains(csvFields, field) {
			t.Errorf("%s is a synonym of %s, which is not a field", name, field)
		}
	}
}

func TestInvalidFiles(t *testing.T) {
	for name, test := range map[string]struct {
		text, want string
		o          Options
	}{
		"Empty":         {" \n", "empty", Options{}},
		"UnknownFormat": {"a", "there is no format", Options{Format: "excel"}},
		"NotThatFormat": {"a,b\n", "it is not auth0: it begins with", Options{Format: "auth0"}},
		"NoIdentifier":  {"colour,size\nred,1\n", "no column identifies a user", Options{}},
		"UnknownColumn": {"email\n", "there is no column", Options{Map: map[string]string{"mail": "email"}}},
		"UnknownField":  {"email\n", "there is no field", Options{Map: map[string]string{"email": "nonsense"}}},
		"NoUsers":       {"{\n\"realm\": \"x\",\n\"roles\": []\n}", "line 4: there is no list of users", Options{}},
		"EndsInList": {"{\n\"users\": [\n{\"email\":\"a@example.com\"},\n",
			"line 4: the list of users is not complete", Options{}},
		"EndsInUser":     {"[{\"email\":\"a@exa", "line 1: a value is not complete", Options{}},
		"UnclosedQuotes": {"email\n\"" + strings.Repeat("a\n", 3*maxRow), "line 2: a row is longer than", Options{}},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Open(strings.NewReader(test.text), test.o)
			for row := (Row{}); err == nil; {
				err = r.Read(&row)
			}
			if !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v", err)
			}
		})
	}
}

func TestProblemsHaveFormatOfFile(t *testing.T) {
	fieldErrors := []cardinal.FieldError{{Pointer: "/email", Code: "email_format", Message: "Enter \"it\""},
		{Code: "row_duplicate", Message: "Again"}}
	for name, test := range map[string]struct{ in, want string }{
		"CSV": {"mail;name\n\"a;b\";x\n", "mail;name;problems\n\"a;b\";x;\"email: Enter \"\"it\"\"; Again\"\n"},
		"NDJSON": {`{"email": "a@@b", "x": [1, 2]}` + "\n",
			`{"email":"a@@b","x":[1,2],"problems":[{"pointer":"/email","code":"email_format","message":"Enter ` +
				`\"it\""},{"code":"row_duplicate","message":"Again"}]}` + "\n"},
		"Broken": {"{\"email\":}\n", `{"line":1,"problems":[{"pointer":"/email","code":"email_format",` +
			`"message":"Enter \"it\""},{"code":"row_duplicate","message":"Again"}],"row":"{\"email\":}"}` + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			r, found := readAll(t, strings.NewReader(test.in), Options{})
			var out bytes.Buffer
			p := r.ProblemsWriter(&out)
			if err := errors.Join(p.Write(&found[0], fieldErrors), p.Flush()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, out.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// FuzzRead checks that reading any input ends, numbers the rows from 1, and never returns a row over the limit.
func FuzzRead(f *testing.F) {
	seeds, err := filepath.Glob("testdata/*.*")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range seeds {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, "")
		f.Add(text, "csv")
	}
	f.Add([]byte("{\"users\":[{\"email\":\"a\"},,]}"), "keycloak")
	f.Add([]byte("email,name\n\"a\"\"b\",c\n"), "")
	f.Fuzz(func(t *testing.T, text []byte, format string) {
		r, err := Open(bytes.NewReader(text), Options{Format: format})
		if err != nil {
			return
		}
		problems := r.ProblemsWriter(io.Discard)
		var row Row
		for n := int64(1); ; n++ {
			err := r.Read(&row)
			if err == io.EOF || errors.Is(err, ErrFile) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if row.Number != n || row.Line < 1 || len(row.raw) > 8*maxRow {
				t.Fatalf("row %d, line %d, %d bytes", row.Number, row.Line, len(row.raw))
			}
			if err := problems.Write(&row, row.Errors); err != nil {
				t.Fatal(err)
			}
		}
	})
}
