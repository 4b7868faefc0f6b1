package check

import (
	"strings"
	"testing"
	"time"
)

// Rows, statistics and planner settings are not part of the schema.
func TestHarmlessChanges(t *testing.T) {
	// The first day of a month, n months from now. Migrate creates fewer than 14 months ahead.
	month := func(n int) string { return time.Now().UTC().AddDate(0, n, 0).Format("2006-01") + "-01" }
	changes := map[string][]string{
		"sqlite": {`ANALYZE`, `REINDEX`, `VACUUM`, `PRAGMA user_version = 7`,
			`UPDATE settings SET value = '13', version = version + 1 WHERE name = 'passwords.min_length'`},
		"postgres": {`ANALYZE`, `VACUUM`, `VACUUM FULL sessions`, `REINDEX TABLE users`, `CLUSTER users USING users_pk`,
			`SELECT audit_month_ensure('` + month(14) + `')`,
			`SELECT audit_month_ensure('` + month(-3) + `')`,
			`DROP TABLE audit_logs_` + strings.ReplaceAll(month(12)[:7], "-", ""),
			`CREATE STATISTICS more ON kind, status FROM users`,
			`ALTER TABLE users ALTER COLUMN kind SET STATISTICS 500`,
			`UPDATE settings SET value = '13', version = version + 1 WHERE name = 'passwords.min_length'`},
	}
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			url := migratedDatabase(t, engine)
			rows := &shadow{engine: engine, conn: openForWriting(t, url)}
			statements := []string{}
			words := rows.fixtureReplacer(time.Now().UTC(), append([]byte{2}, make([]byte, 32)...))
			for _, f := range fixture {
				if !strings.HasPrefix(f.needs, "schema_") {
					statements = append(statements, words.Replace(f.sql))
				}
			}
			execute(t, engine, url, "BEGIN;\n"+strings.Join(statements, ";\n")+";\nCOMMIT")
			requireNoDifference(t, url, "rows")
			for _, change := range changes[engine] {
				execute(t, engine, url, change)
				requireNoDifference(t, url, change)
			}
			t.Logf("%s: %d harmless changes, none reported", engine, len(changes[engine])+1)
		})
	}
}

// requireNoDifference fails if the fingerprint has findings.
func requireNoDifference(t *testing.T, url, after string) {
	t.Helper()
	for _, f := range fingerprintFindings(t, subjectWithShadow(t, url)) {
		t.Errorf("after %s: %+v", after, f)
	}
}

// fingerprintFindings returns the findings of the whole fingerprint.
func fingerprintFindings(t *testing.T, s *Subject) (findings []Finding) {
	t.Helper()
	if s.shadow == nil {
		t.Fatal(s.NoShadowReason)
	}
	for _, c := range fingerprints {
		o, err := c.run(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		findings = append(findings, o.Findings...)
	}
	return findings
}

// Some mutants are checked by Run with all checks, as the command does it. All mutants are checked by the fingerprint
// alone.
func TestMutantsFailFullCheck(t *testing.T) {
	mutants := map[string][][2]string{
		"postgres": {
			{"users_version_ck", `ALTER TABLE users DROP CONSTRAINT users_version_ck`},
			{"contacts_kind_ix", `DROP INDEX contacts_kind_ix`},
			{"users_guard", `ALTER TABLE users DISABLE TRIGGER users_guard`},
			{"audit_logs", `GRANT DELETE ON audit_logs TO PUBLIC`},
			{"roles", `ALTER TABLE roles ADD COLUMN members text[]`},
			{"audit_logs_", `ALTER TABLE audit_logs DETACH PARTITION audit_logs_` + time.Now().UTC().Format("200601")},
			{"refuse_change", `CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN ` +
				`RETURN NEW; END'`},
		},
		"sqlite": {
			{"contacts_kind_ix", `DROP INDEX contacts_kind_ix`},
			{"users_guard", `DROP TRIGGER users_guard`},
			{"audit_logs_no_delete", `DROP TRIGGER audit_logs_no_delete; CREATE TRIGGER audit_logs_no_delete BEFORE ` +
				`DELETE ON audit_logs WHEN 0 BEGIN SELECT RAISE(ABORT, ` +
				`'audit_logs_append_only: the audit log only grows'); END`},
			{"roles", `ALTER TABLE roles ADD COLUMN members TEXT`},
			{"credentials", `PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, ` +
				`'CONSTRAINT credentials_version_ck CHECK (version > 0 AND', 'CONSTRAINT credentials_version_ck ` +
				`CHECK (1 AND') WHERE name = 'credentials'`},
			{"sessions.token_hash", `PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, ` +
				`'[secret] HMAC of the bearer token', '') WHERE name = 'sessions'`},
		},
	}
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			detected := 0
			for _, m := range mutants[engine] {
				url := migratedDatabase(t, engine)
				execute(t, engine, url, m[1])
				r, err := Run(t.Context(), openSubject(t, url), nil, nil)
				if err != nil {
					t.Errorf("%s: %v", m[1], err)
					continue
				}
				var findings []Finding
				for _, o := range r.Outcomes {
					if o.Kind == Fingerprint {
						findings = append(findings, o.Findings...)
					}
				}
				if !r.Failed() || !mentions(findings, m[0]) {
					t.Errorf("not detected: %s: %+v", m[1], findings)
					continue
				}
				detected++
			}
			t.Logf("%s: %d mutants with the full check, %d detected", engine, len(mutants[engine]), detected)
		})
	}
}
