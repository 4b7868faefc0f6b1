package main

// searches are the protections of lists and searches: what they answer with, what they store, and how much they look at.
var searches = []mutant{
	{name: "a search opens and compares", pkg: directoryTests, run: "TestSearch$", edit: edit{"internal/directory/searchquery.go",
		`		if q.matches(found[u.ID]) {`, `		if q.matches(found[u.ID]) || true {`}},
	{name: "search tokens are of the words as they are now", pkg: directoryTests, run: "TestSearch$", edit: edit{"internal/directory/profiles.go",
		`	c.unfound[current.UserID] = true`, ``}},
	{name: "an address that is gone finds nobody", pkg: directoryTests, run: "TestSearch$", edit: edit{"internal/directory/contacts.go",
		`	c.wrote(store.Gone("contacts", userID, id))
	c.unfound[userID] = true`, `	c.wrote(store.Gone("contacts", userID, id))`}},
	{name: "search switched off stores nothing", pkg: directoryTests, run: "TestSearch$", edit: edit{"internal/directory/search.go",
		`	delete(c.unfound, userID)
	on, err := c.desk.d.searchOn(ctx, c.Reader)
	if err != nil || !on {`, `	delete(c.unfound, userID)
	_, err := c.desk.d.searchOn(ctx, c.Reader)
	if err != nil {`}},
	{name: "search switched off deletes what there was", pkg: directoryTests, run: "TestSearch$", edit: edit{"internal/directory/searchbuild.go",
		`	if mode.Value != "on" {
		return k.forgetSearch(ctx)`, `	if mode.Value != "on" {
		return nil`}},
	{name: "nobody is said to be missing before all are findable", pkg: directoryTests, run: "TestSearch$", edit: edit{"internal/directory/searchquery.go",
		`	if _, err = r.FinishedSearchBuild(ctx); errors.Is(err, cardinal.ErrNotFound) {
		return errSearchBuilding`, `	if _, err = r.FinishedSearchBuild(ctx); errors.Is(err, cardinal.ErrNotFound) {
		return nil`}},
	{name: "only attributes declared searchable are searched", pkg: directoryTests, run: "TestSearch$", edit: edit{"internal/directory/searchquery.go",
		`		if !definition.IsSearchable {
			continue
		}`, ``}},
	{name: "people are made findable when no older node is left", pkg: directoryTests, run: "TestSearchBuildWaitsForOlderNodes", edit: edit{"internal/directory/searchbuild.go",
		`} else if len(older) > 0 {`, `} else if len(older) > 1000 {`}},
	{name: "what an older node left unfound is gone over again", pkg: directoryTests, run: "TestOlderNodeAfterSearchBuild", edit: edit{"internal/directory/searchbuild.go",
		`func(tx store.Tx) error { return tx.DeleteSearchBuilds(ctx) })`, `func(tx store.Tx) error { return nil })`}},
	{name: "search tokens go with the erased", pkg: directoryTests, run: "TestImportIsUndone", edit: edit{"internal/store/bulkerase.go",
		`"search_tokens", `, ``}},
	{name: "a search token is keyed", pkg: directoryTests, run: "TestSearchTokensAreKeyed", edit: edit{"internal/directory/search.go",
		`	mac := k.search.MAC("search "+kind, texts...)`, `	var mac [32]byte
	for _, text := range texts {
		copy(mac[:], text)
	}`}},
	{name: "one walk looks at a bounded number of users", pkg: storeTests, run: "TestSQLite$", edit: edit{"internal/store/pagescan.go",
		`	if !driving.exceedsScan {`, `	if true {`}},
	{name: "one walk looks at a bounded number of events", pkg: storeTests, run: "TestSQLite$", edit: edit{"internal/store/audit.go",
		`	left := maxScan`, `	left := 1 << 30`}},
	{name: "a search opens a bounded number of people for a page", pkg: apiTests, run: "TestShortPages", edit: edit{"internal/directory/searchquery.go",
		`const openMost = 400`, `const openMost = 1 << 30`}},
	{name: "nothing is counted unless it is asked for", pkg: apiTests, run: "TestShortPages", edit: edit{"internal/api/users.go",
		`	if in.Count {`, `	if in.Count || true {`}},
}
