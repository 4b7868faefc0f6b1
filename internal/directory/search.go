package directory

import (
	"context"
	"encoding/json"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/normal"
	"cardinal/internal/seal"
	"cardinal/internal/store"
)

// maxSearchWords bounds how many different words of one person count, those of the name first.
const maxSearchWords = 16

// The lengths in characters of the prefixes that a word is found by. What is typed goes by the longest that it reaches, and the answer
// is compared with the whole; a prefix of every length would double the rows.
var prefixLengths, denseLengths = []int{2, 3, 4, 6, 8}, []int{1, 2, 3, 4, 6}

// dense are the scripts of which one character says as much as two letters.
var dense = []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul}

// prefixes returns the indexed prefixes of a word, shortest first; none for a single letter.
func prefixes(word string) []string {
	first, _ := utf8.DecodeRuneInString(word)
	lengths := prefixLengths
	if unicode.In(first, dense...) {
		lengths = denseLengths
	}
	var found []string
	n := 0
	for at := range word {
		if slices.Contains(lengths, n) {
			found = append(found, word[:at])
		}
		n++
	}
	if slices.Contains(lengths, n) {
		found = append(found, word)
	}
	return found
}

// SearchableText is what somebody is found by.
type SearchableText struct {
	Words      []string // of names and addresses, folded
	Domains    []string // of e-mail addresses
	Attributes map[string]any
}

// AddEmail adds an e-mail address in its normal form.
func (f *SearchableText) AddEmail(address string) {
	words, domain := normal.MailWords(address)
	f.Words, f.Domains = append(f.Words, words...), append(f.Domains, domain)
}

// SearchTokens returns the search tokens of somebody, each once; attributes are those of them that are searchable.
func (k *Keys) SearchTokens(f SearchableText, searchable []string) [][]byte {
	seen := map[string]bool{}
	var tokens [][]byte
	add := func(kind string, parts ...string) {
		token := k.searchToken(kind, parts...)
		if !seen[string(token)] {
			seen[string(token)] = true
			tokens = append(tokens, token)
		}
	}
	var words, shortest []string
	for _, word := range f.Words {
		if slices.Contains(words, word) || len(words) == maxSearchWords {
			continue
		}
		words = append(words, word)
		found := prefixes(word)
		for _, prefix := range found {
			add("prefix", prefix)
		}
		if len(found) > 0 && !slices.Contains(shortest, found[0]) {
			shortest = append(shortest, found[0])
		}
	}
	for i, a := range shortest {
		for _, b := range shortest[i+1:] {
			add("pair", min(a, b), max(a, b))
		}
	}
	for _, domain := range f.Domains {
		add("domain", domain)
	}
	for _, name := range searchable {
		if value, ok := f.Attributes[name]; ok {
			add("attribute", name, attributeText(value))
		}
	}
	return tokens
}

// searchToken is the HMAC of what is searched for, cut to 128 bits: two different ones that are equal only cost a comparison.
func (k *Keys) searchToken(kind string, parts ...string) []byte {
	texts := make([][]byte, len(parts))
	for i, part := range parts {
		texts[i] = []byte(part)
	}
	mac := k.search.MAC("search "+kind, texts...)
	return mac[:16]
}

// attributeText is the one text of an attribute's value: JSON, so that "1" is not 1.
func attributeText(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic("directory: an attribute that came as JSON is none: " + err.Error())
	}
	return string(text)
}

// updateSearchTokens writes anew what those are found by whose names or addresses the change touched.
func (tx *Tx) updateSearchTokens(ctx context.Context) error {
	if len(tx.reindexUsers) == 0 {
		return nil
	}
	ids := make([]uuid.UUID, 0, len(tx.reindexUsers))
	for id := range tx.reindexUsers {
		ids = append(ids, id)
	}
	on, err := tx.Desk.d.SearchEnabled(ctx, tx.Reader)
	if err != nil || !on {
		return err
	}
	tokens, err := tx.Desk.d.searchTokensOf(ctx, tx.Reader, ids)
	if err != nil {
		return err
	}
	return tx.SetSearchTokens(ctx, ids, tokens)
}

// addSearchTokens makes somebody new findable.
func (tx *Tx) addSearchTokens(ctx context.Context, userID uuid.UUID, f SearchableText) error {
	delete(tx.reindexUsers, userID)
	on, err := tx.Desk.d.SearchEnabled(ctx, tx.Reader)
	if err != nil || !on {
		return err
	}
	var searchable []string
	if len(f.Attributes) > 0 {
		if searchable, err = searchableAttributes(ctx, tx.Reader); err != nil {
			return err
		}
	}
	var rows []store.SearchToken
	for _, token := range tx.Desk.d.keys.SearchTokens(f, searchable) {
		rows = append(rows, store.SearchToken{Token: token, UserID: userID})
	}
	return tx.AddSearchTokens(ctx, rows)
}

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

// searchTokensOf opens what some users are found by, with three statements for all.
func (d *Directory) searchTokensOf(ctx context.Context, r store.Reader, ids []uuid.UUID) ([]store.SearchToken, error) {
	searchable, err := searchableAttributes(ctx, r)
	if err != nil {
		return nil, err
	}
	found, err := d.searchableTexts(ctx, r, ids, nil)
	var rows []store.SearchToken
	for _, id := range ids {
		for _, token := range d.keys.SearchTokens(found[id], searchable) {
			rows = append(rows, store.SearchToken{Token: token, UserID: id})
		}
	}
	return rows, err
}

// searchableTexts opens the names and addresses of some users. opened, unless nil, is given each profile.
func (d *Directory) searchableTexts(ctx context.Context, r store.Reader, ids []uuid.UUID, opened func(cardinal.Profile)) (map[uuid.UUID]SearchableText, error) {
	found := make(map[uuid.UUID]SearchableText, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	contacts, err := r.ContactsAmong(ctx, ids)
	if err != nil {
		return found, err
	}
	mails := map[uuid.UUID][]store.ContactRecord{}
	for _, record := range contacts {
		if record.Kind == normal.KindEmail {
			mails[record.UserID] = append(mails[record.UserID], record)
		}
	}
	return found, d.forEachProfile(ctx, r, ids, func(profile cardinal.Profile, key seal.Key) error {
		if opened != nil {
			opened(profile)
		}
		f := SearchableText{Words: SearchWords(&profile), Attributes: profile.Attributes}
		for _, record := range mails[profile.UserID] {
			contact, err := DecryptContact(record, key)
			if err != nil {
				return err
			}
			if address, err := normal.Email(contact.Value); err == nil { // what was erased is no address any more
				f.AddEmail(address)
			}
		}
		found[profile.UserID] = f
		return nil
	})
}
