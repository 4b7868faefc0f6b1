package main

const reencryptTests = "./internal/reencrypt"

// values are the protections of encrypted values in the database: each opens in its own row only, and one that cannot
// be decrypted hides nothing else.
var values = []mutant{
	{name: "ciphertext is bound to its row", pkg: sealTests, run: "TestRowIsAuthenticated",
		edit: edit{"internal/seal/seal.go",
			`		b = append(b, p.RowID[:]...)`, ``}},
	{name: "the format byte cannot be changed to the older one", pkg: sealTests, run: "TestRowIsAuthenticated",
		edit: edit{"internal/seal/seal.go",
			`	if format == formatRow {
		b`, `	if p.RowID != uuid.Nil {
		b`}},
	{name: "new values are bound to their row", pkg: directoryTests, run: "TestValuesAreBoundToTheirRow",
		edit: edit{"internal/directory/values.go",
			`	if d.rowFormat.bound.Load() {
		return id, nil`, `	if d.rowFormat.bound.Load() {
		return uuid.Nil, nil`}},
	{name: "values are bound only after the contraction", pkg: directoryTests, run: "TestBoundOnlyAfterTheContraction",
		edit: edit{"internal/directory/values.go",
			`		if contracted {`, `		if contracted || true {`}},
	{name: "an unreadable value is listed", pkg: directoryTests, run: "TestOneUnreadableValue",
		edit: edit{"internal/directory/values.go",
			`	r.Unreadable = append(r.Unreadable, field)`, ``}},
	{name: "an unreadable value is counted and logged", pkg: directoryTests, run: "TestOneUnreadableValue",
		edit: edit{"internal/directory/values.go",
			`	r.d.ReportUnreadable(r.table, column, r.userID, r.rowID)`, ``}},
	{name: "unreadable values do not fill the log", pkg: directoryTests, run: "TestOneUnreadableValue",
		edit: edit{"internal/directory/values.go",
			`isLogged := now.Sub(last) >= unreadableLogInterval`, `isLogged := true`}},
	{name: "a change keeps the unreadable fields of a profile", pkg: directoryTests, run: "TestOneUnreadableValue",
		edit: edit{"internal/directory/profiles.go",
			`		*f.record(&record).(*[]byte) = *f.record(&current).(*[]byte)`,
			`		*f.record(&record).(*[]byte) = nil`}},
	{name: "a user key that cannot be unwrapped hides only its own user", pkg: directoryTests,
		run: "TestUnreadableUserKey", edit: edit{"internal/directory/values.go",
			`	if key.IsZero() && len(encrypted) != len(seal.Placeholder()) {`, `	if false {`}},
	{name: "re-encryption leaves an event with the digests", pkg: reencryptTests, run: "TestReencrypt",
		edit: edit{"internal/reencrypt/reencrypt.go",
			`				tx.RelatedEvents = append(tx.RelatedEvents, b.event)`, ``}},
	{name: "re-encryption raises the version of a contact", pkg: reencryptTests, run: "TestReencrypt",
		edit: edit{"internal/store/schema/sqlite/0004_contacts.sql",
			`WHERE NEW.version <> OLD.version + 1;`, `WHERE FALSE;`},
		also: []edit{{"internal/store/reencrypt.go",
			`SET value_sealed = $4, version = version + 1`, `SET value_sealed = $4, version = version`}}},
	{name: "re-encryption is no change of a user", pkg: reencryptTests, run: "TestReencryptedUserIsUnchanged",
		edit: edit{"internal/store/bulkerase.go", `c.updated_at > k.created_at`, `c.version > 1`}},
}
