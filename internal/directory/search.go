package directory

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/normal"
	"cardinal/internal/seal"
	"cardinal/internal/searchindex"
	"cardinal/internal/store"
)

// Search uses a blind index. Names and addresses are encrypted, so the database cannot compare them. Instead, each user
// has rows in search_tokens; a token is a keyed hash (HMAC, cut to 128 bits) of something that the user can be found
// by:
//
//   - prefix: the first letters of a word of the name or the address;
//   - pair: the first letters of two words. Alone, a short or common word selects many users; a pair selects few, so
//     that a search for a first and a last name reads few rows;
//   - domain: the domain of an email address, if the setting search.domains is on;
//   - attribute: the name and the whole value of a custom attribute that is declared as searchable.
//
// Different prefixes and pairs share a token (package searchindex): what is frequent is hidden among others.
//
// A search looks up the tokens of its words (searchquery.go), decrypts the users that have all of them, and compares
// the whole words. So a token that selects too many users costs only time. searchbuild.go creates the tokens of the
// users that existed before, and changes the form of tokens while the service runs (searchform.go).

// SearchableText is what a user can be found by, decrypted.
type SearchableText struct {
	Words      []string // of names and addresses, in the form of normal.Words
	Domains    []string // of email addresses
	Attributes map[string]any
}

// AddEmail adds an email address in its normal form.
func (f *SearchableText) AddEmail(address string) {
	words, domain := normal.EmailWords(address)
	f.Words, f.Domains = append(f.Words, words...), append(f.Domains, domain)
}

// searchTokens returns the search tokens of a user. searchable lists the custom attributes that are indexed.
func (k *Keys) searchTokens(f SearchableText, searchable []string, forms tokenForms) [][]byte {
	var tokens [][]byte
	if forms.exact {
		tokens = searchindex.Exact.Tokens(k.search.MAC, f.Words)
	}
	if forms.bucketed {
		tokens = append(tokens, searchindex.Bucketed.Tokens(k.search.MAC, f.Words)...)
	}
	if forms.domains {
		for i, domain := range f.Domains {
			if !slices.Contains(f.Domains[:i], domain) {
				tokens = append(tokens, k.searchToken("domain", domain))
			}
		}
	}
	for _, name := range searchable {
		if value, ok := f.Attributes[name]; ok {
			tokens = append(tokens, k.searchToken("attribute", name, attributeJSON(value)))
		}
	}
	return tokens
}

// SearchTokens returns the search tokens of a new user, in the forms that are written now; none when search is off.
func (d *Directory) SearchTokens(
	ctx context.Context, r store.Reader, f SearchableText, searchable []string,
) ([][]byte, error) {
	forms, err := d.writtenForms(ctx, r)
	if err != nil || !forms.any() {
		return nil, err
	}
	return d.keys.searchTokens(f, searchable, forms), nil
}

// searchToken returns a search token: a keyed hash, cut to 128 bits. If two different inputs had the same token, that
// would cost only a comparison.
func (k *Keys) searchToken(kind string, parts ...string) []byte {
	texts := make([][]byte, len(parts))
	for i, part := range parts {
		texts[i] = []byte(part)
	}
	mac := k.search.MAC("search "+kind, texts...)
	return mac[:16]
}

// attributeJSON returns the value of an attribute as one text. It is JSON, so that the string "1" differs from the
// number 1.
func attributeJSON(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic("directory: an attribute that was read from JSON cannot be written as JSON: " + err.Error())
	}
	return string(text)
}

// updateSearchTokens replaces the search tokens of the users whose names or addresses the change touched.
func (tx *Tx) updateSearchTokens(ctx context.Context) error {
	if len(tx.reindexUsers) == 0 {
		return nil
	}
	ids := make([]uuid.UUID, 0, len(tx.reindexUsers))
	for id := range tx.reindexUsers {
		ids = append(ids, id)
	}
	forms, err := tx.Desk.d.writtenForms(ctx, tx.Reader)
	if err != nil || !forms.any() {
		return err
	}
	tokens, err := tx.Desk.d.searchTokensOf(ctx, tx.Reader, ids, forms)
	if err != nil {
		return err
	}
	return tx.ReplaceSearchTokens(ctx, ids, tokens)
}

// addSearchTokens inserts the search tokens of a new user.
func (tx *Tx) addSearchTokens(ctx context.Context, userID uuid.UUID, f SearchableText) error {
	delete(tx.reindexUsers, userID)
	forms, err := tx.Desk.d.writtenForms(ctx, tx.Reader)
	if err != nil || !forms.any() {
		return err
	}
	var searchable []string
	if len(f.Attributes) > 0 {
		if searchable, err = searchableAttributes(ctx, tx.Reader); err != nil {
			return err
		}
	}
	var rows []store.SearchToken
	for _, token := range tx.Desk.d.keys.searchTokens(f, searchable, forms) {
		rows = append(rows, store.SearchToken{Token: token, UserID: userID})
	}
	return tx.InsertSearchTokens(ctx, rows)
}

// searchableAttributes returns the names of the custom attributes that are declared as searchable.
func searchableAttributes(ctx context.Context, r store.Reader) ([]string, error) {
	definitions, err := r.AllAttributeDefinitions(ctx)
	var names []string
	for _, definition := range definitions {
		if definition.IsSearchable {
			names = append(names, definition.Name)
		}
	}
	return names, err
}

// searchTokensOf decrypts the names and addresses of some users and returns their search tokens. It needs three
// statements, however many users there are.
func (d *Directory) searchTokensOf(
	ctx context.Context, r store.Reader, ids []uuid.UUID, forms tokenForms,
) ([]store.SearchToken, error) {
	searchable, err := searchableAttributes(ctx, r)
	if err != nil {
		return nil, err
	}
	texts, err := d.searchableTexts(ctx, r, ids, nil)
	var rows []store.SearchToken
	for _, id := range ids {
		for _, token := range d.keys.searchTokens(texts[id], searchable, forms) {
			rows = append(rows, store.SearchToken{Token: token, UserID: id})
		}
	}
	return rows, err
}

// searchableTexts decrypts the names and addresses of some users. It calls onProfile, unless that is nil, for each
// decrypted profile.
func (d *Directory) searchableTexts(
	ctx context.Context, r store.Reader, ids []uuid.UUID, onProfile func(cardinal.Profile),
) (map[uuid.UUID]SearchableText, error) {
	texts := make(map[uuid.UUID]SearchableText, len(ids))
	if len(ids) == 0 {
		return texts, nil
	}
	contacts, err := r.ContactsOfUsers(ctx, ids)
	if err != nil {
		return texts, err
	}
	emails := map[uuid.UUID][]store.ContactRecord{}
	for _, record := range contacts {
		if record.Kind == normal.KindEmail {
			emails[record.UserID] = append(emails[record.UserID], record)
		}
	}
	return texts, d.forEachProfile(ctx, r, ids, func(profile cardinal.Profile, key seal.Key) error {
		if onProfile != nil {
			onProfile(profile)
		}
		f := SearchableText{Words: SearchWords(&profile), Attributes: profile.Attributes}
		for _, record := range emails[profile.UserID] {
			contact := d.DecryptContact(record, key)
			if address, err := normal.Email(contact.Value); err == nil { // an erased or unreadable value is no address
				f.AddEmail(address)
			}
		}
		texts[profile.UserID] = f
		return nil
	})
}
