package main

const sealTests = "./internal/seal"

// secrets are the protections of what is sealed, indexed or signed.
var secrets = []mutant{
	{name: "a sealed field is its user's", pkg: sealTests, run: "TestSeal", edit: edit{"internal/seal/seal.go",
		`	b = append(b, p.UserID[:]...)`, ``}},
	{name: "a sealed field is its column's", pkg: sealTests, run: "TestSeal", edit: edit{"internal/seal/seal.go",
		`	b = appendPart(b, p.Column)`, ``}},
	{name: "parts of a place do not run together", pkg: sealTests, run: "TestSeal", edit: edit{"internal/seal/seal.go",
		`	return append(binary.BigEndian.AppendUint32(b, uint32(len(part))), part...)`, `	return append(b, part...)`}},
	{name: "a key of each user's own", pkg: directoryTests, run: "TestEachUserHasAKey", edit: edit{"internal/directory/keys.go",
		`	key := seal.NewKey()
	return key,`, `	key := k.replies
	return key,`}},
	{name: "addresses in the log are sealed", pkg: directoryTests, run: "TestNothingPersonalInClear", edit: edit{"internal/directory/keys.go",
		`sealText(key, "audit_logs", "address_sealed", k.actor.UserID, from.Address),`, `append(append([]byte{1}, make([]byte, 29)...), from.Address...),`}},
	{name: "kinds of identifier are apart", pkg: sealTests, run: "TestIndex", edit: edit{"internal/seal/key.go",
		`	b = appendPart(b, kind)`, ``}},
	{name: "signature of a cursor", pkg: directoryTests, run: "TestCursors", edit: edit{"internal/directory/cursor.go",
		`	return last, hmac.Equal(raw[16:], mac[:cursorMAC])`, `	return last, true || hmac.Equal(raw[16:], mac[:cursorMAC])`}},
	{name: "a cursor is its list's", pkg: directoryTests, run: "TestCursors", edit: edit{"internal/directory/cursor.go",
		`	mac := d.keys.cursors.MAC("cursor", []byte(scope), last[:])
	return base64`, `	mac := d.keys.cursors.MAC("cursor", nil, last[:])
	return base64`},
		and: []edit{{"internal/directory/cursor.go", `	mac := d.keys.cursors.MAC("cursor", []byte(scope), last[:])
	return last,`, `	mac := d.keys.cursors.MAC("cursor", nil, last[:])
	return last,`}}},
	{name: "the database's key must be at hand", pkg: directoryTests, run: "TestKeys", edit: edit{"internal/directory/keys.go",
		`		if !ok {
			return nil, fmt.Errorf("%w: the key-encryption key`, `		if false && !ok {
			return nil, fmt.Errorf("%w: the key-encryption key`}},
	{name: "secrets print as redacted", pkg: sealTests, run: "TestKeysAreRedacted", edit: edit{"internal/seal/redact.go",
		`func (secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }`, `func (s secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, string(s.raw())) }`}},
	{name: "an event's address is for auditors and who acted", pkg: directoryTests, run: "TestAudit$", edit: edit{"internal/directory/audit.go",
		`&& (sees || e.ActorID == k.actor.UserID)`, `&& (true || sees)`}},
}
