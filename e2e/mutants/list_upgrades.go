package main

// upgrades are the protections while the schema changes and the service runs.
var upgrades = []mutant{
	{name: "an applied migration whose script changed is refused", pkg: storeTests, run: "TestReady$", edit: edit{
		"internal/store/migrations.go",
		`		case i >= 0 && files[i].Checksum != a.Checksum:`, `		case false:`}},
	{name: "a database of a version before the first release is refused", pkg: storeTests, run: "TestReady$",
		edit: edit{"internal/store/migrations.go",
			`	if slices.ContainsFunc(applied, schema.IsBeforeRelease) {`, `	if false {`}},
	{name: "the first migration of a version before the first release is recognized",
		pkg: storeTests, run: "TestReady$",
		edit: edit{"internal/store/schema/migration.go",
			`return m.Number == 1 && m.Name == "identity"`, `return m.Name == ""`}},
	{name: "check refuses a database of a version before the first release",
		pkg: commandTests, run: "TestScripts/sqlite/db",
		edit: edit{"internal/catalog/check/run.go",
			`		if schema.IsBeforeRelease(m) {`, `		if false {`}},
	{name: "a database of a newer version is refused", pkg: storeTests, run: "TestReady$", edit: edit{
		"internal/store/migrations.go",
		`		case a.Phase == schema.Contract || a.Number <= newest:`, `		case false && a.Number <= newest:`}},
	{name: "one node migrates at a time, SQLite", pkg: storeTests, run: "TestConcurrentMigration/sqlite", edit: edit{
		"internal/store/sqlite.go",
		`		return w.transact(ctx, func() error { return fn(sqliteMigrator{w.conn}) })`,
		`		return fn(sqliteMigrator{w.conn})`}},
	{name: "one node migrates at a time, PostgreSQL", pkg: storeTests, run: "TestConcurrentMigration/postgres",
		edit: edit{
			"internal/store/postgres.go",
			`SELECT id FROM schema_lock FOR UPDATE NOWAIT`, `SELECT id FROM schema_lock`}},
	{name: "a contraction waits for older nodes", pkg: storeTests, run: "TestContractionWaitsForOlderNodes", edit: edit{
		"internal/store/migrate.go",
		`			if older, err := r.OlderNodes(ctx, f.Number, now); err != nil || len(older) > 0 {
				return err
			}`, ``},
		also: []edit{{"internal/store/migrate.go",
			`				if err == nil && len(older) > 0 {`, `				if false && len(older) > 0 {`}}},
	{name: "a node without a heartbeat does not count", pkg: storeTests, run: "TestSQLite",
		edit: edit{"internal/store/nodes.go",
			`WHERE last_seen_at > $1 AND schema_number < $2`, `WHERE $1 IS NOT NULL AND schema_number < $2`}},
	{name: "a node of the version before can verify an address, SQLite", pkg: storeTests,
		run: "TestRowsOfTheFirstVersion/sqlite", edit: edit{"internal/store/schema/sqlite/0015_given_addresses.sql",
			`NEW.updated_at WHERE NEW.value_index IS NOT NULL`, `NEW.updated_at WHERE FALSE`}},
	{name: "a node of the version before can verify an address, PostgreSQL", pkg: storeTests,
		run: "TestRowsOfTheFirstVersion/postgres", edit: edit{"internal/store/schema/postgres/0015_given_addresses.sql",
			`  IF NEW.value_index IS NOT NULL THEN`, `  IF FALSE THEN`}},
	{name: "a job is leased to one node", pkg: directoryTests, run: "TestJobs", edit: edit{"internal/store/jobs.go",
		`WHERE run_at <= $2 AND (leased_until IS NULL OR leased_until <= $2) AND`, `WHERE run_at <= $2 AND`}},
	{name: "readiness needs partitions for the next months", pkg: directoryTests, run: "TestJobs",
		edit: edit{"internal/directory/directory.go",
			`	case ahead < 2:`, `	case false:`}},
}
