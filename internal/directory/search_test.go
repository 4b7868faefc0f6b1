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

// search returns the display names of all users that a filter finds, in the order of the pages.
func search(t testing.TB, w *world, f cardinal.UserFilter) []string {
	t.Helper()
	f.Limit = 2
	names := []string{}
	for {
		page := value(w.Operator().Users(t.Context(), f, true))(t)
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

// indexDomains switches the index of domains on and waits for it.
func indexDomains(t testing.TB, w *world) {
	t.Helper()
	w.SetSetting(t, "search.domains", "on")
	w.Clock.Add(time.Minute)
	w.RunJob(t, "search.build")
	w.Clock.Add(time.Second)
}

// TestDomainsNotIndexedByDefault: a domain has no token, because the tokens of domains disclose the mail provider of
// almost every user. It is still compared, next to a word that has a token.
func TestDomainsNotIndexedByDefault(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		for _, email := range []string{"ana.lopez@example.com", "ana.lopez@example.org"} {
			value(w.Operator().CreateUser(ctx, cardinal.NewUser{DisplayName: email, Email: email}))(t)
		}
		byDomain := cardinal.UserFilter{Search: "@example.com", Page: cardinal.Page{Limit: 2}}
		_, err := w.Operator().Users(ctx, byDomain, false)
		expectRefusal(t, err, "q search_too_short")
		got := search(t, w, cardinal.UserFilter{Search: "ana @example.com"})
		if diff := cmp.Diff([]string{"ana.lopez@example.com"}, got); diff != "" {
			t.Errorf("a word and a domain: %s", diff)
		}
		before := len(allTokens(t, w))
		indexDomains(t, w)
		if got := search(t, w, byDomain); len(got) != 1 {
			t.Errorf("with search.domains on: %v", got)
		}
		if n := len(allTokens(t, w)); n != before+2 {
			t.Errorf("%d tokens with domains, %d without, want 2 more", n, before)
		}
		w.SetSetting(t, "search.domains", "off")
		w.Clock.Add(time.Minute)
		w.RunJob(t, "search.build")
		if n := len(allTokens(t, w)); n != before {
			t.Errorf("%d tokens after search.domains was switched off, want %d", n, before)
		}
	})
}

