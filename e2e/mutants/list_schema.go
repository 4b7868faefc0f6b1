package main

// The constraints and triggers are tested by statements that violate them.
const (
	sqliteRuleTests     = "TestWrongStatesAreRefused/sqlite"
	postgresRuleTests   = "TestWrongStatesAreRefused/postgres"
	sqliteUsers         = "internal/store/schema/sqlite/0002_users.sql"
	sqliteCredentials   = "internal/store/schema/sqlite/0005_credentials.sql"
	sqliteAudit         = "internal/store/schema/sqlite/0009_audit.sql"
	postgresLookups     = "internal/store/schema/postgres/0001_lookups.sql"
	postgresCredentials = "internal/store/schema/postgres/0005_credentials.sql"
	postgresAudit       = "internal/store/schema/postgres/0009_audit.sql"
)

// schema are the protections of the database itself, independent of the program.
var schema = []mutant{
	{name: "events cannot change, SQLite", pkg: storeTests, run: sqliteRuleTests, edit: edit{sqliteAudit,
		`BEFORE UPDATE ON audit_logs BEGIN`, `BEFORE UPDATE ON audit_logs WHEN FALSE BEGIN`}},
	{name: "events cannot be deleted, SQLite", pkg: storeTests, run: sqliteRuleTests, edit: edit{sqliteAudit,
		`BEFORE DELETE ON audit_logs BEGIN`, `BEFORE DELETE ON audit_logs WHEN FALSE BEGIN`}},
	{name: "events cannot be replaced, SQLite", pkg: storeTests,
		run: "TestReplaceOfEventRefusedWithoutRecursiveTriggers", edit: edit{sqliteAudit,
			` WHEN EXISTS (SELECT 1 FROM audit_logs a`, ` WHEN FALSE AND EXISTS (SELECT 1 FROM audit_logs a`}},
	{name: "events cannot change, PostgreSQL", pkg: storeTests, run: postgresRuleTests, edit: edit{postgresAudit,
		`BEFORE UPDATE OR DELETE ON audit_logs FOR EACH ROW`, `BEFORE DELETE ON audit_logs FOR EACH ROW`}},
	{name: "events cannot be deleted, PostgreSQL", pkg: storeTests, run: postgresRuleTests, edit: edit{postgresAudit,
		`BEFORE UPDATE OR DELETE ON audit_logs FOR EACH ROW`, `BEFORE UPDATE ON audit_logs FOR EACH ROW`}},
	{name: "the audit log cannot be truncated", pkg: storeTests, run: postgresRuleTests, edit: edit{postgresAudit,
		`BEFORE TRUNCATE ON audit_logs FOR EACH STATEMENT
`, `BEFORE TRUNCATE ON audit_logs FOR EACH STATEMENT WHEN (FALSE)
`},
		also: []edit{{postgresAudit, `BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE`,
			`BEFORE TRUNCATE ON %I FOR EACH STATEMENT WHEN (FALSE) EXECUTE`}}},
	{name: "partitions of the audit log cannot be truncated", pkg: storeTests, run: postgresRuleTests,
		edit: edit{postgresAudit, `BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE`,
			`BEFORE TRUNCATE ON %I FOR EACH STATEMENT WHEN (FALSE) EXECUTE`}},
	{name: "triggers of PostgreSQL raise errors", pkg: storeTests, run: postgresRuleTests, edit: edit{postgresLookups,
		`  RAISE EXCEPTION '% on % is refused: %', TG_OP, TG_TABLE_NAME, TG_ARGV[1]
    USING ERRCODE = 'check_violation', CONSTRAINT = TG_ARGV[0], TABLE = TG_TABLE_NAME;`,
		`  RETURN COALESCE(NEW, OLD);`}},
	{name: "versions increase by one, PostgreSQL", pkg: storeTests, run: postgresRuleTests, edit: edit{postgresLookups,
		`  IF NEW.version <> OLD.version + 1 THEN`, `  IF FALSE THEN`}},
	{name: "versions increase by one, SQLite", pkg: storeTests, run: sqliteRuleTests, edit: edit{sqliteUsers,
		`'users_version_step: version must increase by one') WHERE NEW.version <> OLD.version + 1;`,
		`'users_version_step: version must increase by one') WHERE FALSE;`}},
	{name: "built-in users cannot change, SQLite", pkg: storeTests, run: sqliteRuleTests, edit: edit{sqliteUsers,
		`  SELECT RAISE(ABORT, 'users_built_in_fixed: a built-in user cannot change')
   WHERE OLD.id <= x'000000000000700080000000000000ff';`, ``}},
	{name: "salts are unique, SQLite", pkg: storeTests, run: sqliteRuleTests, edit: edit{sqliteCredentials,
		`CONSTRAINT credentials_salt_uq UNIQUE (salt)`, `CONSTRAINT credentials_salt_uq UNIQUE (user_id, salt)`}},
	{name: "salts are unique, PostgreSQL", pkg: storeTests, run: postgresRuleTests, edit: edit{postgresCredentials,
		`CONSTRAINT credentials_salt_uq UNIQUE (salt)`, `CONSTRAINT credentials_salt_uq UNIQUE (user_id, salt)`}},
	{name: "each user has one profile", pkg: storeTests, run: sqliteRuleTests, edit: edit{sqliteUsers,
		`FOREIGN KEY (id) REFERENCES profiles (user_id) DEFERRABLE`,
		`FOREIGN KEY (id) REFERENCES users (id) DEFERRABLE`}},
	{name: "foreign keys are enforced, SQLite", pkg: storeTests, run: "TestSQLite|" + sqliteRuleTests,
		edit: edit{"internal/store/sqlite.go",
			`&_pragma=foreign_keys(1)`, `&_pragma=foreign_keys(0)`}},
	{name: "recursive triggers are on, SQLite", pkg: storeTests, run: "TestSQLiteConnections",
		edit: edit{"internal/store/sqlite.go",
			`&_pragma=recursive_triggers(1)`, `&_pragma=recursive_triggers(0)`}},
	{name: "readers cannot write, SQLite", pkg: storeTests, run: "TestSQLiteConnections",
		edit: edit{"internal/store/sqlite.go",
			`&_pragma=query_only(1)`, ``}},
	{name: "commits are synced, SQLite", pkg: storeTests, run: "TestSQLiteConnections",
		edit: edit{"internal/store/sqlite.go",
			`&_pragma=synchronous(FULL)`, `&_pragma=synchronous(OFF)`}},
	{name: "a failed transaction is rolled back", pkg: storeTests, run: "TestSQLite",
		edit: edit{"internal/store/sqlite.go",
			"`ROLLBACK`", "`COMMIT`"}},
	{name: "a transaction is retried after a deadlock", pkg: storeTests, run: "TestPostgres",
		edit: edit{"internal/store/dberror/postgres.go",
			`fmt.Errorf("%s%w: %s", method, ErrRetry, state)`,
			`fmt.Errorf("%s%w: %s", method, errors.New("lost"), state)`}},
	{name: "a user is locked for a change", pkg: storeTests, run: "TestPostgres", edit: edit{"internal/store/users.go",
		`FROM users WHERE id = $1` + "`+tx.engine.lockRow, id)", `FROM users WHERE id = $1` + "`, id)"}},
	{name: "check compares the privileges of the service's role",
		pkg: "./internal/catalog/check", run: "TestPostgresMutantsDetected",
		edit: edit{"internal/catalog/check/fingerprint.go",
			`				if d.aspect == wanted {`,
			`				if d.aspect == wanted && wanted != aspectRights {`}},
	{name: "check compares the fingerprint", pkg: "./internal/catalog/check", run: "TestSQLiteMutantsDetected",
		edit: edit{"internal/catalog/check/fingerprint.go",
			`				if d.aspect == wanted {`, `				if false && d.aspect == wanted {`}},
}
