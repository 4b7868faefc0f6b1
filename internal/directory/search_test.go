package directory_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/store"
)

// finds returns the display names, or else the ids, of all whom a filter finds, in the order of the pages.
func (w *world) finds(t testing.TB, f cardinal.UserFilter) []string {
	t.Helper()
	f.Limit = 2
	names := []string{}
	for {
		page := must(w.operator().Users(t.Context(), f, true))(t)
		for _, u := range page.Data {
			names = append(names, u.Profile.DisplayName)
		}
		if !page.HasMore {
			return names
		}
		if f.After = page.After; f.After == uuid.Nil {
			f.After = page.Data[len(page.Data)-1].ID
		}
	}
}

func TestSearch(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx, k := t.Context(), w.operator()
		must(k.CreateAttributeDefinition(ctx, cardinal.NewAttributeDefinition{Name: "team", Description: "Team.", ValueType: "string", IsSearchable: true}))(t)
		must(k.CreateAttributeDefinition(ctx, cardinal.NewAttributeDefinition{Name: "floor", Description: "Floor.", ValueType: "number", IsSearchable: true}))(t)
		must(k.CreateAttributeDefinition(ctx, cardinal.NewAttributeDefinition{Name: "note", Description: "Note.", ValueType: "string"}))(t)
		people := map[string]cardinal.User{}
		for _, in := range []cardinal.NewUser{
			{DisplayName: "Ana María López", Username: "anita", Email: "a.lopez@example.com"},
			{DisplayName: "Ana Belén Müller", Attributes: map[string]any{"team": "red", "floor": 3.0, "note": "x"}},
			{DisplayName: "Mária Anderson", Email: "m83@mail.example.org", Attributes: map[string]any{"team": "Red"}},
			{DisplayName: "王小明", Attributes: map[string]any{"team": "red"}},
			{DisplayName: "สมชาย ใจดี"},
			{DisplayName: "محمد الأحمد"},
			{DisplayName: "김민수"},
			{DisplayName: "Billing", Kind: "service"},
		} {
			people[in.DisplayName] = must(k.CreateUser(ctx, in))(t)
		}
		imported := lines(`{"email":"ines.silva@example.com","display_name":"Inês da Silva","attributes":{"team":"blue"}}`)
		w.imports(t, imported)
		t.Run("Words", func(t *testing.T) {
			for q, want := range map[string][]string{
				"ana":                  {"Ana María López", "Ana Belén Müller"},
				"ANA":                  {"Ana María López", "Ana Belén Müller"},
				"an ma":                {"Ana María López", "Mária Anderson"},
				"maria anderson":       {"Mária Anderson"},
				"anderson maria":       {"Mária Anderson"},
				"maria a":              {"Ana María López", "Mária Anderson"},
				"muller":               {"Ana Belén Müller"},
				"MÜLLER":               {"Ana Belén Müller"},
				"mullerin":             {},
				"lopez anit":           {"Ana María López"},
				"a.lo":                 {"Ana María López"},
				"m83":                  {"Mária Anderson"},
				"lopez @example.com":   {"Ana María López"},
				"lopez @exam":          {"Ana María López"},
				"lopez @mail":          {},
				"@example.com":         {"Ana María López", "Inês da Silva"},
				"@MAIL.example.org":    {"Mária Anderson"},
				"m83@mail.example.org": {"Mária Anderson"},
				"小":                    {"王小明"},
				"王小":                   {"王小明"},
				"ใจ":                   {"สมชาย ใจดี"},
				"احمد":                 {},
				"الاحمد":               {"محمد الأحمد"},
				"김":                    {"김민수"},
				"bill":                 {"Billing"},
				"ines si":              {"Inês da Silva"},
				"zz":                   {},
				"ana zz":               {},
				"na":                   {},
				"López, Ana":           {"Ana María López"},
			} {
				if diff := cmp.Diff(want, w.finds(t, cardinal.UserFilter{Search: q})); diff != "" {
					t.Errorf("%q: %s", q, diff)
				}
			}
		})
		t.Run("Refuses", func(t *testing.T) {
			for q, want := range map[string]string{"a": "q search_too_short", "- !": "q search_too_short", "a @exam": "q search_too_short",
				"aa bb cc dd ee ff gg": "q search_too_long"} {
				_, err := k.Users(ctx, cardinal.UserFilter{Search: q, Page: cardinal.Page{Limit: 2}}, false)
				refuses(t, err, want)
			}
			_, err := k.Users(ctx, cardinal.UserFilter{Search: "a", Status: "odd", Page: cardinal.Page{Limit: 2}}, false)
			refuses(t, err, "q search_too_short, status status_unknown")
			_, err = k.Users(ctx, cardinal.UserFilter{Search: "a", Status: "odd", Attributes: map[string]any{"note": "x"}, Page: cardinal.Page{Limit: 2}}, false)
			refuses(t, err, "attributes attribute_not_searchable, q search_too_short, status status_unknown")
		})
		t.Run("CombinesWithFilters", func(t *testing.T) {
			u := people["Ana Belén Müller"]
			must(k.SuspendUser(ctx, u.ID, u.Version))(t)
			for want, f := range map[string]cardinal.UserFilter{
				"Ana Belén Müller": {Search: "ana", Status: "suspended"},
				"Ana María López":  {Search: "ana", Status: "active", Kind: "person"},
				"":                 {Search: "ana", Kind: "service"},
			} {
				if got := strings.Join(w.finds(t, f), ", "); got != want {
					t.Errorf("%+v finds %q, want %q", f, got, want)
				}
			}
		})
		t.Run("FollowsChanges", func(t *testing.T) {
			u := people["Mária Anderson"]
			profile := must(k.Profile(ctx, u.ID))(t)
			must(k.UpdateProfile(ctx, u.ID, profile.Version, cardinal.ProfileChange{DisplayName: cardinal.Set("Maria Bergström")}))(t)
			if got := w.finds(t, cardinal.UserFilter{Search: "bergstrom"}); len(got) != 1 {
				t.Errorf("the new name finds %v", got)
			}
			before := must(w.Store.Read(ctx).SearchTokens(ctx, u.ID))(t)
			contact := must(k.AddContact(ctx, u.ID, cardinal.NewContact{Kind: "email", Value: "mia@berg.example", Verified: true}))(t)
			for q, want := range map[string]int{"anderson": 0, "bergstrom": 1, "mia": 1, "mia m83": 1, "@berg.example": 1} {
				if got := w.finds(t, cardinal.UserFilter{Search: q}); len(got) != want {
					t.Errorf("%q finds %v", q, got)
				}
			}
			ok(t, k.RemoveContact(ctx, u.ID, contact.ID, contact.Version))
			if diff := cmp.Diff(before, must(w.Store.Read(ctx).SearchTokens(ctx, u.ID))(t)); diff != "" {
				t.Errorf("tokens of an address that is gone: %s", diff)
			}
		})
		t.Run("Attributes", func(t *testing.T) {
			_, err := k.Users(ctx, cardinal.UserFilter{Attributes: map[string]any{"team": "red"}, Page: cardinal.Page{Limit: 2}}, false)
			refuses(t, err, "search_building")
			w.Clock.Add(time.Minute)
			w.run(t, "search.build")
			for want, attributes := range map[string]map[string]any{
				"Ana Belén Müller, 王小明": {"team": "red"},
				"Ana Belén Müller":      {"team": "red", "floor": 3.0},
				"Inês da Silva":         {"team": "blue"},
				"":                      {"team": "re"},
			} {
				if got := strings.Join(w.finds(t, cardinal.UserFilter{Attributes: attributes}), ", "); got != want {
					t.Errorf("%v finds %q, want %q", attributes, got, want)
				}
			}
			for want, attributes := range map[string]map[string]any{
				"attributes attribute_not_searchable":                            {"note": "x"},
				"attributes attribute_not_searchable, attributes attribute_type": {"floor": "3", "none": "x"},
			} {
				_, err := k.Users(ctx, cardinal.UserFilter{Attributes: attributes, Page: cardinal.Page{Limit: 2}}, false)
				refuses(t, err, want)
			}
		})
		t.Run("Counts", func(t *testing.T) {
			for want, f := range map[cardinal.Count]cardinal.UserFilter{
				{Value: 9, IsExact: true}:  {},
				{Value: 1, IsExact: true}:  {Kind: "service"},
				{Value: 2, IsExact: true}:  {Attributes: map[string]any{"team": "red"}},
				{Value: 2, IsExact: false}: {Search: "ana"},
			} {
				if got := must(k.CountUsers(ctx, f))(t); got != want {
					t.Errorf("%+v counts %+v, want %+v", f, got, want)
				}
			}
		})
		t.Run("OffForgetsEverything", func(t *testing.T) {
			before := w.allTokens(t)
			w.set(t, "search.mode", "off")
			_, err := k.Users(ctx, cardinal.UserFilter{Search: "ana", Page: cardinal.Page{Limit: 2}}, false)
			refuses(t, err, "search_off")
			w.run(t, "search.build")
			must(k.CreateUser(ctx, cardinal.NewUser{DisplayName: "Nobody Finds"}))(t)
			if n := len(w.allTokens(t)); n != 0 {
				t.Errorf("%d tokens are left", n)
			}
			w.set(t, "search.mode", "on")
			w.run(t, "search.build") // another node may not know yet
			_, err = k.Users(ctx, cardinal.UserFilter{Search: "ana", Page: cardinal.Page{Limit: 2}}, false)
			refuses(t, err, "search_building")
			w.Clock.Add(time.Minute)
			w.run(t, "search.build")
			if got := w.finds(t, cardinal.UserFilter{Search: "nobody"}); len(got) != 1 {
				t.Errorf("after it was switched on again, %v is found", got)
			}
			nobody := w.finds(t, cardinal.UserFilter{Search: "nobody finds"})
			if after := w.allTokens(t); len(nobody) != 1 || len(after) <= len(before) || len(without(before, after)) > 0 {
				t.Errorf("%d tokens before, %d after; %d missing", len(before), len(after), len(without(before, after)))
			}
		})
	})
}

