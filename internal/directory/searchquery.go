package directory

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/normal"
	"cardinal/internal/store"
)

// searchQuery is what a list of users is searched for.
type searchQuery struct {
	words      []string
	domains    []string // of e-mail addresses, or what they begin with
	attributes map[string]any
}

// maxQueryWords bounds the words of one search: each is an index to look into.
const maxQueryWords = 6

// maxQueryDomains bounds the domains of one search.
const maxQueryDomains = 2

// matches reports whether somebody is whom a search is for: each of its words begins a word of theirs.
func (q searchQuery) matches(f SearchableText) bool {
	for _, word := range q.words {
		if !slices.ContainsFunc(f.Words, func(w string) bool { return strings.HasPrefix(w, word) }) {
			return false
		}
	}
	for _, domain := range q.domains {
		if !slices.ContainsFunc(f.Domains, func(d string) bool { return strings.HasPrefix(d, domain) }) {
			return false
		}
	}
	for name, value := range q.attributes {
		have, ok := f.Attributes[name]
		if !ok || attributeJSON(have) != attributeJSON(value) {
			return false
		}
	}
	return true
}

// parseSearch takes a search apart and puts the tokens that it goes by into the filter; it returns every fault of it.
func (k Desk) parseSearch(ctx context.Context, r store.Reader, f *cardinal.UserFilter) (q searchQuery, faults cardinal.Faults, err error) {
	q.attributes = f.Attributes
	if err := k.requireSearchReady(ctx, r); err != nil {
		return q, nil, err
	}
	if f.Search != "" {
		if fault := k.d.keys.parseWords(f, &q); fault != nil {
			faults = append(faults, *fault)
		}
	}
	wrong, err := k.addAttributeTokens(ctx, r, f)
	return q, append(faults, wrong...), err
}

// parseWords takes the words of a search apart: what stands behind @ is a domain.
func (k *Keys) parseWords(f *cardinal.UserFilter, q *searchQuery) *cardinal.Fault {
	for _, field := range strings.Fields(f.Search) {
		local, domain, mail := strings.Cut(field, "@")
		q.words = append(q.words, normal.Words(local)...)
		if domain = strings.ToLower(domain); !mail || domain == "" {
			continue
		}
		if address, err := normal.Email("x@" + domain); err == nil {
			_, domain = normal.MailWords(address)
			f.Tokens = append(f.Tokens, k.searchToken("domain", domain))
		}
		q.domains = append(q.domains, domain)
	}
	if len(q.words) > maxQueryWords || len(q.domains) > maxQueryDomains {
		fault := cardinal.ParameterFault("q", "search_too_long", maxQueryWords, maxQueryDomains)
		return &fault
	}
	var shortest []string
	for _, word := range q.words {
		found := indexedPrefixes(word)
		if len(found) == 0 {
			continue // too short to go by; it is compared
		}
		f.Tokens = append(f.Tokens, k.searchToken("prefix", found[len(found)-1]))
		if !slices.Contains(shortest, found[0]) {
			shortest = append(shortest, found[0])
		}
	}
	shortest = shortest[:min(len(shortest), 3)] // what pairs more words make only costs their looking up
	for i, a := range shortest {
		for _, b := range shortest[i+1:] {
			f.Pairs = append(f.Pairs, k.searchToken("pair", min(a, b), max(a, b)))
		}
	}
	if len(f.Tokens) == 0 {
		fault := cardinal.ParameterFault("q", "search_too_short")
		return &fault
	}
	return nil
}

// addAttributeTokens puts the tokens of attributes into the filter; it returns the faults of those that cannot be searched.
func (k Desk) addAttributeTokens(ctx context.Context, r store.Reader, f *cardinal.UserFilter) (faults cardinal.Faults, err error) {
	if len(f.Attributes) == 0 {
		return nil, nil
	}
	definitions, err := r.AllAttributeDefinitions(ctx)
	if err != nil {
		return nil, err
	}
	finished, err := r.FinishedSearchBuild(ctx)
	if err != nil {
		return nil, err
	}
	searchable := []string{}
	for _, definition := range definitions {
		if !definition.IsSearchable {
			continue
		}
		searchable = append(searchable, definition.Name)
		value, asked := f.Attributes[definition.Name]
		switch {
		case !asked:
		case JSONType(value) != definition.ValueType:
			faults.AddParameter("attributes", "attribute_type", definition.ValueType+" for "+definition.Name)
		case finished.BeganAt.Before(definition.CreatedAt):
			return nil, errSearchBuilding
		default:
			f.Tokens = append(f.Tokens, k.d.keys.searchToken("attribute", definition.Name, attributeJSON(value)))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.Attributes)) {
		if !slices.Contains(searchable, name) {
			faults.AddParameter("attributes", "attribute_not_searchable", joinNames(searchable))
		}
	}
	return faults, nil
}

func joinNames(names []string) string {
	if len(names) == 0 {
		return "none are declared searchable"
	}
	return strings.Join(names, ", ")
}

var (
	errSearchOff      = cardinal.Refuse("search_off")
	errSearchBuilding = cardinal.Refuse("search_building")
)

// requireSearchReady returns nil when everybody can be found.
func (k Desk) requireSearchReady(ctx context.Context, r store.Reader) error {
	s, err := k.d.CurrentSettings(ctx, r)
	if err != nil {
		return err
	}
	if !s.SearchOn {
		return errSearchOff
	}
	if _, err = r.FinishedSearchBuild(ctx); errors.Is(err, cardinal.ErrNotFound) {
		return errSearchBuilding
	}
	return err
}

// maxDecryptedPerPage bounds how many people a search opens for one page.
const maxDecryptedPerPage = 400

// search returns a page of those whom a search is for, with their profiles: what the tokens give is opened and compared, a page at a
// time. A page that comes out short says where the next begins.
func (k Desk) search(ctx context.Context, r store.Reader, f cardinal.UserFilter, q searchQuery) (cardinal.List[cardinal.User], error) {
	limit := f.Limit
	var page cardinal.List[cardinal.User]
	for opened := 0; ; {
		walk, err := r.Users(ctx, f)
		if err != nil {
			return page, err
		}
		more := len(walk.Users) > limit
		walk.Users = walk.Users[:min(len(walk.Users), limit)]
		if err := k.d.decryptMatches(ctx, r, walk.Users, q, &page.Data); err != nil {
			return page, err
		}
		if len(page.Data) > limit || more && len(page.Data) == limit {
			page.Data, page.HasMore = page.Data[:limit], true
			return page, nil
		}
		if len(walk.Users) > 0 {
			f.After = walk.Users[len(walk.Users)-1].ID
		}
		if opened += len(walk.Users); !more && walk.Until == uuid.Nil {
			return page, nil
		} else if !more {
			page.After, page.HasMore = walk.Until, true
			return page, nil
		} else if opened >= maxDecryptedPerPage {
			page.After, page.HasMore = f.After, true
			return page, nil
		}
	}
}

// decryptMatches opens some users and keeps those whom a search is for.
func (d *Directory) decryptMatches(ctx context.Context, r store.Reader, users []cardinal.User, q searchQuery, keep *[]cardinal.User) error {
	ids, profiles := make([]uuid.UUID, len(users)), make(map[uuid.UUID]*cardinal.Profile, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	found, err := d.searchableTexts(ctx, r, ids, func(p cardinal.Profile) { profiles[p.UserID] = &p })
	if err != nil {
		return err
	}
	for _, u := range users {
		if q.matches(found[u.ID]) {
			u.Profile = profiles[u.ID]
			*keep = append(*keep, u)
		}
	}
	return nil
}
