package check

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"cardinal/internal/catalog"
	"cardinal/internal/store/schema"
)

// shadow is the shadow schema: the schema that the live one should be, built by the embedded migrations. On PostgreSQL
// it exists in a transaction that never commits, so that no other connection sees it and a killed process leaves
// nothing behind. On SQLite it is an in-memory database.
type shadow struct {
	engine string
	name   string // of the schema
	conn   dbConn
	live   string // name of the live schema

	migrations []schema.Migration // the applied ones

	differences []difference
	counts      map[aspect]*factCount
	prober      *prober
}

// dbConn is a connection, or a transaction on one.
type dbConn interface {
	catalog.Querier
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// buildShadow builds the shadow schema on the same server and reads it. It sets s.Shadow and s.shadow, or
// s.NoShadowReason if it cannot be built. done removes the shadow.
func buildShadow(ctx context.Context, s *Subject) (done func() error, err error) {
	if m, ok := unknownMigration(s); ok {
		s.NoShadowReason = fmt.Sprintf("the database has migration %04d (%s), which this program does not know: use "+
			"a newer cardinal. %s", m.Number, m.Phase, noShadowNote)
		return func() error { return nil }, nil
	}
	build := buildPostgresShadow
	if s.Database.Engine == "sqlite" {
		build = buildSQLiteShadow
	}
	done, err = build(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("build the shadow schema: %w", err)
	}
	if s.Shadow != nil {
		s.shadow.compare(s.Live, s.Shadow)
	}
	return done, nil
}

const noShadowNote = "The fingerprint and the probes were skipped; the guide's points and the data were checked."

// unknownMigration returns a migration of the live database that this program does not have.
func unknownMigration(s *Subject) (schema.Migration, bool) {
	known := schema.Embedded(s.Live.Engine)
	for _, m := range s.Migrations {
		if !slices.ContainsFunc(known,
			func(k schema.Migration) bool { return k.Number == m.Number && k.Phase == m.Phase }) {
			return m, true
		}
	}
	return schema.Migration{}, false
}

func buildSQLiteShadow(ctx context.Context, s *Subject) (done func() error, err error) {
	dsn := url.URL{Scheme: "file", Opaque: "shadow",
		RawQuery: "mode=memory&_pragma=foreign_keys(1)&_pragma=recursive_triggers(1)&_pragma=trusted_schema(0)&_dqs=0"}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(ctx)
	if err != nil {
		db.Close()
		return nil, err
	}
	done = func() error { return errors.Join(conn.Close(), db.Close()) }
	if _, err := conn.ExecContext(ctx, "BEGIN;\n"+schema.Script("sqlite", s.Migrations)+";\nCOMMIT"); err != nil {
		return nil, errors.Join(err, done())
	}
	s.shadow = &shadow{engine: "sqlite", name: "main", live: "main", conn: conn}
	if s.Shadow, err = catalog.ReadSQLite(ctx, conn); err != nil {
		return nil, errors.Join(err, done())
	}
	return done, nil
}

func buildPostgresShadow(ctx context.Context, s *Subject) (done func() error, err error) {
	switch role, err := grantedRole(ctx, s.Database, s.Live); {
	case err != nil:
		return nil, err
	case role != "":
		s.NoShadowReason = "The connection's role " + role + " has the service's privileges: objects that it " +
			"creates would be its own, so run the check as the owner of the tables. " + noShadowNote
		return func() error { return nil }, nil
	}
	tx, err := s.Database.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	h := &shadow{engine: "postgres", name: "cardinal_shadow_" + strings.ToLower(rand.Text()), live: s.Live.Name,
		conn: tx, migrations: s.Migrations}
	_, err = tx.ExecContext(ctx, `SET TRANSACTION READ WRITE; SET LOCAL statement_timeout = '1min';
	  SET LOCAL lock_timeout = '2s';
		SET LOCAL idle_in_transaction_session_timeout = 0; CREATE SCHEMA `+h.name+`; SET LOCAL search_path = `+h.name)
	if why := shadowRefusal(err); why != "" {
		s.NoShadowReason = why + " " + noShadowNote
		return func() error { return nil }, tx.Rollback()
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, schema.Script("postgres", s.Migrations)+";\n"+h.monthsScript(s.Live))
	}
	if err == nil {
		err = h.revokeDefaults(ctx)
	}
	if err == nil {
		err = h.grantServiceRoles(ctx, s.Live)
	}
	if err == nil {
		s.Shadow, err = catalog.ReadPostgres(ctx, tx, h.name)
	}
	if err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	s.shadow = h
	return tx.Rollback, nil
}

// shadowRefusal explains why a shadow schema cannot be created, "" if the error has another cause.
func shadowRefusal(err error) string {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return ""
	}
	switch pg.Code {
	case "42501":
		return "The role of the connection is not allowed to create a schema: grant it the CREATE privilege on the " +
			"database (GRANT CREATE ON DATABASE ... TO ...), or use the role of the owner."
	case "25006", "0A000", "55000":
		return "The server is read-only (a standby): run the check on its primary."
	}
	return ""
}