// allTokens are the rows of search_tokens, as text.
func (w *world) allTokens(t testing.TB) []string {
	rows := must(w.raw(t).Query(`SELECT token, user_id FROM search_tokens ORDER BY 1, 2`))(t)
	defer rows.Close()
	var all []string
	for rows.Next() {
		var token, id sql.RawBytes
		ok(t, rows.Scan(&token, &id))
		all = append(all, fmt.Sprintf("%x %x", []byte(token), []byte(id)))
	}
	ok(t, rows.Err())
	return all
}

func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(some, s) })
}

// TestSearchBuildWaitsForOlderNodes: what a node of an older version changes is not found, so nobody says that all can be.
func TestSearchBuildWaitsForOlderNodes(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.person(t)
		ok(t, w.Store.Write(ctx, func(tx store.Tx) error {
			if _, err := tx.DeleteSearch(ctx, 100); err != nil {
				return err
			}
			return tx.InsertNode(ctx, store.Node{ID: cardinal.NewID(), Build: "older", SchemaNumber: 10, StartedAt: w.Clock.Now(), LastSeenAt: w.Clock.Now()})
		}))
		w.run(t, "search.build")
		if n := len(w.allTokens(t)); n != 0 {
			t.Errorf("%d tokens are made beside an older node", n)
		}
		w.Clock.Add(time.Hour)
		w.run(t, "search.build")
		if n := len(w.allTokens(t)); n == 0 {
			t.Error("no tokens are made once it is silent")
		}
	})
}

