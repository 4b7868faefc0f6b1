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
	enabled, err := tx.Desk.d.SearchEnabled(ctx, tx.Reader)
	if err != nil || !enabled {`, `	delete(tx.reindexUsers, userID)
	_, err := tx.Desk.d.SearchEnabled(ctx, tx.Reader)
	if err != nil {`}},
	{name: "switching search off deletes the search tokens", pkg: directoryTests, run: "TestSearch$",
		edit: edit{"internal/directory/searchbuild.go",
			`	if mode.Value != "on" {
		return k.deleteSearchIndex(ctx)`, `	if mode.Value != "on" {
		return nil`}},
	{name: "search is refused until all users are indexed", pkg: directoryTests, run: "TestSearch$",
		edit: edit{"internal/directory/searchquery.go",
			`	if _, err = r.LatestFinishedSearchBuild(ctx); errors.Is(err, cardinal.ErrNotFound) {
		return errSearchBuilding`,
			`	if _, err = r.LatestFinishedSearchBuild(ctx); errors.Is(err, cardinal.ErrNotFound) {
		return nil`}},
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
			`	mac := k.search.MAC("search "+kind, texts...)`, `	var mac [32]byte
	for _, text := range texts {
		copy(mac[:], text)
	}`}},
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
			`	if in.Count {`, `	if in.Count || true {`}},
}
