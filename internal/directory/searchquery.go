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
	"cardinal/internal/searchindex"
	"cardinal/internal/store"
)

// A search runs in two steps. First, parseSearch turns its words into tokens of the blind index (see search.go), and
// the database returns the users that have all tokens. Second, search decrypts these users and compares the whole
// words, because a token covers only a prefix.

// searchQuery is a parsed search: what a user must match.
type searchQuery struct {
	words      []string
	domains    []string // of email addresses, or prefixes of them
	attributes map[string]any
}

// maxQueryWords bounds the words of one search: each needs an index scan.
const maxQueryWords = 6

// maxQueryDomains bounds the domains of one search.
const maxQueryDomains = 2

// matches reports whether a user matches: each word of the search is a prefix of a word of the user, each domain a
// prefix of a domain, and each attribute is equal.
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

// parseSearch parses the search of a filter and adds its tokens to the query. It returns all errors of the search as
// fieldErrors; err is set when search is off, not ready, or the database fails.
func (k Desk) parseSearch(
	ctx context.Context, r store.Reader, f cardinal.UserFilter, query *store.UserQuery,
) (q searchQuery, fieldErrors cardinal.FieldErrors, err error) {
	q.attributes = f.Attributes
	forms, err := k.requireSearchReady(ctx, r)
	if err != nil {
		return q, nil, err
	}
	if f.Search != "" {
		if fieldError := k.d.keys.parseWords(f.Search, forms, query, &q); fieldError != nil {
			fieldErrors = append(fieldErrors, *fieldError)
		}
	}
	more, err := k.addAttributeTokens(ctx, r, f.Attributes, query)
	return q, append(fieldErrors, more...), err
}

// parseWords parses the words of a search and adds their tokens to the query. The part after an @ is a domain. A
// domain that is complete has a token, if domains are indexed; a part of one is only compared.
func (k *Keys) parseWords(
	text string, forms tokenForms, query *store.UserQuery, q *searchQuery,
) *cardinal.FieldError {
	for _, field := range strings.Fields(text) {
		local, domain, hasDomain := strings.Cut(field, "@")
		q.words = append(q.words, normal.Words(local)...)
		if domain = strings.ToLower(domain); !hasDomain || domain == "" {
			continue
		}
		address, err := normal.Email("x@" + domain)
		if err == nil {
			_, domain = normal.EmailWords(address)
		}
		if forms.domains && err == nil {
			query.Tokens = append(query.Tokens, k.searchToken("domain", domain))
		}
		q.domains = append(q.domains, domain)
	}
	if len(q.words) > maxQueryWords || len(q.domains) > maxQueryDomains {
		fieldError := cardinal.ParameterError("q", "search_too_long", maxQueryWords, maxQueryDomains)
		return &fieldError
	}
	form := searchindex.Bucketed
	if forms.exact {
		form = searchindex.Exact
	}
	tokens, pairs := form.Query(k.search.MAC, q.words)
	query.Tokens, query.Pairs = append(query.Tokens, tokens...), pairs
	if len(query.Tokens) == 0 {
		fieldError := cardinal.ParameterError("q", "search_too_short")
		return &fieldError
	}
	return nil
}

