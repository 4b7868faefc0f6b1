package main

const (
	sealTests        = "./internal/seal"
	driverErrorTests = "TestErrorsNameMethodAndCode"
)

// secrets are the protections of encrypted, indexed and signed data.
var secrets = []mutant{
	{name: "ciphertext is bound to its user", pkg: sealTests, run: "TestSeal", edit: edit{"internal/seal/seal.go",
		`	b = append(b, p.UserID[:]...)`, ``}},
	{name: "ciphertext is bound to its column", pkg: sealTests, run: "TestSeal", edit: edit{"internal/seal/seal.go",
		`	b = appendPart(b, p.Column)`, ``}},
	{name: "parts of the associated data have a length prefix", pkg: sealTests, run: "TestSeal",
		edit: edit{"internal/seal/seal.go",
			`	return append(binary.BigEndian.AppendUint32(b, uint32(len(part))), part...)`,
			`	return append(b, part...)`}},
	{name: "each user has a key", pkg: directoryTests, run: "TestUserKeysDiffer",
		edit: edit{"internal/directory/keys.go",
			`	key := seal.NewKey()
	return key,`, `	key := k.idempotency
	return key,`}},
	{name: "IP addresses in the audit log are encrypted", pkg: directoryTests, run: "TestNoPersonalDataInClear",
		edit: edit{"internal/directory/keys.go",
			`EncryptText(key, "audit_logs", "address_sealed", k.actor.UserID, uuid.Nil, from.Address),`,
			`append(append([]byte{1}, make([]byte, 29)...), from.Address...),`}},
	{name: "the blind index depends on the kind of identifier", pkg: sealTests, run: "TestIndex",
		edit: edit{"internal/seal/key.go",
			`	b = appendPart(b, kind)`, ``}},
	{name: "cursors are signed", pkg: directoryTests, run: "TestCursors", edit: edit{"internal/directory/cursor.go",
		`	return last, hmac.Equal(raw[16:], mac[:cursorMACBytes])`,
		`	return last, true || hmac.Equal(raw[16:], mac[:cursorMACBytes])`}},
	{name: "a cursor is bound to its list", pkg: directoryTests, run: "TestCursors",
		edit: edit{"internal/directory/cursor.go",
			`	mac := d.keys.cursors.MAC("cursor", []byte(scope), last[:])
	return base64`, `	mac := d.keys.cursors.MAC("cursor", nil, last[:])
	return base64`},
		also: []edit{{"internal/directory/cursor.go", `	mac := d.keys.cursors.MAC("cursor", []byte(scope), last[:])
	return last,`, `	mac := d.keys.cursors.MAC("cursor", nil, last[:])
	return last,`}}},
	{name: "the key-encryption key of the database is required", pkg: directoryTests, run: "TestKeys",
		edit: edit{"internal/directory/keys.go",
			`		if !ok {
			return nil, fmt.Errorf("%w: the key-encryption key`, `		if false && !ok {
			return nil, fmt.Errorf("%w: the key-encryption key`}},
	{name: "no key is created because the others are retired or destroyed", pkg: directoryTests, run: "TestKeys",
		edit: edit{"internal/directory/keys.go",
			`	if k.activeID == uuid.Nil {`, `	if false && k.activeID == uuid.Nil {`}},
	{name: "printed secrets are redacted", pkg: sealTests, run: "TestKeysAreRedacted",
		edit: edit{"internal/seal/redact.go",
			`func (secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }`,
			`func (s secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, string(s.raw())) }`}},
	{name: "a remote PostgreSQL needs a verified certificate", pkg: storeTests, run: "TestPostgresTLSByDefault",
		edit: edit{"internal/store/postgresurl.go",
			`	query.Set("sslmode", "verify-full")`, `	query.Set("sslmode", "prefer")`}},
	{name: "errors of PostgreSQL do not repeat the text of the driver", pkg: storeTests, run: driverErrorTests,
		edit: edit{"internal/store/dberror/postgres.go",
			`	return &codeError{method, state}`, `	return errors.New(method + state + ": " + pg.Message)`}},
	{name: "violations in PostgreSQL do not repeat the text of the driver", pkg: storeTests, run: driverErrorTests,
		edit: edit{"internal/store/dberror/postgres.go",
			`method: method, code: state}`, `method: method, code: state + ": " + pg.Detail}`}},
	{name: "an argument that cannot be encoded is not repeated", pkg: storeTests, run: driverErrorTests,
		edit: edit{"internal/store/dberror/postgres.go",
			`		case strings.Contains(err.Error(), "encode"):`,
			`		case false && strings.Contains(err.Error(), "encode"):`}},
	{name: "a value that cannot be scanned is not repeated", pkg: storeTests, run: driverErrorTests,
		edit: edit{"internal/store/dberror/dberror.go",
			`; column != "" {`, `; false {`}},
	{name: "errors of SQLite do not repeat the text of the driver", pkg: storeTests, run: driverErrorTests,
		edit: edit{"internal/store/dberror/sqlite.go",
			`	return &codeError{method, code}`, `	return errors.New(method + code + ": " + text)`}},
	{name: "violations in SQLite do not repeat the text of the driver", pkg: storeTests, run: driverErrorTests,
		edit: edit{"internal/store/dberror/sqlite.go",
			`method: method, code: code}`, `method: method, code: code + ": " + text}`}},
	{name: "only auditors and the actor see the IP address of an event", pkg: directoryTests, run: "TestAudit$",
		edit: edit{"internal/directory/audit.go",
			` || !isAuditor && e.ActorID != k.actor.UserID {`, ` || false && !isAuditor {`}},
}