// TestOlderNodeAfterSearchBuild: who is changed by a node of an older version that joins when all could be found is found again when
// it is gone, and until then nobody says that all are.
func TestOlderNodeAfterSearchBuild(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx, op := t.Context(), w.operator()
		sought := cardinal.UserFilter{Search: "older spelling", Page: cardinal.Page{Limit: 2}}
		w.run(t, "search.build")
		p := must(op.CreateUser(ctx, cardinal.NewUser{DisplayName: "Older Spelling"}))(t)
		if got := w.finds(t, sought); len(got) != 1 {
			t.Fatalf("before, %v is found", got)
		}
		older := store.Node{ID: cardinal.NewID(), Build: "older", SchemaNumber: 10, StartedAt: w.Clock.Now(), LastSeenAt: w.Clock.Now()}
		ok(t, w.Store.Write(ctx, func(tx store.Tx) error {
			if err := tx.InsertNode(ctx, older); err != nil {
				return err
			}
			return tx.SetSearchTokens(ctx, []uuid.UUID{p.ID}, nil) // as for whom that node makes
		}))
		w.run(t, "search.build")
		_, err := op.Users(ctx, sought, false)
		refuses(t, err, "search_building")
		ok(t, w.Store.Write(ctx, func(tx store.Tx) error { return tx.DeleteNode(ctx, older.ID) }))
		w.run(t, "search.build")
		if got := w.finds(t, sought); len(got) != 1 {
			t.Errorf("after, %v is found", got)
		}
	})
}

// TestSearchTokensAreKeyed: the same name has nothing in common in two databases, so that who has no key cannot try names.
func TestSearchTokensAreKeyed(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		tokens := func(w *world) (found []string) {
			must(w.operator().CreateUser(t.Context(), cardinal.NewUser{DisplayName: "Ana María López", Email: "ana@example.com"}))(t)
			for _, row := range w.allTokens(t) {
				token, _, _ := strings.Cut(row, " ")
				found = append(found, token)
			}
			return found
		}
		here, there := tokens(w), tokens(&world{Fixture: directorytest.Open(t, w.engine), engine: w.engine})
		if len(here) == 0 || len(without(here, there)) != len(here) {
			t.Errorf("%v and %v have tokens in common", here, there)
		}
	})
}
