package main

// identities are the protections of identifiers, of the last administrator and of the status.
var identities = []mutant{
	{name: "a verified identifier is kept", pkg: directoryTests, run: "TestIdentifierClaims",
		edit: edit{"internal/directory/identifiers.go",
			`		return current.ExpiresAt != nil, nil`, `		return true, nil`}},
	{name: "an unverified identifier is kept until it expires", pkg: directoryTests, run: "TestModel/sqlite",
		edit: edit{"internal/directory/identifiers.go",
			`	if tx.Now.Before(*current.ExpiresAt) {`, `	if false && tx.Now.Before(*current.ExpiresAt) {`}},
	{name: "losing an identifier ends the sessions", pkg: directoryTests, run: "TestIdentifierClaims",
		edit: edit{"internal/directory/identifiers.go",
			`	if err := tx.EndSessions(ctx, current.UserID, uuid.Nil, "claim_lost"); err != nil {
		return err
	}`, ``}},
	{name: "the owner of an identifier is locked during the check",
		pkg: directoryTests, run: "TestConcurrentIdentifierClaims",
		edit: edit{"internal/directory/identifiers.go",
			`		if _, err := tx.LockUser(ctx, current.UserID); err != nil {
			return current, err
		}`, ``}},
	{name: "a kind of contact without a normal form is refused at the start",
		pkg: directoryTests, run: "TestContactKindWithoutNormalForm",
		edit: edit{"internal/directory/directory.go",
			`		if _, ok := contactNormalizers[kind]; !ok {`,
			`		if _, ok := contactNormalizers[kind]; false && !ok {`}},
	{name: "a contact whose kind has no normal form is refused", pkg: directoryTests, run: "TestInputContact",
		edit: edit{"internal/directory/input.go",
			`	normalize, ok := contactNormalizers[kind]
	if !ok {`, `	normalize, ok := contactNormalizers[kind]
	if !ok {
		return value
	}
	if !ok {`}},
	{name: "an identifier has one owner", pkg: directoryTests, run: "TestLinearizableIdentifiers/postgres",
		edit: edit{"internal/store/schema/postgres/0004_contacts.sql",
			`CONSTRAINT identifiers_pk PRIMARY KEY (value_index)`,
			`CONSTRAINT identifiers_pk PRIMARY KEY (value_index, user_id)`}},
	{name: "the last sign-in identifier cannot be removed", pkg: directoryTests, run: "TestModel/sqlite",
		edit: edit{"internal/directory/identifiers.go",
			`	if err != nil || len(identifiers) > 0 {
		return err
	}
	if _, err := tx.Credential`, `	if err != nil || len(identifiers) >= 0 {
		return err
	}
	if _, err := tx.Credential`}},
	{name: "the last administrator keeps the role, SQLite", pkg: accessTests, run: "TestLastAdministrator/sqlite",
		edit: edit{"internal/store/schema/sqlite/0007_roles.sql",
			`AFTER DELETE ON user_roles WHEN OLD.expires_at IS NULL BEGIN`,
			`AFTER DELETE ON user_roles WHEN FALSE BEGIN`}},
	{name: "the last administrator's role has no expiry, SQLite",
		pkg: accessTests, run: "TestLastAdministrator/sqlite",
		edit: edit{"internal/store/schema/sqlite/0007_roles.sql",
			`AFTER UPDATE ON user_roles WHEN OLD.expires_at IS NULL BEGIN`,
			`AFTER UPDATE ON user_roles WHEN FALSE BEGIN`}},
	{name: "the last administrator stays active, SQLite", pkg: accessTests, run: "TestLastAdministrator/sqlite",
		edit: edit{"internal/store/schema/sqlite/0007_roles.sql",
			`AFTER UPDATE OF status ON users WHEN OLD.status <> NEW.status BEGIN`,
			`AFTER UPDATE OF status ON users WHEN FALSE BEGIN`}},
	{name: "the last administrator keeps the role, PostgreSQL",
		pkg: accessTests, run: "TestLastAdministrator/postgres",
		edit: edit{"internal/store/schema/postgres/0007_roles.sql",
			`  IF holders < wanted.min_holders THEN`, `  IF FALSE THEN`}},
	{name: "two administrators cannot give up the role at the same time",
		pkg: directoryTests, run: "TestLinearizableLastAdministrator/postgres",
		edit: edit{"internal/store/schema/postgres/0007_roles.sql",
			`AND r.min_holders > 0 FOR NO KEY UPDATE;`, `AND r.min_holders > 0;`},
		also: []edit{
			{"internal/store/grants.go", `		 ORDER BY id` + "`+tx.engine.lockRow", `		 ORDER BY id` + "`"},
			{"internal/store/grants.go",
				`FROM roles WHERE id = $1` + "`+tx.engine.lockRow", `FROM roles WHERE id = $1` + "`"}}},
	{name: "the trigger locks the role", pkg: storeTests, run: "TestConcurrentRevocationsKeepAnAdministrator",
		edit: edit{"internal/store/schema/postgres/0007_roles.sql",
			`AND r.min_holders > 0 FOR NO KEY UPDATE;`, `AND r.min_holders > 0;`}},
	{name: "status transitions are checked, SQLite", pkg: storeTests, run: "TestWrongStatesAreRefused/sqlite",
		edit: edit{"internal/store/schema/sqlite/0002_users.sql",
			`FROM user_statuses s WHERE s.code = NEW.status AND NEW.status <> OLD.status`,
			`FROM user_statuses s WHERE FALSE`}},
	{name: "status transitions are checked, PostgreSQL", pkg: storeTests, run: "TestWrongStatesAreRefused/postgres",
		edit: edit{"internal/store/schema/postgres/0002_users.sql",
			`CREATE TRIGGER users_guard BEFORE INSERT OR UPDATE ON users`,
			`CREATE TRIGGER users_guard BEFORE INSERT ON users`}},
	{name: "rows of users cannot be deleted", pkg: storeTests, run: "TestWrongStatesAreRefused/sqlite",
		edit: edit{"internal/store/schema/sqlite/0002_users.sql",
			`CREATE TRIGGER users_no_delete BEFORE DELETE ON users BEGIN`,
			`CREATE TRIGGER users_no_delete BEFORE DELETE ON users WHEN FALSE BEGIN`}},
	{name: "only listed status transitions are possible", pkg: storeTests, run: "TestSQLite",
		edit: edit{"internal/store/users.go",
			`t.from_status = users.status AND t.action = $4`, `t.action = $4`}},
	{name: "an account that only signed up is deleted with its identifier",
		pkg: directoryTests, run: "TestModel/sqlite",
		edit: edit{"internal/directory/identifiers.go",
			`	_, err = tx.changeStatus(ctx, user, "delete")`, `	return nil`}},
	{name: "restoring a user restores the earlier status", pkg: directoryTests, run: "TestModel/sqlite",
		edit: edit{"internal/store/users.go",
			`t.to_status = users.status_before_deletion)`, `t.to_status <> '')`}},
	{name: "sign-in locks the user",
		pkg: signinTests, run: "TestWithPassword/postgres",
		edit: edit{"internal/store/passwords.go",
			`		 WHERE u.id = $1` + "`+tx.engine.lockRow, userID)", `		 WHERE u.id = $1` + "`, userID)"}},
}
