package check

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"cardinal"
)

// expandSQL replaces placeholders by literals of an engine: {1} is an id, {t} and {later} are times, {sealed} is an
// encrypted value, {none} the placeholder of erased users, and {32:7} is 32 bytes of value 7.
func expandSQL(engine, statements string) string {
	id := func(n string) string { return fmt.Sprintf("00000000000170008000%012s", n) }
	moments := map[string]string{"{t}": "'2026-01-01T00:00:00Z'", "{later}": "'2026-01-02T00:00:00Z'"}
	bytes := func(hex string) string { return "'\\x" + hex + "'" }
	if engine == "sqlite" {
		moments = map[string]string{"{t}": "1767225600000000", "{later}": "1767312000000000"}
		bytes = func(hex string) string { return "x'" + hex + "'" }
	}
	return regexp.MustCompile(`\{[^}]*\}`).ReplaceAllStringFunc(statements, func(name string) string {
		length, fill, sized := strings.Cut(strings.Trim(name, "{}"), ":")
		switch {
		case moments[name] != "":
			return moments[name]
		case name == "{sealed}":
			return bytes("01" + strings.Repeat("ab", 40))
		case name == "{none}":
			return bytes("00")
		case sized:
			var n int
			fmt.Sscan(length, &n)
			return bytes(strings.Repeat("0"+fill, n))
		case engine == "sqlite":
			return "x'" + id(length) + "'"
		}
		return "'" + id(length) + "'"
	})
}

const oneUser = `INSERT INTO users (id, kind, status, created_at, updated_at) VALUES ({1}, 'person', 'active', {t},
  {t});
	INSERT INTO profiles (user_id, display_name_sealed, created_at, updated_at) VALUES ({1}, {sealed}, {t}, {t});
	INSERT INTO contacts (user_id, id, kind, value_sealed, verified_at, created_at, updated_at) VALUES ({1}, {2},
	  'email', {sealed}, {t}, {t}, {t});
	INSERT INTO identifiers (value_index, user_id, contact_id, created_at) VALUES ({32:1}, {1}, {2}, {t});
	INSERT INTO key_encryption_keys (id, location, check_value, created_at) VALUES ({3}, 'file', {32:2}, {t});
	INSERT INTO user_keys (user_id, kek_id, wrapped_key, created_at, wrapped_at) VALUES ({1}, {3}, {61:3}, {t}, {t});
	INSERT INTO credentials (user_id, hash, last_reset, created_at, updated_at) VALUES ({1},
	  '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g', {t}, {t},
	    {t});`

// problems returns the objects that a check found, each with its problem.
func problems(o Outcome) (all []string) {
	for _, f := range o.Findings {
		all = append(all, f.Object+": "+f.Problem)
	}
	return all
}

func TestErasedUserRows(t *testing.T) {
	for _, engine := range engines {
		url := migratedDatabase(t, engine)
		execute(t, engine, url, "BEGIN; "+expandSQL(engine, oneUser)+" COMMIT")
		if o := runOneCheck(t, openSubject(t, url), "D04"); o.Status != Passed || o.Total != 0 {
			t.Errorf("%s before: %+v", engine, o)
		}
		execute(t, engine, url, expandSQL(engine, `UPDATE users SET status = 'deleted', status_before_deletion = `+
			`'active', deleted_at = {later}, updated_at = {later}, version = 2 WHERE id = {1}`),
			expandSQL(engine, `UPDATE users SET status = 'erased', erased_at = {later}, version = 3 WHERE id = {1}`))
		o := runOneCheck(t, openSubject(t, url), "D04")
		want := []string{"users: 1 erased user(s) still have a key that decrypts their values",
			"users: 1 erased user(s) still have an identifier", "users: 1 erased user(s) still have a password",
			"users: 1 erased user(s) still have a contact that is not the placeholder",
			"users: 1 erased user(s) still have a profile that is not the placeholder"}
		if !slices.Equal(problems(o), want) || o.Status != Failed || o.Passed != 0 || o.Total != 1 {
			t.Errorf("%s: %s %d/%d %q", engine, o.Status, o.Passed, o.Total, problems(o))
		}
		execute(t, engine, url, expandSQL(engine, `DELETE FROM user_keys; DELETE FROM credentials; DELETE
		  FROM identifiers; UPDATE contacts SET value_sealed = {none}, version = 2;
			UPDATE profiles SET display_name_sealed = {none}, version = 2 WHERE user_id = {1}`))
		if o := runOneCheck(t, openSubject(t, url), "D04"); o.Status != Passed || o.Total != 1 {
			t.Errorf("%s after: %+v", engine, o)
		}
		// A verified contact of an erased user needs no identifier.
		if o := runOneCheck(t, openSubject(t, url), "D06"); o.Status != Passed {
			t.Errorf("%s identifiers after: %+v", engine, o)
		}
	}
}