func TestSearch(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx, k := t.Context(), w.Operator()
		indexDomains(t, w)
		value(k.CreateAttributeDefinition(ctx, cardinal.NewAttributeDefinition{
			Name: "team", Description: "Team.", ValueType: "string", IsSearchable: true,
		}))(t)
		value(k.CreateAttributeDefinition(ctx, cardinal.NewAttributeDefinition{
			Name: "level", Description: "Level.", ValueType: "number", IsSearchable: true,
		}))(t)
		value(k.CreateAttributeDefinition(ctx, cardinal.NewAttributeDefinition{
			Name: "note", Description: "Note.", ValueType: "string",
		}))(t)
		people := map[string]cardinal.User{}
		for _, in := range []cardinal.NewUser{
			{DisplayName: "Ana María López", Username: "anita", Email: "a.lopez@example.com"},
			{DisplayName: "Ana Belén Müller", Attributes: map[string]any{"team": "red", "level": 3.0, "note": "x"}},
			{DisplayName: "Mária Anderson", Email: "m83@mail.example.org", Attributes: map[string]any{"team": "Red"}},
			{DisplayName: "王小明", Attributes: map[string]any{"team": "red"}},
			{DisplayName: "สมชาย ใจดี"},
			{DisplayName: "محمد الأحمد"},
			{DisplayName: "김민수"},
			{DisplayName: "Billing", Kind: "service"},
			{DisplayName: "Inês da Silva", Email: "ines.silva@example.com", Attributes: map[string]any{"team": "blue"}},
		} {
			people[in.DisplayName] = value(k.CreateUser(ctx, in))(t)
		}
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
				if diff := cmp.Diff(want, search(t, w, cardinal.UserFilter{Search: q})); diff != "" {
					t.Errorf("%q: %s", q, diff)
				}
			}
		})
		t.Run("InvalidQueries", func(t *testing.T) {
			for q, want := range map[string]string{"a": "q search_too_short", "- !": "q search_too_short",
				"a @exam": "q search_too_short", "aa bb cc dd ee ff gg": "q search_too_long"} {
				_, err := k.Users(ctx, cardinal.UserFilter{Search: q, Page: cardinal.Page{Limit: 2}}, false)
				expectRefusal(t, err, want)
			}
			_, err := k.Users(ctx, cardinal.UserFilter{
				Search: "a", Status: "odd", Page: cardinal.Page{Limit: 2},
			}, false)
			expectRefusal(t, err, "q search_too_short, status status_unknown")
			_, err = k.Users(ctx, cardinal.UserFilter{
				Search: "a", Status: "odd", Attributes: map[string]any{"note": "x"}, Page: cardinal.Page{Limit: 2},
			}, false)
			expectRefusal(t, err, "attributes attribute_not_searchable, q search_too_short, status status_unknown")
		})
		t.Run("WithFilters", func(t *testing.T) {
			u := people["Ana Belén Müller"]
			value(k.SuspendUser(ctx, u.ID, u.Version))(t)
			for want, f := range map[string]cardinal.UserFilter{
				"Ana Belén Müller": {Search: "ana", Status: "suspended"},
				"Ana María López":  {Search: "ana", Status: "active", Kind: "person"},
				"":                 {Search: "ana", Kind: "service"},
			} {
				if got := strings.Join(search(t, w, f), ", "); got != want {
					t.Errorf("%+v finds %q, want %q", f, got, want)
				}
			}
		})
		t.Run("AfterChanges", func(t *testing.T) {
			u := people["Mária Anderson"]
			profile := value(k.Profile(ctx, u.ID))(t)
			value(k.UpdateProfile(ctx, u.ID, profile.Version, cardinal.ProfileChange{
				DisplayName: cardinal.Set("Maria Bergström"),
			}))(t)
			if got := search(t, w, cardinal.UserFilter{Search: "bergstrom"}); len(got) != 1 {
				t.Errorf("the new name finds %v", got)
			}
			before := value(w.Store.Read(ctx).SearchTokens(ctx, u.ID))(t)
			contact := value(k.AddContact(ctx, u.ID, cardinal.NewContact{
				Kind: "email", Value: "mia@berg.example", Verified: true,
			}))(t)
			for q, want := range map[string]int{"anderson": 0, "bergstrom": 1, "mia": 1, "mia m83": 1,
				"@berg.example": 1} {
				if got := search(t, w, cardinal.UserFilter{Search: q}); len(got) != want {
					t.Errorf("%q finds %v", q, got)
				}
			}
			noError(t, k.RemoveContact(ctx, u.ID, contact.ID, contact.Version))
			if diff := cmp.Diff(before, value(w.Store.Read(ctx).SearchTokens(ctx, u.ID))(t)); diff != "" {
				t.Errorf("tokens of a removed address: %s", diff)
			}
		})
		t.Run("Attributes", func(t *testing.T) {
			_, err := k.Users(ctx, cardinal.UserFilter{
				Attributes: map[string]any{"team": "red"}, Page: cardinal.Page{Limit: 2},
			}, false)
			expectRefusal(t, err, "search_building")
			w.Clock.Add(time.Minute)
			w.RunJob(t, "search.build")
			for want, attributes := range map[string]map[string]any{
				"Ana Belén Müller, 王小明": {"team": "red"},
				"Ana Belén Müller":      {"team": "red", "level": 3.0},
				"Inês da Silva":         {"team": "blue"},
				"":                      {"team": "re"},
			} {
				if got := strings.Join(search(t, w, cardinal.UserFilter{Attributes: attributes}), ", "); got != want {
					t.Errorf("%v finds %q, want %q", attributes, got, want)
				}
			}
			for want, attributes := range map[string]map[string]any{
				"attributes attribute_not_searchable":                            {"note": "x"},
				"attributes attribute_not_searchable, attributes attribute_type": {"level": "3", "none": "x"},
			} {
				_, err := k.Users(ctx, cardinal.UserFilter{
					Attributes: attributes, Page: cardinal.Page{Limit: 2},
				}, false)
				expectRefusal(t, err, want)
			}
		})
		t.Run("Count", func(t *testing.T) {
			for want, f := range map[cardinal.Count]cardinal.UserFilter{
				{Value: 9, IsExact: true}:  {},
				{Value: 1, IsExact: true}:  {Kind: "service"},
				{Value: 2, IsExact: true}:  {Attributes: map[string]any{"team": "red"}},
				{Value: 2, IsExact: false}: {Search: "ana"},
			} {
				if got := value(k.CountUsers(ctx, f))(t); got != want {
					t.Errorf("%+v counts %+v, want %+v", f, got, want)
				}
			}
		})
		t.Run("OffDeletesTokens", func(t *testing.T) {
			before := allTokens(t, w)
			w.SetSetting(t, "search.mode", "off")
			_, err := k.Users(ctx, cardinal.UserFilter{Search: "ana", Page: cardinal.Page{Limit: 2}}, false)
			expectRefusal(t, err, "search_off")
			w.RunJob(t, "search.build")
			value(k.CreateUser(ctx, cardinal.NewUser{DisplayName: "Hidden Person"}))(t)
			if n := len(allTokens(t, w)); n != 0 {
				t.Errorf("%d tokens are left", n)
			}
			w.SetSetting(t, "search.mode", "on")
			w.RunJob(t, "search.build") // another node can still have the old setting
			_, err = k.Users(ctx, cardinal.UserFilter{Search: "ana", Page: cardinal.Page{Limit: 2}}, false)
			expectRefusal(t, err, "search_building")
			w.Clock.Add(time.Minute)
			w.RunJob(t, "search.build")
			if got := search(t, w, cardinal.UserFilter{Search: "hidden"}); len(got) != 1 {
				t.Errorf("found %v after search was switched on again", got)
			}
			found := search(t, w, cardinal.UserFilter{Search: "hidden person"})
			after := allTokens(t, w)
			if len(found) != 1 || len(after) <= len(before) || len(without(before, after)) > 0 {
				t.Errorf("%d tokens before, %d after; %d missing", len(before), len(after), len(without(before, after)))
			}
		})
	})
}

