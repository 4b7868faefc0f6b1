package main

// identities are the protections of claims, of the last administrator and of status.
var identities = []mutant{
	{name: "a proved claim stands", pkg: directoryTests, run: "TestClaims", edit: edit{"internal/directory/identifiers.go",
		`		return held.ExpiresAt != nil, nil`, `		return true, nil`}},
	{name: "an unproved claim stands until it lapses", pkg: directoryTests, run: "TestModel/sqlite", edit: edit{"internal/directory/identifiers.go",
		`	if c.now.Before(*held.ExpiresAt) {`, `	if false && c.now.Before(*held.ExpiresAt) {`}},
	{name: "who loses a claim loses the sessions", pkg: directoryTests, run: "TestClaims", edit: edit{"internal/directory/identifiers.go",
		`	if err := c.endSessions(ctx, held.UserID, uuid.Nil, "claim_lost"); err != nil {
		return err
	}`, ``}},
	{name: "a claim is held while it is judged", pkg: directoryTests, run: "TestClaimsTogether", edit: edit{"internal/directory/identifiers.go",
		`		if _, err := c.UserForChange(ctx, held.UserID); err != nil {
			return held, err
		}`, ``}},
	{name: "one holder of a claim", pkg: directoryTests, run: "TestClaimsAreLinearizable/postgres",
		edit: edit{"internal/store/schema/postgres/0004_contacts.sql",
			`CONSTRAINT identifiers_pk PRIMARY KEY (value_index)`, `CONSTRAINT identifiers_pk PRIMARY KEY (value_index, user_id)`}},
	{name: "the last way in", pkg: directoryTests, run: "TestModel/sqlite", edit: edit{"internal/directory/identifiers.go",
		`	if err != nil || len(left) > 0 {
		return err
	}
	if _, err := c.Credential`, `	if err != nil || len(left) >= 0 {
		return err
	}
	if _, err := c.Credential`}},
	{name: "the last administrator's grant, SQLite", pkg: directoryTests, run: "TestLastAdministrator/sqlite", edit: edit{"internal/store/schema/sqlite/0007_roles.sql",
		`AFTER DELETE ON user_roles WHEN OLD.expires_at IS NULL BEGIN`, `AFTER DELETE ON user_roles WHEN FALSE BEGIN`}},
	{name: "the last administrator's grant expires, SQLite", pkg: directoryTests, run: "TestLastAdministrator/sqlite", edit: edit{"internal/store/schema/sqlite/0007_roles.sql",
		`AFTER UPDATE ON user_roles WHEN OLD.expires_at IS NULL BEGIN`, `AFTER UPDATE ON user_roles WHEN FALSE BEGIN`}},
	{name: "the last administrator's status, SQLite", pkg: directoryTests, run: "TestLastAdministrator/sqlite", edit: edit{"internal/store/schema/sqlite/0007_roles.sql",
		`AFTER UPDATE OF status ON users WHEN OLD.status <> NEW.status BEGIN`, `AFTER UPDATE OF status ON users WHEN FALSE BEGIN`}},
	{name: "the last administrator, PostgreSQL", pkg: directoryTests, run: "TestLastAdministrator/postgres", edit: edit{"internal/store/schema/postgres/0007_roles.sql",
		`  IF holders < wanted.min_holders THEN`, `  IF FALSE THEN`}},
	{name: "two administrators cannot both leave", pkg: directoryTests, run: "TestLastAdministratorIsLinearizable/postgres",
		edit: edit{"internal/store/schema/postgres/0007_roles.sql",
			`AND r.min_holders > 0 FOR NO KEY UPDATE;`, `AND r.min_holders > 0;`},
		and: []edit{
			{"internal/store/user_roles.go", `		 ORDER BY id` + "`+tx.engine.forChange", `		 ORDER BY id` + "`"},
			{"internal/store/user_roles.go", `FROM roles WHERE id = $1` + "`+tx.engine.forChange", `FROM roles WHERE id = $1` + "`"}}},
	{name: "the trigger's own lock of a role", pkg: storeTests, run: "TestConcurrentRevocationsKeepAnAdministrator", edit: edit{"internal/store/schema/postgres/0007_roles.sql",
		`AND r.min_holders > 0 FOR NO KEY UPDATE;`, `AND r.min_holders > 0;`}},
	{name: "moves between statuses, SQLite", pkg: storeTests, run: "TestWrongStatesAreRefused/sqlite", edit: edit{"internal/store/schema/sqlite/0002_users.sql",
		`FROM user_statuses s WHERE s.code = NEW.status AND NEW.status <> OLD.status`, `FROM user_statuses s WHERE FALSE`}},
	{name: "moves between statuses, PostgreSQL", pkg: storeTests, run: "TestWrongStatesAreRefused/postgres", edit: edit{"internal/store/schema/postgres/0002_users.sql",
		`CREATE TRIGGER users_guard BEFORE INSERT OR UPDATE ON users`, `CREATE TRIGGER users_guard BEFORE INSERT ON users`}},
	{name: "users are never deleted", pkg: storeTests, run: "TestWrongStatesAreRefused/sqlite", edit: edit{"internal/store/schema/sqlite/0002_users.sql",
		`CREATE TRIGGER users_no_delete BEFORE DELETE ON users BEGIN`, `CREATE TRIGGER users_no_delete BEFORE DELETE ON users WHEN FALSE BEGIN`}},
	{name: "moves that the transitions do not list", pkg: storeTests, run: "TestSQLite", edit: edit{"internal/store/users.go",
		`t.from_status = users.status AND t.action = $4`, `t.action = $4`}},
	{name: "who only signed up goes with the claim", pkg: directoryTests, run: "TestModel/sqlite", edit: edit{"internal/directory/identifiers.go",
		`	_, err = c.move(ctx, user, "delete")`, `	return nil`}},
	{name: "a restored user is what they were", pkg: directoryTests, run: "TestModel/sqlite", edit: edit{"internal/store/users.go",
		`t.to_status = users.status_before_deletion)`, `t.to_status <> '')`}},
	{name: "a session is opened under the user's lock", pkg: directoryTests, run: "TestSessionEndIsLinearizable/postgres|TestSignIn/postgres", edit: edit{"internal/store/credentials.go",
		`		 WHERE u.id = $1` + "`+tx.engine.forChange, userID)", `		 WHERE u.id = $1` + "`, userID)"}},
}