// grantedRole returns the connection's role if the live schema grants privileges to it: in a shadow that this role
// owns, they could not be compared.
func grantedRole(ctx context.Context, q catalog.Querier, live *catalog.Schema) (string, error) {
	found, err := catalog.QueryTexts(ctx, q, `SELECT current_user, EXISTS (SELECT FROM pg_database `+
		`WHERE datname = current_database() AND has_database_privilege(oid, 'CREATE'))`)
	if err != nil || found[0][1] != "true" || !slices.Contains(grantees(live), found[0][0]) {
		return "", err
	}
	return found[0][0], nil
}

var monthTable = newPattern(`^audit_logs_([0-9]{4})(0[1-9]|1[0-2])$`)

// monthsScript returns the statements that create the months of the audit log that the live database has, including
// detached ones.
func (h *shadow) monthsScript(live *catalog.Schema) string {
	var text strings.Builder
	for _, t := range live.Tables {
		if m := monthTable.FindStringSubmatch(t.Name); m != nil {
			fmt.Fprintf(&text, "SELECT audit_month_ensure('%s-%s-01');\n", m[1], m[2])
		}
	}
	return text.String()
}

// revokeDefaults revokes what the database's default privileges granted in the shadow, so that the same grants in the
// live schema are found.
func (h *shadow) revokeDefaults(ctx context.Context) error {
	roles, err := catalog.QueryTexts(ctx, h.conn, `SELECT DISTINCT COALESCE(quote_ident(g.rolname), 'PUBLIC')
	  FROM pg_default_acl d CROSS JOIN LATERAL aclexplode(d.defaclacl) a
	  LEFT JOIN pg_roles g ON g.oid = a.grantee WHERE d.defaclnamespace = 0 AND a.grantee <> d.defaclrole
	    AND (a.grantee <> 0 OR d.defaclobjtype = 'r')`)
	for _, role := range roles {
		if err != nil {
			break
		}
		revoke := `REVOKE ALL ON ALL TABLES IN SCHEMA ` + h.name + ` FROM ` + role[0]
		if role[0] != "PUBLIC" { // PUBLIC is allowed to call most functions
			revoke += `; REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ` + h.name + ` FROM ` + role[0]
		}
		_, err = h.conn.ExecContext(ctx, revoke)
	}
	return err
}

// grantServiceRoles grants the service's privileges to the roles that have most of them in the live database.
func (h *shadow) grantServiceRoles(ctx context.Context, live *catalog.Schema) error {
	roles := grantees(live)
	if len(roles) == 0 {
		return nil
	}
	if _, err := h.conn.ExecContext(ctx, `SAVEPOINT rights`); err != nil {
		return err
	}
	if err := h.grantRole(ctx, roles[0]); err != nil {
		return err
	}
	model, err := catalog.ReadPostgres(ctx, h.conn, h.name)
	if err != nil {
		return err
	}
	wanted := rightsOf(model, roles[0])
	if _, err := h.conn.ExecContext(ctx, `ROLLBACK TO SAVEPOINT rights`); err != nil {
		return err
	}
	for _, role := range roles {
		has, matching := rightsOf(live, role), 0
		for right := range wanted {
			if has[right] {
				matching++
			}
		}
		if 2*matching > len(wanted) {
			if err := h.grantRole(ctx, role); err != nil {
				return err
			}
		}
	}
	return nil
}

// grantRole grants the service's privileges to a role, except those on tables and functions that do not exist yet in
// the middle of an upgrade.
func (h *shadow) grantRole(ctx context.Context, role string) error {
	for _, statement := range strings.SplitAfter(schema.Grants(h.name, role, h.migrations), ";\n") {
		_, err := h.conn.ExecContext(ctx, "SAVEPOINT one_right;\n"+statement)
		var pg *pgconn.PgError
		if errors.As(err, &pg) && (pg.Code == "42P01" || pg.Code == "42883") {
			_, err = h.conn.ExecContext(ctx, `ROLLBACK TO SAVEPOINT one_right`)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// forEachGrant calls visit with every grant of a schema and the object that it is on.
func forEachGrant(s *catalog.Schema, visit func(on string, g catalog.Grant)) {
	all := func(on string, grants []catalog.Grant) {
		for _, g := range grants {
			visit(on, g)
		}
	}
	all("schema", s.Grants)
	for _, t := range s.Tables {
		all(t.Name, t.Grants)
		for _, c := range t.Columns {
			all(t.Name+"."+c.Name, c.Grants)
		}
	}
	for _, f := range s.Functions {
		all(f.Name+"()", f.Grants)
	}
}

// grantees returns the roles other than the owner that have a privilege, each once.
func grantees(s *catalog.Schema) []string {
	var roles []string
	seen := map[string]bool{"PUBLIC": true, s.Owner(): true}
	forEachGrant(s, func(_ string, g catalog.Grant) {
		if !seen[g.Grantee] {
			seen[g.Grantee] = true
			roles = append(roles, g.Grantee)
		}
	})
	return roles
}

func rightsOf(s *catalog.Schema, role string) map[string]bool {
	rights := map[string]bool{}
	forEachGrant(s, func(on string, g catalog.Grant) {
		if g.Grantee == role {
			rights[g.Privilege+" "+on] = true
		}
	})
	return rights
}
