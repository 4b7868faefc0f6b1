package main

// The rules of the database are tried by statements that break them.
const (
	wrongInSQLite   = "TestWrongStatesAreRefused/sqlite"
	wrongInPostgres = "TestWrongStatesAreRefused/postgres"
	sqliteAudit     = "internal/store/schema/sqlite/0009_audit.sql"
	postgresAudit   = "internal/store/schema/postgres/0009_audit.sql"
)

// schema are the protections that the database keeps, whoever writes to it.
var schema = []mutant{
	{name: "no event changes, SQLite", pkg: storeTests, run: wrongInSQLite, edit: edit{sqliteAudit,
		`BEFORE UPDATE ON audit_logs BEGIN`, `BEFORE UPDATE ON audit_logs WHEN FALSE BEGIN`}},
	{name: "no event goes, SQLite", pkg: storeTests, run: wrongInSQLite, edit: edit{sqliteAudit,
		`BEFORE DELETE ON audit_logs BEGIN`, `BEFORE DELETE ON audit_logs WHEN FALSE BEGIN`}},
	{name: "no event is replaced, SQLite", pkg: storeTests, run: "TestReplacementIsRefusedWithoutRecursiveTriggers", edit: edit{sqliteAudit,
		` WHEN EXISTS (SELECT 1 FROM audit_logs a`, ` WHEN FALSE AND EXISTS (SELECT 1 FROM audit_logs a`}},
	{name: "no event changes, PostgreSQL", pkg: storeTests, run: wrongInPostgres, edit: edit{postgresAudit,
		`BEFORE UPDATE OR DELETE ON audit_logs FOR EACH ROW`, `BEFORE DELETE ON audit_logs FOR EACH ROW`}},
	{name: "no event goes, PostgreSQL", pkg: storeTests, run: wrongInPostgres, edit: edit{postgresAudit,
		`BEFORE UPDATE OR DELETE ON audit_logs FOR EACH ROW`, `BEFORE UPDATE ON audit_logs FOR EACH ROW`}},
	{name: "the log is not truncated", pkg: storeTests, run: wrongInPostgres, edit: edit{postgresAudit,
		`BEFORE TRUNCATE ON audit_logs FOR EACH STATEMENT
  EXECUTE FUNCTION refuse_change('audit_logs_append_only'`, `BEFORE TRUNCATE ON audit_logs FOR EACH STATEMENT WHEN (FALSE)
  EXECUTE FUNCTION refuse_change('audit_logs_append_only'`},
		and: []edit{{postgresAudit, `CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE`, `CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT WHEN (FALSE) EXECUTE`}}},
	{name: "no month of the log is truncated", pkg: storeTests, run: wrongInPostgres, edit: edit{postgresAudit,
		`CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE`, `CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT WHEN (FALSE) EXECUTE`}},
	{name: "what the triggers of PostgreSQL refuse", pkg: storeTests, run: wrongInPostgres, edit: edit{"internal/store/schema/postgres/0001_lookups.sql",
		`  RAISE EXCEPTION '% on % is refused: %', TG_OP, TG_TABLE_NAME, TG_ARGV[1]
    USING ERRCODE = 'check_violation', CONSTRAINT = TG_ARGV[0], TABLE = TG_TABLE_NAME;`, `  RETURN COALESCE(NEW, OLD);`}},
	{name: "versions grow by one, PostgreSQL", pkg: storeTests, run: wrongInPostgres, edit: edit{"internal/store/schema/postgres/0001_lookups.sql",
		`  IF NEW.version <> OLD.version + 1 THEN`, `  IF FALSE THEN`}},
	{name: "versions grow by one, SQLite", pkg: storeTests, run: wrongInSQLite, edit: edit{"internal/store/schema/sqlite/0002_users.sql",
		`  SELECT RAISE(ABORT, 'users_version_step: version must increase by one') WHERE NEW.version <> OLD.version + 1;`, ``}},
	{name: "built-in actors are fixed, SQLite", pkg: storeTests, run: wrongInSQLite, edit: edit{"internal/store/schema/sqlite/0002_users.sql",
		`  SELECT RAISE(ABORT, 'users_built_in_fixed: a built-in user cannot change')
   WHERE OLD.id <= x'000000000000700080000000000000ff';`, ``}},
	{name: "a salt is unique, SQLite", pkg: storeTests, run: wrongInSQLite, edit: edit{"internal/store/schema/sqlite/0005_credentials.sql",
		`CONSTRAINT credentials_salt_uq UNIQUE (salt)`, `CONSTRAINT credentials_salt_uq UNIQUE (user_id, salt)`}},
	{name: "a salt is unique, PostgreSQL", pkg: storeTests, run: wrongInPostgres, edit: edit{"internal/store/schema/postgres/0005_credentials.sql",
		`CONSTRAINT credentials_salt_uq UNIQUE (salt)`, `CONSTRAINT credentials_salt_uq UNIQUE (user_id, salt)`}},
	{name: "one profile a user", pkg: storeTests, run: wrongInSQLite, edit: edit{"internal/store/schema/sqlite/0002_users.sql",
		`FOREIGN KEY (id) REFERENCES profiles (user_id) DEFERRABLE`, `FOREIGN KEY (id) REFERENCES users (id) DEFERRABLE`}},
	{name: "foreign keys of SQLite", pkg: storeTests, run: "TestSQLite|" + wrongInSQLite, edit: edit{"internal/store/sqlite.go",
		`&_pragma=foreign_keys(1)`, `&_pragma=foreign_keys(0)`}},
	{name: "recursive triggers of SQLite", pkg: storeTests, run: "TestSQLiteConnections", edit: edit{"internal/store/sqlite.go",
		`&_pragma=recursive_triggers(1)`, `&_pragma=recursive_triggers(0)`}},
	{name: "readers of SQLite do not write", pkg: storeTests, run: "TestSQLiteConnections", edit: edit{"internal/store/sqlite.go",
		`&_pragma=query_only(1)`, ``}},
	{name: "commits of SQLite are synced", pkg: storeTests, run: "TestSQLiteConnections", edit: edit{"internal/store/sqlite.go",
		`&_pragma=synchronous(FULL)`, `&_pragma=synchronous(OFF)`}},
	{name: "what failed is rolled back", pkg: storeTests, run: "TestSQLite", edit: edit{"internal/store/sqlite.go",
		"`ROLLBACK`", "`COMMIT`"}},
	{name: "a deadlock is tried again", pkg: storeTests, run: "TestPostgres", edit: edit{"internal/store/postgres.go",
		`		return errRetry`, `		return errors.New("lost")`}},
	{name: "a user is locked for a change", pkg: storeTests, run: "TestPostgres", edit: edit{"internal/store/users.go",
		`FROM users WHERE id = $1` + "`+tx.engine.forChange, id)", `FROM users WHERE id = $1` + "`, id)"}},
	{name: "rights of the service", pkg: "./internal/catalog/check", run: "TestPostgresMutantsAreNoticed", edit: edit{"internal/catalog/check/fingerprint.go",
		`				if d.about == about {`, `				if d.about == about && about != ofRights {`}},
	{name: "the fingerprint of check", pkg: "./internal/catalog/check", run: "TestSQLiteMutantsAreNoticed", edit: edit{"internal/catalog/check/fingerprint.go",
		`				if d.about == about {`, `				if false && d.about == about {`}},
}
