package main

// The functions of PostgreSQL are attacked from a session that the service's role prepared.
const (
	catalogTests       = "./internal/catalog/check"
	callerTests        = "TestFunctionsIgnoreTheCallersSession"
	forgeTests         = "TestRowsWithoutTheServiceKeyVerifyNoToken"
	tokenFile          = "internal/directory/token.go"
	postgresSecondLine = "internal/store/schema/postgres/0023_second_line.contract.sql"
	postgresFunctions  = "internal/store/schema/postgres/0021_functions.sql"
)

// database are the protections against who can use the database as the service does.
var database = []mutant{
	{name: "the search_path of functions ends with pg_temp", pkg: storeTests, run: callerTests,
		edit: edit{postgresFunctions, ` || ', pg_temp', TRUE)`, `, TRUE)`}},
	{name: "functions do not use the search_path of their caller", pkg: storeTests, run: callerTests,
		edit: edit{postgresFunctions, `ALTER FUNCTION guard_version() SET search_path FROM CURRENT;`, ``}},
	{name: "the names in SQL functions are looked up when they are created", pkg: storeTests, run: callerTests,
		edit: edit{postgresFunctions, `RETURN CASE
  WHEN hash LIKE '$2_$%' THEN substr(hash, 8, 22)
  WHEN hash LIKE '$argon2%' THEN split_part(hash, '$', 5)
  ELSE split_part(hash, '$', 4)
END;`, `AS $$ SELECT split_part(hash, '$', 5) $$;`}},
	{name: "a token is verified under the service key", pkg: signinTests, run: forgeTests, edit: edit{tokenFile,
		`	return subtle.ConstantTimeCompare(stored, hashes.Keyed) == 1`,
		`	return subtle.ConstantTimeCompare(stored[1:], hashes.Older) == 1 ||
		subtle.ConstantTimeCompare(stored, hashes.Keyed) == 1`}},
	{name: "a token is bound to its row", pkg: signinTests, run: forgeTests, edit: edit{tokenFile,
		`k.tokens.MAC(t.prefix, t.UserID[:], t.ID[:], t.Hash[:])`, `k.tokens.MAC(t.prefix, t.Hash[:])`}},
	{name: "new sessions need the service key, SQLite", pkg: signinTests, run: forgeTests + "/sqlite",
		edit: edit{"internal/store/schema/sqlite/0022_keyed_tokens.contract.sql",
			`BEFORE INSERT ON sessions WHEN length(NEW.token_hash) = 32`, `BEFORE INSERT ON sessions WHEN FALSE`}},
	{name: "new sessions need the service key, PostgreSQL", pkg: signinTests, run: forgeTests + "/postgres",
		edit: edit{"internal/store/schema/postgres/0022_keyed_tokens.contract.sql",
			`BEFORE INSERT ON sessions FOR EACH ROW WHEN (octet_length(NEW.token_hash) = 32)`,
			`BEFORE INSERT ON sessions FOR EACH ROW WHEN (FALSE)`}},
	{name: "a set-up link without the service key is not found", pkg: signinTests, run: forgeTests + "/sqlite",
		edit: edit{"internal/store/schema/sqlite/0022_keyed_tokens.contract.sql",
			`BEFORE INSERT ON setup_links WHEN length(NEW.token_hash) = 32`,
			`BEFORE INSERT ON setup_links WHEN FALSE`}},
	{name: "older tokens are converted at their next use", pkg: signinTests, run: "TestTokensDuringTheUpgrade",
		edit: edit{"internal/signin/authenticate.go", `	if s.OlderToken {`, `	if false {`}},
	{name: "before the contraction tokens are stored for the version before", pkg: signinTests,
		run: "TestTokensDuringTheUpgrade", edit: edit{"internal/store/tokens.go",
			`		tokensAreKeyed, keyed, e.blobType, older)`, `		"TRUE", keyed, e.blobType, older)`}},
	{name: "the service's role writes only recent events", pkg: storeTests,
		run: "TestServiceRoleWritesOnlyRecentEvents", edit: edit{postgresSecondLine,
			`ALTER TABLE audit_logs ENABLE ROW LEVEL SECURITY;`, ``}},
	{name: "the service's role loses the rights on keys", pkg: storeTests, run: "TestServiceRoleCannotDestroyKeys",
		edit: edit{postgresSecondLine,
			`    EXECUTE format('REVOKE DELETE, UPDATE ON user_keys, service_keys FROM %I', service);
`, ``}},
	{name: "only keys of erased users are deleted", pkg: storeTests, run: "TestServiceRoleCannotDestroyKeys",
		edit: edit{"internal/store/schema/postgres/0023_second_line.sql", ` AND u.erased_at IS NOT NULL`, ``}},
	{name: "the service's role adds no built-in role", pkg: storeTests, run: "TestServiceRoleAddsNoBuiltInRole",
		edit: edit{postgresSecondLine,
			`    EXECUTE format('REVOKE INSERT ON roles, permissions FROM %I', service);
`, ``}},
	{name: "the script of privileges knows the contraction", pkg: storeTests, run: "TestContractionTakesPrivileges",
		edit: edit{"internal/store/servicerole.go", `schema.Grants(schemaName, role, applied)`,
			`schema.Grants(schemaName, role, []schema.Migration{})`}},
	{name: "check finds functions that depend on their caller", pkg: catalogTests, run: "TestEachPointCanFail",
		edit: edit{"internal/catalog/check/point_caller.go",
			`strings.HasSuffix(path, ", pg_temp")`, `strings.Contains(path, "")`}},
	{name: "check finds the privilege to create temporary tables", pkg: catalogTests,
		run: "TestTemporaryPrivilegeIsFound", edit: edit{"internal/catalog/check/point_caller.go",
			`res.expect(rows[0][1] != "true", Finding{Object: "role " + g.Grantee`,
			`res.expect(true, Finding{Object: "role " + g.Grantee`}},
	{name: "db migrate revokes the privilege to create temporary tables", pkg: storeTests, run: "TestRevokeTemporary",
		edit: edit{"internal/store/servicerole.go",
			`		_, err = m.ExecContext(ctx, found.statement)
		return err`, `		return nil`}},
}