// addAttributeTokens adds the tokens of attributes to the query. It returns the errors of attributes that cannot be
// searched. It is refused while the index of an attribute is not built yet.
func (k Desk) addAttributeTokens(
	ctx context.Context, r store.Reader, attributes map[string]any, query *store.UserQuery,
) (fieldErrors cardinal.FieldErrors, err error) {
	if len(attributes) == 0 {
		return nil, nil
	}
	definitions, err := r.AllAttributeDefinitions(ctx)
	if err != nil {
		return nil, err
	}
	finished, err := r.LatestFinishedSearchBuild(ctx)
	if err != nil {
		return nil, err
	}
	searchable := []string{}
	for _, definition := range definitions {
		if !definition.IsSearchable {
			continue
		}
		searchable = append(searchable, definition.Name)
		value, given := attributes[definition.Name]
		switch {
		case !given:
		case JSONType(value) != definition.ValueType:
			fieldErrors.AddParameter("attributes", "attribute_type", definition.ValueType+" for "+definition.Name)
		case finished.BeganAt.Before(definition.CreatedAt):
			return nil, errSearchBuilding
		default:
			token := k.d.keys.searchToken("attribute", definition.Name, attributeJSON(value))
			query.Tokens = append(query.Tokens, token)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		if !slices.Contains(searchable, name) {
			fieldErrors.AddParameter("attributes", "attribute_not_searchable", joinNames(searchable))
		}
	}
	return fieldErrors, nil
}

func joinNames(names []string) string {
	if len(names) == 0 {
		return "none is declared as searchable"
	}
	return strings.Join(names, ", ")
}

var (
	errSearchOff      = cardinal.Refuse("search_off")
	errSearchBuilding = cardinal.Refuse("search_building")
)

// requireSearchReady returns the form of the tokens to search by: exact or bucketed, and whether domains have one. The
// error is a refusal when search is off or its index is not built.
func (k Desk) requireSearchReady(ctx context.Context, r store.Reader) (tokenForms, error) {
	s, err := k.d.CurrentSettings(ctx, r)
	if err != nil {
		return tokenForms{}, err
	}
	if !s.SearchOn {
		return tokenForms{}, errSearchOff
	}
	finished, err := r.LatestFinishedSearchBuild(ctx)
	if errors.Is(err, cardinal.ErrNotFound) {
		return tokenForms{}, errSearchBuilding
	}
	if err != nil || finished.Form == formExact {
		return tokenForms{exact: true, domains: true}, err
	}
	forms := tokenForms{bucketed: true}
	if s.SearchDomains {
		domains, err := r.Setting(ctx, "search.domains")
		if err != nil {
			return forms, err
		}
		forms.domains = domains.Version == 1 || finished.BeganAt.After(domains.UpdatedAt)
	}
	return forms, nil
}

// maxDecryptedPerPage bounds how many users a search decrypts for one page.
const maxDecryptedPerPage = 400

// search returns a page of the users who match, with their profiles. It reads the users that the tokens select, a page
// at a time, decrypts and compares them. It stops when the page is full, or when a bound is reached: the page is then
// short, and says where the next one begins.
func (k Desk) search(
	ctx context.Context, r store.Reader, query store.UserQuery, q searchQuery,
) (cardinal.List[cardinal.User], error) {
	limit := query.Limit
	var page cardinal.List[cardinal.User]
	for decrypted := 0; ; {
		scan, err := r.Users(ctx, query)
		if err != nil {
			return page, err
		}
		more := len(scan.Users) > limit
		users := scan.Users[:min(len(scan.Users), limit)]
		matching, err := k.d.decryptMatches(ctx, r, users, q)
		if err != nil {
			return page, err
		}
		page.Data = append(page.Data, matching...)
		if len(page.Data) > limit || more && len(page.Data) == limit {
			page.Data, page.HasMore = page.Data[:limit], true
			return page, nil
		}
		if len(users) > 0 {
			query.After = users[len(users)-1].ID
		}
		decrypted += len(users)
		switch {
		case !more && scan.ResumeAfter == uuid.Nil: // the end of the list
			return page, nil
		case !more: // the bound of the store
			page.After, page.HasMore = scan.ResumeAfter, true
			return page, nil
		case decrypted >= maxDecryptedPerPage:
			page.After, page.HasMore = query.After, true
			return page, nil
		}
	}
}

// decryptMatches decrypts some users and returns those who match a search, with their profiles.
func (d *Directory) decryptMatches(
	ctx context.Context, r store.Reader, users []store.UserRecord, q searchQuery,
) ([]cardinal.User, error) {
	ids, profiles := make([]uuid.UUID, len(users)), make(map[uuid.UUID]*cardinal.Profile, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	texts, err := d.searchableTexts(ctx, r, ids, func(p cardinal.Profile) { profiles[p.UserID] = &p })
	if err != nil {
		return nil, err
	}
	var matching []cardinal.User
	for _, u := range users {
		if q.matches(texts[u.ID]) {
			u.Profile = profiles[u.ID]
			matching = append(matching, u.User)
		}
	}
	return matching, nil
}