func TestPasswordHashSchemes(t *testing.T) {
	for _, engine := range engines {
		url := migratedDatabase(t, engine)
		execute(t, engine, url, "BEGIN; "+expandSQL(engine, oneUser)+" COMMIT")
		if o := runOneCheck(t, openSubject(t, url), "D05"); o.Status != Passed ||
			!slices.Equal(o.Notes, []string{"$argon2id$v=19$m=19456,t=2,p=1$ 1"}) {
			t.Errorf("%s: %+v", engine, o)
		}
		for hash, want := range map[string]string{
			`$2b$12$abcdefghijklmnopqrstuuBCDEFGHIJKLMNOPQRSTUVWXYZ012345`: "1 password(s) are hashed by an older " +
				"scheme",
			`$argon2id$v=19$m=4096,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdB$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g`: "1 " +
				"password(s) are hashed with less than 19 MiB and two passes",
			`$pbkdf2-sha256$29000$c2FsdHNhbHRzYWx0c2FsdC$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g`: "1 " +
				"password(s) are hashed by an older scheme",
		} {
			execute(t, engine, url, "UPDATE credentials SET version = version + 1, hash = '"+hash+"'")
			if o := runOneCheck(t, openSubject(t, url), "D05"); o.Status != Warned || len(o.Findings) != 1 ||
				o.Findings[0].Problem != want || strings.Contains(fmt.Sprint(o), "c2FsdH") {
				t.Errorf("%s %s: %+v", engine, hash, o)
			}
		}
	}
}

func TestOrphanIdentifiers(t *testing.T) {
	// Rows that foreign keys refuse can exist where foreign keys are disabled.
	disableForeignKeys := map[string]string{"postgres": "SET session_replication_role = replica;",
		"sqlite": "PRAGMA foreign_keys = OFF;"}
	for _, c := range []struct{ statement, problem string }{
		{"INSERT INTO identifiers (value_index, user_id, created_at) VALUES ({32:4}, {9}, {t})",
			"1 identifier(s) without a user"},
		{"UPDATE contacts SET user_id = {9}, version = 2",
			"1 identifier(s) with a contact that does not exist or belongs to another user"},
		{"DELETE FROM identifiers", "1 verified or given contact(s) without an identifier"},
		{"INSERT INTO identifiers (value_index, user_id, created_at) VALUES ({32:4}, {1}, {t})",
			"1 user name(s) of users without a user name in the profile"},
		{"UPDATE contacts SET verified_at = NULL, value_index = {32:4}, version = 2",
			"1 identifier(s) of a contact that its user typed and no user has verified; " +
				"the contraction of migration 15 deletes them"},
		{"UPDATE contacts SET verified_at = NULL, given_by = 'import', version = 2; DELETE FROM identifiers",
			"1 verified or given contact(s) without an identifier"},
	} {
		for _, engine := range engines {
			url := migratedDatabase(t, engine)
			execute(t, engine, url, "BEGIN; "+expandSQL(engine, oneUser)+" COMMIT")
			if o := runOneCheck(t, openSubject(t, url), "D06"); o.Status != Passed {
				t.Fatalf("%s before: %+v", engine, o)
			}
			execute(t, engine, url, disableForeignKeys[engine]+expandSQL(engine, c.statement))
			o := runOneCheck(t, openSubject(t, url), "D06")
			if !slices.ContainsFunc(o.Findings,
				func(f Finding) bool { return f.Problem == c.problem && len(f.Evidence) == 1 }) {
				t.Errorf("%s after %s: %q", engine, c.statement, problems(o))
			}
		}
	}
}

