package main

// searches are the protections of lists and searches: what they return, what they store and how many rows they scan.
var searches = []mutant{
	{name: "search results are decrypted and compared", pkg: directoryTests, run: "TestSearch$",
		edit: edit{"internal/directory/searchquery.go",
			`		if q.matches(texts[u.ID]) {`, `		if q.matches(texts[u.ID]) || true {`}},
	{name: "search tokens follow changes of the profile", pkg: directoryTests, run: "TestSearch$",
		edit: edit{"internal/directory/profiles.go",
			`	tx.reindexUsers[current.UserID] = true`, ``}},
	{name: "search tokens follow removed contacts", pkg: directoryTests, run: "TestSearch$",
		edit: edit{"internal/directory/contacts.go",
			`	tx.RecordRows(store.DeletedRow("contacts", userID, id))
	tx.reindexUsers[userID] = true`, `	tx.RecordRows(store.DeletedRow("contacts", userID, id))`}},
	{name: "no search tokens are stored while search is off", pkg: directoryTests, run: "TestSearch$",
		edit: edit{"internal/directory/search.go",
			`	delete(tx.reindexUsers, userID)
	forms, err := tx.Desk.d.writtenForms(ctx, tx.Reader)
	if err != nil || !forms.any() {`, `	delete(tx.reindexUsers, userID)
	forms, err := tx.Desk.d.writtenForms(ctx, tx.Reader)
	if forms.bucketed = true; err != nil {`}},
	{name: "switching search off deletes the search tokens", pkg: directoryTests, run: "TestSearch$",
		edit: edit{"internal/directory/searchbuild.go",
			`	if mode.Value != "on" {
		return k.deleteSearchIndex(ctx)`, `	if mode.Value != "on" {
		return nil`}},
	{name: "search is refused until all users are indexed", pkg: directoryTests, run: "TestSearch$",
		edit: edit{"internal/directory/searchquery.go",
			`	if errors.Is(err, cardinal.ErrNotFound) {
		return tokenForms{}, errSearchBuilding`, `	if errors.Is(err, cardinal.ErrNotFound) {
		return tokenForms{bucketed: true}, nil`}},
	{name: "only searchable attributes are compared", pkg: directoryTests, run: "TestSearch$",
		edit: edit{"internal/directory/searchquery.go",
			`		if !definition.IsSearchable {
			continue
		}`, ``}},
	{name: "the search index is built after the older nodes have stopped",
		pkg: directoryTests, run: "TestSearchBuildWithOlderNode",
		edit: edit{"internal/directory/searchbuild.go",
			`} else if len(older) > 0 {`, `} else if len(older) > 1000 {`}},
	{name: "the search index is rebuilt after an older node wrote",
		pkg: directoryTests, run: "TestOlderNodeJoinsAfterSearchBuild",
		edit: edit{"internal/directory/searchbuild.go",
			`func(tx store.Tx) error { return tx.DeleteSearchBuilds(ctx) })`,
			`func(tx store.Tx) error { return nil })`}},
	{name: "erasure deletes the search tokens", pkg: importingTests, run: "TestUndo",
		edit: edit{"internal/store/bulkerase.go",
			`"search_tokens", `, ``}},
	{name: "search tokens are keyed", pkg: directoryTests, run: "TestSearchTokensDifferByKey",
		edit: edit{"internal/directory/search.go",
			`searchindex.Bucketed.Tokens(k.search.MAC, f.Words)`, `searchindex.Bucketed.Tokens(
			func(_ string, parts ...[]byte) (sum [32]byte) {
				copy(sum[:], parts[len(parts)-1])
				return sum
			}, f.Words)`}},
	{name: "prefixes share a token", pkg: "./internal/searchindex", run: "TestTokensShareBuckets",
		edit: edit{"internal/searchindex/searchindex.go",
			`	if buckets > 0 {`, `	if false {`}},
	{name: "which prefixes share a token depends on the key", pkg: "./internal/searchindex",
		run: "TestBucketsDependOnTheKey", edit: edit{"internal/searchindex/searchindex.go",
			`	sum := mac("search "+kind, texts...)`, `	sum := sha256.Sum256(bytes.Join(texts, nil))`},
		also: []edit{{"internal/searchindex/searchindex.go", `import (`, `import (
	"bytes"
	"crypto/sha256"`}}},
	{name: "domains have no tokens by default", pkg: directoryTests, run: "TestDomainsNotIndexedByDefault",
		edit: edit{"internal/directory/searchform.go",
			`domains: exact || s.SearchDomains}`, `domains: true}`}},
	{name: "bucketed tokens replace the exact ones after the contraction",
		pkg: directoryTests, run: "TestSearchFormChanges", edit: edit{"internal/directory/searchform.go",
			`	exact := form < formBucketed`, `	exact := true`}},
	{name: "searches use exact tokens until every user has bucketed ones",
		pkg: directoryTests, run: "TestSearchFormChanges", edit: edit{"internal/directory/searchquery.go",
			`	if err != nil || finished.Form == formExact {`, `	if err != nil {`}},
	{name: "no scan deletes exact tokens while older nodes can read them",
		pkg: directoryTests, run: "TestSearchFormChanges", edit: edit{"internal/directory/searchform.go",
			`	case err != nil || !contracted:`, `	case err != nil:`}},
	{name: "a page of users scans a limited number of rows", pkg: storeTests, run: "TestSQLite$",
		edit: edit{"internal/store/pagescan.go",
			`	if !driving.exceedsScan {`, `	if true {`}},
	{name: "a page of events scans a limited number of rows", pkg: storeTests, run: "TestSQLite$",
		edit: edit{"internal/store/audit.go",
			`	left := maxScan`, `	left := 1 << 30`}},
	{name: "a page of search results decrypts a limited number of users", pkg: apiTests, run: "TestShortPages",
		edit: edit{"internal/directory/searchquery.go",
			`const maxDecryptedPerPage = 400`, `const maxDecryptedPerPage = 1 << 30`}},
	{name: "a list is counted only on request", pkg: apiTests, run: "TestShortPages",
		edit: edit{"internal/api/users.go",
			`	if withCount {`, `	if true {`}},
}
