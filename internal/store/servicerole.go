// The role that the service runs as on PostgreSQL.

package store

import (
	"context"
	"fmt"
	"slices"

	"cardinal/internal/store/schema"
)

// grant runs the script of the privileges for a role, and for the roles that have these privileges already.
func (s *Store) grant(ctx context.Context, m migrator, role string) error {
	scan := func(row scanner) (name string, err error) {
		err = row.Scan(&name)
		return name, err
	}
	roles, err := queryAll(ctx, Reader{engine: s.engine, q: m}, scan, `
		SELECT DISTINCT g.rolname
		  FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a JOIN pg_roles g ON g.oid = a.grantee
		 WHERE c.oid = 'audit_logs'::regclass AND a.privilege_type = 'INSERT' AND a.grantee <> c.relowner`)
	if err != nil {
		return err
	}
	if role != "" && !slices.Contains(roles, role) {
		roles = append(roles, role)
	}
	applied, err := Reader{engine: s.engine, q: m}.Migrations(ctx)
	if err != nil {
		return err
	}
	for _, role := range roles {
		grants := schema.Migration{Script: schema.Grants(schemaName, role, applied)}
		if err := m.run(ctx, grants, func(querier) error { return nil }); err != nil {
			return fmt.Errorf("grant %s its privileges: %w", role, err)
		}
	}
	return nil
}

// RevokeTemporary takes the privilege to create temporary tables from a service's role, and from all roles that have it
// only through PUBLIC: Cardinal needs none, and a temporary table has precedence over a table with the same name. Only
// the owner of the database can do that. For another role, it changes nothing and returns the statement that the owner
// has to run. It returns "" if nothing is left to do.
func (s *Store) RevokeTemporary(ctx context.Context, role string) (statement string, err error) {
	err = s.engine.migrate(ctx, func(m migrator) error {
		type state struct {
			statement string
			has, owns bool
		}
		found, err := queryOne(ctx, Reader{engine: s.engine, q: m}, func(row scanner) (x state, err error) {
			err = row.Scan(&x.statement, &x.has, &x.owns)
			return x, err
		}, `
			SELECT format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC, %I', current_database(), $1::text),
			       has_database_privilege($1, d.oid, 'TEMPORARY'), pg_has_role(d.datdba, 'USAGE')
			  FROM pg_database d WHERE d.datname = current_database()`, role)
		if err != nil || !found.has {
			return err
		}
		if !found.owns {
			statement = found.statement
			return nil
		}
		_, err = m.ExecContext(ctx, found.statement)
		return err
	})
	return statement, err
}