// allTokens returns the rows of search_tokens as text.
func allTokens(t testing.TB, w *world) []string {
	rows := value(w.SQL(t).Query(`SELECT token, user_id FROM search_tokens ORDER BY 1, 2`))(t)
	defer rows.Close()
	var all []string
	for rows.Next() {
		var token, id sql.RawBytes
		noError(t, rows.Scan(&token, &id))
		all = append(all, fmt.Sprintf("%x %x", []byte(token), []byte(id)))
	}
	noError(t, rows.Err())
	return all
}

func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(some, s) })
}

// TestSearchBuildWithOlderNode: an older node writes no tokens, so the build waits until it has left.
func TestSearchBuildWithOlderNode(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.NewPerson(t)
		noError(t, w.Store.Write(ctx, func(tx store.Tx) error {
			if _, err := tx.DeleteSearchIndex(ctx, 100); err != nil {
				return err
			}
			return tx.InsertNode(ctx, store.Node{
				ID: cardinal.NewID(), Build: "older", SchemaNumber: 10, StartedAt: w.Clock.Now(),
				LastSeenAt: w.Clock.Now(),
			})
		}))
		w.RunJob(t, "search.build")
		if n := len(allTokens(t, w)); n != 0 {
			t.Errorf("%d tokens were created while an older node runs", n)
		}
		w.Clock.Add(time.Hour)
		w.RunJob(t, "search.build")
		if n := len(allTokens(t, w)); n == 0 {
			t.Error("no tokens were created after the older node stopped")
		}
	})
}

// TestOlderNodeJoinsAfterSearchBuild: an older node joins after the build. The users that it changes are found again
// after it leaves; until then, a search is refused as incomplete.
func TestOlderNodeJoinsAfterSearchBuild(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx, op := t.Context(), w.Operator()
		filter := cardinal.UserFilter{Search: "older spelling", Page: cardinal.Page{Limit: 2}}
		w.RunJob(t, "search.build")
		p := value(op.CreateUser(ctx, cardinal.NewUser{DisplayName: "Older Spelling"}))(t)
		if got := search(t, w, filter); len(got) != 1 {
			t.Fatalf("found %v before the older node", got)
		}
		older := store.Node{
			ID: cardinal.NewID(), Build: "older", SchemaNumber: 10, StartedAt: w.Clock.Now(), LastSeenAt: w.Clock.Now(),
		}
		noError(t, w.Store.Write(ctx, func(tx store.Tx) error {
			if err := tx.InsertNode(ctx, older); err != nil {
				return err
			}
			return tx.ReplaceSearchTokens(ctx, []uuid.UUID{p.ID}, nil) // as for a user that the older node creates
		}))
		w.RunJob(t, "search.build")
		_, err := op.Users(ctx, filter, false)
		expectRefusal(t, err, "search_building")
		noError(t, w.Store.Write(ctx, func(tx store.Tx) error { return tx.DeleteNode(ctx, older.ID) }))
		w.RunJob(t, "search.build")
		if got := search(t, w, filter); len(got) != 1 {
			t.Errorf("found %v after the older node", got)
		}
	})
}

// TestSearchTokensDifferByKey: the tokens of a name differ between two databases, so names cannot be guessed without
// the key.
func TestSearchTokensDifferByKey(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		tokens := func(w *world) (found []string) {
			value(w.Operator().CreateUser(t.Context(), cardinal.NewUser{
				DisplayName: "Ana María López", Email: "ana@example.com",
			}))(t)
			for _, row := range allTokens(t, w) {
				token, _, _ := strings.Cut(row, " ")
				found = append(found, token)
			}
			return found
		}
		here, there := tokens(w), tokens(directorytest.NewWorld(t, w.Engine))
		if len(here) == 0 || len(without(here, there)) != len(here) {
			t.Errorf("%v and %v have tokens in common", here, there)
		}
	})
}
