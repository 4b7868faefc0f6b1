package check

import (
	"slices"
	"testing"
)

// flawedSchema violates each general point at least once, in statements that both engines accept.
var flawedSchema = []string{
	`CREATE TABLE countries (id integer PRIMARY KEY, name text, tax_rate integer)`,
	`CREATE TABLE users (id integer PRIMARY KEY, email varchar(100), password varchar(20), phone1 text, phone2 text,
	  status text, created_at text,
	   country_id integer REFERENCES countries (id), country_name text)`,
	`CREATE TABLE roles (id integer PRIMARY KEY, name text)`,
	`CREATE TABLE user_roles (user_id integer REFERENCES users (id), role_id integer REFERENCES roles (id))`,
	`CREATE INDEX a1 ON user_roles (user_id)`,
	`CREATE INDEX a2 ON user_roles (user_id, role_id)`,
	`CREATE TABLE languages (code text PRIMARY KEY, tags_list text)`,
	`CREATE TABLE members (id integer PRIMARY KEY, login text)`,
}

// soundSchema satisfies all general points except for missing comments.
var soundSchema = []string{
	`CREATE TABLE users (id uuid PRIMARY KEY, deleted_at TIMESTAMPTZ CHECK (deleted_at IS NOT NULL))`,
	`CREATE TABLE contacts (id uuid PRIMARY KEY, user_id uuid NOT NULL REFERENCES users (id), ` +
		`email text NOT NULL UNIQUE, kind text CHECK (kind IN ('home', 'work')))`,
	`CREATE INDEX contacts_user ON contacts (user_id)`,
	`CREATE TABLE credentials (user_id uuid PRIMARY KEY REFERENCES users (id), password_hash text NOT NULL)`,
	`CREATE TABLE roles (id uuid PRIMARY KEY, name text NOT NULL UNIQUE)`,
	`CREATE TABLE user_roles (user_id uuid REFERENCES users (id), role_id uuid REFERENCES roles (id), ` +
		`PRIMARY KEY (user_id, role_id))`,
	`CREATE INDEX user_roles_role ON user_roles (role_id)`,
}

func runExternal(t *testing.T, engine string, accepted []Acceptance, statements []string) Report {
	t.Helper()
	s := openSubject(t, createDatabase(t, engine, statements...))
	s.External, s.Schema = true, "public"
	r, err := Run(t.Context(), s, nil, accepted)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestExternalDatabase(t *testing.T) {
	want := map[string][]string{
		"G01": {"languages", "user_roles"},
		"G02": {"users.status"},
		"G08": {"users.password"},
		"G11": {"users"},
		"G12": {"user_roles"},
		"G14": {"roles.name"},
		"G15": {"languages.tags_list", "users.phone1"},
		"G17": {"users.country_name"},
		"G19": {"members"},
		"G23": {"user_roles.role_id", "users.country_id"},
		"G24": {"index a1"},
		"G26": {"members.login", "users.email"},
		"G27": {"users.created_at"},
		"G33": {"countries", "countries", "languages", "languages", "members", "members", "roles", "roles",
			"user_roles", "user_roles", "users", "users"},
	}
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			found := map[string][]string{}
			r := runExternal(t, engine, nil, flawedSchema)
			for _, o := range r.Outcomes {
				if o.Kind != Point && o.Kind != Question {
					t.Errorf("%s of an external database is a %s", o.ID, o.Kind)
				}
				for _, f := range o.Findings {
					found[o.ID] = append(found[o.ID], f.Object)
				}
			}
			for id, objects := range want {
				if slices.Sort(found[id]); !slices.Equal(found[id], objects) {
					t.Errorf("%s found %q, want %q", id, found[id], objects)
				}
				delete(found, id)
			}
			if len(found) > 0 {
				t.Errorf("additional findings: %v", found)
			}
			if r.Schema != 0 || !r.Failed() {
				t.Errorf("schema %d, failed %t", r.Schema, r.Failed())
			}
			for _, o := range runExternal(t, engine, nil, soundSchema).Outcomes {
				if len(o.Findings) > 0 && o.ID != "G33" {
					t.Errorf("a sound schema: %s: %+v", o.ID, o.Findings)
				}
			}
		})
	}
}

func TestExternalPostgres(t *testing.T) {
	r := runExternal(t, "postgres", nil, []string{
		`CREATE TABLE public.events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tags text[], at timestamp, ` +
			`code char(3), opened_at timestamptz)`,
		`CREATE TABLE public.parents (id uuid PRIMARY KEY)`,
		`CREATE TABLE public.children (id uuid PRIMARY KEY, parent uuid REFERENCES public.parents, is_first boolean)`,
		`CREATE INDEX children_parent ON public.children (parent) WHERE is_first`,
	})
	for id, object := range map[string]string{"G15": "events.tags", "G27": "events.at", "G23": "children.parent"} {
		i := slices.IndexFunc(r.Outcomes, func(o Outcome) bool { return o.ID == id })
		if o := r.Outcomes[i]; len(o.Findings) != 1 || o.Findings[0].Object != object || o.Findings[0].Fix == "" &&
			id != "G15" {
			t.Errorf("%s: %+v", id, o.Findings)
		}
	}
}

func TestUnmigratedDatabase(t *testing.T) {
	for _, engine := range engines {
		for _, statements := range [][]string{nil, flawedSchema} {
			if _, err := Run(t.Context(), openSubject(t,
				createDatabase(t, engine, append([]string{"CREATE TABLE x (y integer)"}, statements...)...)), nil,
				nil); err != ErrNotCardinal {
				t.Errorf("%s: %v", engine, err)
			}
		}
	}
}

func TestLoginNameIndexes(t *testing.T) {
	for _, c := range []struct {
		unique string
		want   Status
	}{
		{"CREATE UNIQUE INDEX u ON users (email)", Passed},
		{"CREATE UNIQUE INDEX u ON users (lower(email))", Passed},
		{"CREATE UNIQUE INDEX u ON users (tenant_id, email)", Passed},
		{"CREATE UNIQUE INDEX u ON users (email) WHERE deleted_at IS NULL", Passed},
		{"CREATE UNIQUE INDEX u ON users (email, plan)", Failed},
		{"CREATE UNIQUE INDEX u ON users (email) WHERE plan = 'paid'", Failed},
		{"CREATE UNIQUE INDEX u ON users (lower(plan))", Failed},
		{"CREATE INDEX u ON users (email)", Failed},
	} {
		for _, engine := range engines {
			r := runExternal(t, engine, nil, []string{"CREATE TABLE users (id integer PRIMARY KEY, tenant_id " +
				"integer, email text, plan text, deleted_at integer)", c.unique})
			if i := slices.IndexFunc(r.Outcomes,
				func(o Outcome) bool { return o.ID == "G26" }); r.Outcomes[i].Status != c.want {
				t.Errorf("%s: %s: %s", engine, c.unique, r.Outcomes[i].Status)
			}
		}
	}
}