func TestUndecryptableSamples(t *testing.T) {
	s := openSubject(t, migratedDatabase(t, "sqlite"))
	s.DecryptSamples = func(context.Context) ([]EncryptedSample, error) {
		return []EncryptedSample{
			{Table: "contacts", Column: "value_sealed", Decrypted: 3, Undecryptable: []string{"row 7"}},
			{Table: "profiles", Column: "username_sealed", Erased: 2},
		}, nil
	}
	if o := runOneCheck(t, s, "D03"); o.Status != Failed || o.Passed != 3 || o.Total != 4 || len(o.Findings) != 1 ||
		o.Findings[0].Evidence[0] != "row 7" {
		t.Errorf("%+v", o)
	}
	s.DecryptSamples = func(context.Context) ([]EncryptedSample, error) {
		return nil, fmt.Errorf("%w: key of 2019", ErrKeyMissing)
	}
	if o := runOneCheck(t, s, "D03"); o.Status != Skipped || !strings.Contains(o.NotChecked, "key of 2019") {
		t.Errorf("%+v", o)
	}
	broken := errors.New("broken")
	s.DecryptSamples = func(context.Context) ([]EncryptedSample, error) { return nil, broken }
	if _, err := Run(t.Context(), s, []string{"D03"}, nil); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

// ordersTable creates a table of 300 rows, in which the rate depends on the country and the customer's name on a part
// of the key.
func ordersTable(engine string) []string {
	uuid, blob := "uuid", "'00000000-0001-7000-8000-%012x'"
	if engine == "sqlite" {
		uuid, blob = "BLOB", "x'00000000000170008000%012x'"
	}
	var rows []string
	for i := range 300 {
		rows = append(rows, fmt.Sprintf("("+blob+", "+blob+", 'name %d', 'country %d', 'rate %d', 'choice %d', NULL)",
			i%30, 1000+i, i%30/2, i%7, i%7%3, i*i%11))
	}
	return []string{
		fmt.Sprintf("CREATE TABLE orders (customer_id %s, id %s, name text, country text, rate text, choice text, "+
			"empty text, PRIMARY KEY (customer_id, id))", uuid, uuid),
		"INSERT INTO orders VALUES " + strings.Join(rows, ", "),
	}
}

func TestDependenciesInRows(t *testing.T) {
	for _, engine := range engines {
		url := migratedDatabase(t, engine)
		execute(t, engine, url, ordersTable(engine)...)
		for id, want := range map[string]string{"D01": "orders.name: it seems to depend on customer_id alone",
			"D02": "orders.rate: it seems to depend on country alone"} {
			o := runOneCheck(t, openSubject(t, url), id)
			if o.Status != Warned || !slices.Equal(problems(o), []string{want}) ||
				strings.Contains(fmt.Sprint(o), "country 1") {
				t.Errorf("%s %s: %+v", engine, id, o)
			}
		}
	}
}

// Audit entries of imported users have another format than all others, and each user's entries share one format. That
// is not a dependency.
func TestImportedRowsNoDependency(t *testing.T) {
	for _, engine := range engines {
		url := migratedDatabase(t, engine)
		id := func(u uuid.UUID) string {
			if engine == "sqlite" {
				return fmt.Sprintf("x'%x'", u[:])
			}
			return "'" + u.String() + "'"
		}
		var users, profiles, rows []string
		for i := range 400 {
			if i%10 == 0 {
				user := id(cardinal.NewID())
				users, profiles = append(users, expandSQL(engine, "("+user+", 'person', 'active', {t}, {t})")),
					append(profiles, expandSQL(engine, "("+user+", {t}, {t})"))
			}
			user, action, format := strings.Split(users[i/10][1:], ",")[0], "job.run", 1
			if i/10%2 == 0 {
				action, format = "user.import", 2
			}
			rows = append(rows, fmt.Sprintf("(%s, %s, %s, '%s', %d)", user, id(cardinal.NewID()), user, action, format))
		}
		execute(t, engine, url, "BEGIN; INSERT INTO users (id, kind, status, created_at, updated_at) VALUES "+
			strings.Join(users, ", ")+
			"; INSERT INTO profiles (user_id, created_at, updated_at) VALUES "+strings.Join(profiles, ", ")+
			"; INSERT INTO audit_logs (subject_id, id, actor_id, action, schema_version) VALUES "+
			strings.Join(rows, ", ")+"; COMMIT")
		for _, check := range []string{"D01", "D02"} {
			for _, problem := range problems(runOneCheck(t, openSubject(t, url), check)) {
				if strings.Contains(problem, "schema_version") {
					t.Errorf("%s %s: %s", engine, check, problem)
				}
			}
		}
	}
}

func TestDependsOn(t *testing.T) {
	pairs := func(n int, of func(i int) (a, b uint64)) [][]uint64 {
		rows := make([][]uint64, n)
		for i := range rows {
			a, b := of(i)
			rows[i] = []uint64{a, b}
		}
		return rows
	}
	for name, c := range map[string]struct {
		rows [][]uint64
		want bool
	}{
		"a rate for each country": {pairs(200,
			func(i int) (uint64, uint64) { return uint64(i%20) + 1, uint64(i%20%5) + 1 }), true},
		"one row breaks it": {pairs(201,
			func(i int) (uint64, uint64) { return uint64(i%20) + 1, uint64(i%20%5+i/200) + 1 }), false},
		"a constant": {pairs(200, func(i int) (uint64, uint64) { return uint64(i%20) + 1, 1 }), false},
		"nearly a constant": {pairs(200,
			func(i int) (uint64, uint64) { return uint64(i%100) + 1, uint64(1 + (i%100)/99) }), false},
		"a key": {pairs(200, func(i int) (uint64, uint64) { return uint64(i) + 1, uint64(i%5) + 1 }),
			false},
		"too few rows": {pairs(40, func(i int) (uint64, uint64) { return uint64(i%4) + 1, uint64(i%4) + 1 }),
			false},
		"two of everything": {pairs(200,
			func(i int) (uint64, uint64) { return uint64(i%2) + 1, uint64(i%2) + 1 }), false},
		"NULL is ignored": {pairs(400,
			func(i int) (uint64, uint64) { return uint64(i % 2 * (i%20 + 1)), uint64(i%20%5) + 1 }), true},
		"few repeats by chance": {pairs(200,
			func(i int) (uint64, uint64) { return uint64(min(i, 198)) + 1, uint64(min(i, 198)%5) + 1 }), false},
	} {
		if _, got := dependsOn(c.rows, 0, 1); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// An index on the right columns that the planner cannot use does not count.
func TestQueryPlans(t *testing.T) {
	collation := map[string]string{"postgres": `"C"`, "sqlite": "NOCASE"}
	for _, engine := range engines {
		url := migratedDatabase(t, engine)
		execute(t, engine, url, "DROP INDEX users_status_ix",
			"CREATE INDEX users_status_ix ON users (status COLLATE "+collation[engine]+", id)")
		if engine == "postgres" { // a large table, by its statistics
			execute(t, engine, url, "UPDATE pg_class SET reltuples = 100000, relpages = 2000 WHERE oid = "+
				"'users'::regclass")
		}
		if o := runOneCheck(t, openSubject(t, url), "G25"); o.Status != Passed {
			t.Errorf("%s: G25, which checks only the catalog, failed: %+v", engine, o.Findings)
		}
		o := runOneCheck(t, openSubject(t, url), "D07")
		if o.Status != Failed || !slices.Equal(problems(o),
			[]string{"users: no index answers the query: users by status"}) || len(o.Findings[0].Evidence) < 2 ||
			o.Total != len(frequentQueries) {
			t.Errorf("%s: %+v", engine, o)
		}
	}
	// For an empty table with statistics any index is good enough, and the planner can choose another one.
	url := migratedDatabase(t, "postgres")
	execute(t, "postgres", url, "ANALYZE")
	if o := runOneCheck(t, openSubject(t, url), "D07"); o.Status != Passed {
		t.Errorf("with statistics of empty tables: %+v", o.Findings)
	}
}
