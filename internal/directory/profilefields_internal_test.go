package directory

import (
	"bytes"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardinal"
	"cardinal/internal/seal"
	"cardinal/internal/store"
)

// jsonName returns the name of a struct field in JSON.
func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// TestProfileFieldsInStructs: each struct has all fields of ProfileFields, and ProfileFields has all fields of a
// profile in each struct.
func TestProfileFieldsInStructs(t *testing.T) {
	for _, c := range []struct {
		value   any
		other   string // the fields that are not of a profile
		partial bool   // it does not have all fields of a profile
	}{
		{&cardinal.Profile{}, "UserID CreatedAt UpdatedAt Version Unreadable", false},
		{&cardinal.ProfileChange{}, "", false},
		{&cardinal.NewUser{},
			"Kind Email EmailVerified Phone PhoneVerified Password MustChangePassword ChosenByUser", false},
		{&cardinal.ImportRow{}, "ID Kind Status StatusBeforeDeletion CreatedAt DeletedAt Email EmailVerified Phone " +
			"PhoneVerified Contacts PasswordHash PasswordSetAt MustChangePassword Roles", false},
		{&cardinal.SignUp{}, "Email Password", true},
		{&cardinal.SetUp{}, "Token Email Password", true},
	} {
		structType := reflect.TypeOf(c.value).Elem()
		t.Run(structType.Name(), func(t *testing.T) {
			for _, f := range reflect.VisibleFields(structType) {
				isOther := slices.Contains(strings.Fields(c.other), f.Name)
				i := slices.IndexFunc(ProfileFields, func(p ProfileField) bool { return p.goName == f.Name })
				switch {
				case isOther && i >= 0:
					t.Errorf("%s is in ProfileFields and listed as a field that is not of a profile", f.Name)
				case !isOther && i < 0:
					t.Errorf("%s is not in ProfileFields", f.Name)
				case !isOther && jsonName(f) != ProfileFields[i].Name:
					t.Errorf("%s is %q in JSON and %q in ProfileFields", f.Name, jsonName(f), ProfileFields[i].Name)
				}
			}
			for _, f := range ProfileFields {
				if f.fieldOf(c.value) == nil && !c.partial {
					t.Errorf("it does not have the field %s", f.Name)
				}
			}
		})
	}
}

// TestProfileFieldAccessors: each field of a profile and each column of its record is reached by exactly one row of
// ProfileFields.
func TestProfileFieldAccessors(t *testing.T) {
	var p cardinal.Profile
	var r store.ProfileRecord
	reached := map[any]string{}
	for _, f := range ProfileFields {
		if got, want := f.profile(&p), f.fieldOf(&p); got != want {
			t.Errorf("%s: the function for the profile does not return the field %s", f.Name, f.goName)
		}
		column := f.record(&r)
		if other, ok := reached[column]; ok {
			t.Errorf("%s and %s have the same column", f.Name, other)
		}
		reached[column] = f.Name
		if _, isBytes := column.(*[]byte); isBytes != strings.HasSuffix(f.Column, "_sealed") {
			t.Errorf("%s: the column is called %s, and it is a %T", f.Name, f.Column, column)
		}
		if text := f.Text(&p); (text == nil) != (f.Doc == "") {
			t.Errorf("%s: a text has a description and a document has none", f.Name)
		}
	}
	bookkeeping := []string{"UserID", "CreatedAt", "UpdatedAt", "Version", "SchemaVersion"}
	record := reflect.ValueOf(&r).Elem()
	for i := range record.NumField() {
		name := record.Type().Field(i).Name
		if _, ok := reached[record.Field(i).Addr().Interface()]; ok == slices.Contains(bookkeeping, name) {
			t.Errorf("%s of ProfileRecord: in ProfileFields %t, want %t", name, ok, !ok)
		}
	}
}

// fullProfile returns a profile with a different value in each field of ProfileFields.
func fullProfile() cardinal.Profile {
	p := cardinal.Profile{UserID: cardinal.NewID(), Version: 3}
	for _, f := range ProfileFields {
		switch field := f.fieldOf(&p).(type) {
		case *string:
			*field = "canary " + f.Name
		case *map[string]any:
			*field = map[string]any{"key": "canary " + f.Name}
		}
	}
	return p
}

func TestProfileEncryption(t *testing.T) {
	d, key, p := &Directory{log: slog.New(slog.DiscardHandler)}, seal.NewKey(), fullProfile()
	for field, value := range reflect.ValueOf(p).Fields() {
		if value.IsZero() && !slices.Contains([]string{"CreatedAt", "UpdatedAt", "Unreadable"}, field.Name) {
			t.Fatalf("%s is not set", field.Name)
		}
	}
	r, err := EncryptProfile(p, key)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("RoundTrip", func(t *testing.T) {
		got := d.DecryptProfile(r, key)
		if diff := cmp.Diff(p, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
	t.Run("Empty", func(t *testing.T) {
		empty := cardinal.Profile{UserID: p.UserID}
		r, err := EncryptProfile(empty, key)
		if err != nil {
			t.Fatal(err)
		}
		got := d.DecryptProfile(r, key)
		want := cardinal.Profile{
			UserID: p.UserID, Locale: "und", TimeZone: "UTC",
			Preferences: map[string]any{}, Attributes: map[string]any{},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		for _, f := range ProfileFields {
			if column, ok := f.record(&r).(*[]byte); ok && *column != nil {
				t.Errorf("%s: the column of an empty field is not null", f.Name)
			}
		}
	})
	for _, f := range ProfileFields {
		column, ok := f.record(&r).(*[]byte)
		if !ok {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			if len(*column) == 0 || bytes.Contains(*column, []byte("canary")) {
				t.Errorf("stored as %q", *column)
			}
			// A value is bound to its column and its user.
			for _, other := range ProfileFields {
				moved := store.ProfileRecord{UserID: p.UserID}
				to, ok := other.record(&moved).(*[]byte)
				if !ok || other.Name == f.Name {
					continue
				}
				*to = *column
				if got := d.DecryptProfile(moved, key); !slices.Equal(got.Unreadable, []string{other.Name}) {
					t.Errorf("decrypted in the column of %s: %+v", other.Name, got)
				}
			}
			moved := store.ProfileRecord{UserID: cardinal.NewID()}
			*f.record(&moved).(*[]byte) = *column
			if got := d.DecryptProfile(moved, key); !slices.Equal(got.Unreadable, []string{f.Name}) {
				t.Errorf("decrypted for another user: %+v", got)
			}
			moved.UserID = p.UserID
			if got := d.DecryptProfile(moved, seal.NewKey()); !slices.Equal(got.Unreadable, []string{f.Name}) {
				t.Errorf("decrypted with another key: %+v", got)
			}
		})
	}
}

// TestSetProfileFields: the fields of a NewUser and of an ImportRow are copied to a profile and back.
func TestSetProfileFields(t *testing.T) {
	want := fullProfile()
	want.UserID, want.Version = cardinal.Profile{}.UserID, 0
	for _, in := range []any{&cardinal.NewUser{}, &cardinal.ImportRow{}} {
		SetProfileFields(in, want)
		if diff := cmp.Diff(want, ProfileOf(in)); diff != "" {
			t.Errorf("%T (-want +got)\n%s", in, diff)
		}
	}
}
