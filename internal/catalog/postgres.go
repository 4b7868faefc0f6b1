package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"cardinal"
)

// ReadPostgres reads a schema of a PostgreSQL database. PostgreSQL leaves out the schema of objects that the
// search_path finds. So q should find only this schema through its search_path: then expressions are the same whatever
// the schema's name is.
func ReadPostgres(ctx context.Context, q Querier, name string) (*Schema, error) {
	r := postgresReader{q: q, name: name}
	s := &Schema{Engine: "postgres", Name: name, Settings: map[string]string{}}
	var savedPath string
	r.queryValue(ctx, &savedPath, `SELECT current_setting('search_path')`)
	if r.err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, r.err)
	}
	var exists bool
	r.queryValue(ctx, &exists, `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)`, name)
	if r.err == nil && !exists {
		return nil, fmt.Errorf("%w: the database has no schema %q", cardinal.ErrNotFound, name)
	}
	// PostgreSQL prints expressions relative to the search_path. Set it for this transaction only and restore it at the
	// end.
	var ignored string
	r.queryValue(ctx, &ignored, `SELECT set_config('search_path', quote_ident($1), true)`, name)
	r.queryValue(ctx, &s.Version, `SELECT split_part(current_setting('server_version'), ' ', 1)`)
	for _, setting := range []string{"server_encoding", "TimeZone"} {
		var value string
		r.queryValue(ctx, &value, `SELECT current_setting($1)`, setting)
		s.Settings[strings.ToLower(setting)] = value
	}
	tables := r.tables(ctx)
	r.columns(ctx, tables)
	r.constraints(ctx, tables)
	r.indexes(ctx, tables)
	r.triggers(ctx, tables)
	s.Functions = r.functions(ctx)
	s.OtherObjects = r.otherObjects(ctx)
	s.Grants = queryRows[Grant](ctx, &r, `
		SELECT json_build_object('Grantee', COALESCE(g.rolname, 'PUBLIC'), 'Privilege', a.privilege_type,
		  'Grantable', a.is_grantable)
		  FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) a LEFT JOIN pg_roles g ON g.oid = a.grantee
		 WHERE n.nspname = $1 AND a.grantee <> n.nspowner ORDER BY 1::text`, name)
	r.queryValue(ctx, &ignored, `SELECT set_config('search_path', $1, true)`, savedPath)
	for _, t := range tables.list {
		s.Tables = append(s.Tables, *t)
	}
	if r.err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, r.err)
	}
	return s, nil
}

// postgresReader keeps the first error, so that queries can follow each other without error checks.
type postgresReader struct {
	q    Querier
	name string // of the schema
	err  error
}

func (r *postgresReader) queryValue(ctx context.Context, target any, query string, args ...any) {
	if r.err != nil {
		return
	}
	found, err := r.q.QueryContext(ctx, query, args...)
	if err != nil {
		r.err = err
		return
	}
	defer found.Close()
	for found.Next() {
		if r.err = found.Scan(target); r.err != nil {
			return
		}
	}
	r.err = found.Err()
}

// queryRows runs a query that returns one JSON object per row, with the names of T's fields.
func queryRows[T any](ctx context.Context, r *postgresReader, query string, args ...any) []T {
	if r.err != nil {
		return nil
	}
	found, err := QueryTexts(ctx, r.q, query, args...)
	if err != nil {
		r.err = err
		return nil
	}
	all := make([]T, len(found))
	for i, row := range found {
		if r.err = json.Unmarshal([]byte(row[0]), &all[i]); r.err != nil {
			return nil
		}
	}
	return all
}

// tableSet contains the tables in order and by name.
type tableSet struct {
	list   []*Table
	byName map[string]*Table
}

// fromSchemaTables is the FROM clause of every query about tables: the relations of the schema $1.
const fromSchemaTables = ` FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = $1 ` +
	`AND c.relkind IN ('r', 'p', 'v', 'm', 'f') `

// qualifiedName returns SQL for the name of another relation as seen from table c: without the schema if both have the
// same.
func qualifiedName(other string) string {
	return `CASE WHEN ` + other + `.relnamespace = c.relnamespace THEN ` + other + `.relname ELSE ` + other +
		`.relnamespace::regnamespace || '.' || ` + other + `.relname END`
}

// grantsJSON returns SQL that converts an ACL column to the JSON of []Grant. The caller adds a WHERE clause that leaves
// out the owner, and the closing parenthesis.
func grantsJSON(acl string) string {
	return `(SELECT COALESCE(json_agg(json_build_object('Grantee', COALESCE(g.rolname, 'PUBLIC'),
	  'Privilege', a.privilege_type, 'Grantable', a.is_grantable)
	   ORDER BY g.rolname COLLATE "C" NULLS FIRST, a.privilege_type, a.is_grantable), '[]') FROM aclexplode(` + acl +
		`) a LEFT JOIN pg_roles g ON g.oid = a.grantee`
}

func (r *postgresReader) tables(ctx context.Context) tableSet {
	found := queryRows[Table](ctx, r, `SELECT json_build_object('Name', c.relname, 'Owner', pg_get_userbyid(c.relowner),
	    'Kind', CASE WHEN c.relispartition THEN 'partition' WHEN c.relkind = 'p' THEN 'partitioned table'
	      WHEN c.relkind = 'f' THEN 'virtual table'
	                 WHEN c.relkind IN ('v', 'm') THEN 'view' ELSE 'table' END,
	    'Comment', COALESCE(obj_description(c.oid, 'pg_class'), ''),
	    'PartitionOf', COALESCE((SELECT `+qualifiedName(`p`)+` FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent
	      WHERE i.inhrelid = c.oid AND c.relispartition), ''),
	    'Bounds', COALESCE(pg_get_expr(c.relpartbound, c.oid), ''),
	    'PartitionKey', COALESCE(pg_get_partkeydef(c.oid), ''),
	    'Options', concat_ws(', ', NULLIF(array_to_string(c.reloptions, ', '), ''),
	       CASE WHEN c.relpersistence = 'u' THEN 'UNLOGGED' END,
	       CASE WHEN c.relrowsecurity THEN 'ROW SECURITY' END,
	       CASE WHEN c.relforcerowsecurity THEN 'FORCE ROW SECURITY' END,
	       CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid, true) END,
	       (SELECT string_agg('INHERITS ' || i.inhparent::regclass, ', ' ORDER BY i.inhseqno) FROM pg_inherits i
	         WHERE i.inhrelid = c.oid AND NOT c.relispartition),
	       (SELECT string_agg('INHERITED OUTSIDE BY ' || i.inhrelid::regclass, ', ' ORDER BY i.inhrelid)
	         FROM pg_inherits i JOIN pg_class k ON k.oid = i.inhrelid
	         WHERE i.inhparent = c.oid AND k.relnamespace <> c.relnamespace),
	       (SELECT string_agg('POLICY ' || p.polname || ' ' || p.polcmd::text || ' ' || p.polpermissive || ' ' ||
	         p.polroles::regrole[]::text
	                          || COALESCE(' USING ' || pg_get_expr(p.polqual, p.polrelid), '')
	                          || COALESCE(' CHECK ' || pg_get_expr(p.polwithcheck, p.polrelid), ''), ', '
	                          ORDER BY p.polname)
	          FROM pg_policy p WHERE p.polrelid = c.oid),
	       (SELECT string_agg('RULE ' || pg_get_ruledef(w.oid, true), ', ' ORDER BY w.rulename) FROM pg_rewrite w
	         WHERE w.ev_class = c.oid AND c.relkind NOT IN ('v', 'm'))),
	    'Rows', CASE WHEN c.reltuples < 0 THEN -1 ELSE c.reltuples::bigint END,
	    'Grants', `+grantsJSON(`c.relacl`)+` WHERE a.grantee <> c.relowner))`+fromSchemaTables+
		`ORDER BY c.relname COLLATE "C"`, r.name)
	t := tableSet{byName: map[string]*Table{}}
	for i := range found {
		t.list = append(t.list, &found[i])
		t.byName[found[i].Name] = &found[i]
	}
	return t
}

// tablePart is a part of a table, such as a column, with the table's name.
type tablePart[T any] struct {
	Table string
	Part  T
}

func (r *postgresReader) columns(ctx context.Context, tables tableSet) {
	for _, c := range queryRows[tablePart[Column]](ctx, r, `SELECT json_build_object('Table', c.relname,
	  'Part', json_build_object('Name', a.attname,
	    'Type', format_type(a.atttypid, a.atttypmod), 'NotNull', a.attnotnull, 'Identity', a.attidentity <> '',
	    'Default', CASE WHEN a.attgenerated = '' THEN COALESCE(pg_get_expr(d.adbin, d.adrelid), '') ELSE '' END,
	    'Generated', CASE WHEN a.attgenerated <> '' THEN COALESCE(pg_get_expr(d.adbin, d.adrelid), '') ELSE '' END,
	    'Collation', COALESCE((SELECT l.collname FROM pg_collation l JOIN pg_type t ON t.oid = a.atttypid
	      WHERE l.oid = a.attcollation AND l.oid <> t.typcollation), ''),
	    'Storage', concat_ws(', ', (SELECT CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'm' THEN 'MAIN'
	      WHEN 'e' THEN 'EXTERNAL' ELSE 'EXTENDED' END
	                                  FROM pg_type t WHERE t.oid = a.atttypid AND t.typstorage <> a.attstorage),
	                               'COMPRESSION ' || CASE a.attcompression WHEN 'p' THEN 'pglz'
	                                 WHEN 'l' THEN 'lz4' END),
	    'Comment', COALESCE(col_description(c.oid, a.attnum), ''),
	    'Grants', `+grantsJSON(`a.attacl`)+` WHERE a.grantee <> c.relowner)))`+fromSchemaTables+`
	  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
	 ORDER BY c.relname COLLATE "C", a.attnum`, r.name) {
		tables.byName[c.Table].Columns = append(tables.byName[c.Table].Columns, c.Part)
	}
}

// columnNamesJSON returns SQL for the column names of an array of column numbers, in its order, as JSON; relation is
// the table that has the columns.
func columnNamesJSON(numbers, relation string) string {
	return `(SELECT COALESCE(json_agg(COALESCE(a.attname, '') ORDER BY u.place), '[]') FROM unnest(` + numbers +
		`) WITH ORDINALITY u (number, place)
	   LEFT JOIN pg_attribute a ON a.attrelid = ` + relation + ` AND a.attnum = u.number AND u.number > 0)`
}

func (r *postgresReader) constraints(ctx context.Context, tables tableSet) {
	const action = `CASE %s WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' ` +
		`WHEN 'd' THEN 'SET DEFAULT' WHEN 'a' THEN 'NO ACTION' ELSE '' END`
	for _, c := range queryRows[tablePart[Constraint]](ctx, r, `SELECT json_build_object('Table', c.relname,
	  'Part', json_build_object('Name', k.conname,
	    'Kind', CASE k.contype WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique' WHEN 'f' THEN 'foreign key'
	      WHEN 'c' THEN 'check' WHEN 'x' THEN 'exclusion' END,
	    'Columns', `+columnNamesJSON(`k.conkey`, `k.conrelid`)+`,
	    'Expression', CASE WHEN k.contype = 'c' THEN pg_get_expr(k.conbin, k.conrelid, true)
	      WHEN k.contype = 'x' THEN pg_get_constraintdef(k.oid, true) ELSE '' END,
	    'References', COALESCE((SELECT `+qualifiedName(`p`)+` FROM pg_class p WHERE p.oid = k.confrelid), ''),
	    'ReferencedColumns', `+columnNamesJSON(`k.confkey`, `k.confrelid`)+`,
	    'OnUpdate', CASE WHEN k.contype = 'f' THEN `+fmt.Sprintf(action, "k.confupdtype")+` ELSE '' END,
	    'OnDelete', CASE WHEN k.contype = 'f' THEN `+fmt.Sprintf(action, "k.confdeltype")+` ELSE '' END,
	    'Deferrable', k.condeferrable, 'Deferred', k.condeferred, 'Validated', k.convalidated,
	    'Definition', pg_get_constraintdef(k.oid, true), 'Inherited', k.coninhcount > 0 OR k.conparentid <> 0,
	    'Unenforced', EXISTS (SELECT FROM pg_trigger t WHERE t.tgconstraint = k.oid AND t.tgisinternal
	      AND t.tgenabled NOT IN ('O', 'A'))))`+fromSchemaTables+`
	  JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype IN ('p', 'u', 'f', 'c', 'x')
	 ORDER BY c.relname COLLATE "C", k.contype, k.conname COLLATE "C"`, r.name) {
		tables.byName[c.Table].Constraints = append(tables.byName[c.Table].Constraints, c.Part)
	}
}

func (r *postgresReader) indexes(ctx context.Context, tables tableSet) {
	for _, i := range queryRows[tablePart[Index]](ctx, r, `SELECT json_build_object('Table', c.relname,
	  'Part', json_build_object('Name', x.relname,
	    'Columns', `+columnNamesJSON(`(i.indkey::int2[])[0:i.indnkeyatts - 1]`, `c.oid`)+`,
	    'Include', `+columnNamesJSON(`(i.indkey::int2[])[i.indnkeyatts:]`, `c.oid`)+`,
	    'Unique', i.indisunique, 'Predicate', COALESCE(pg_get_expr(i.indpred, i.indrelid, true), ''),
	      'Method', m.amname,
	    'Valid', i.indisvalid AND i.indisready AND i.indislive, 'Definition', pg_get_indexdef(x.oid, 0, true),
	    'Constraint', COALESCE((SELECT k.conname FROM pg_constraint k WHERE k.conindid = x.oid AND k.conrelid = c.oid
	      AND k.contype IN ('p', 'u', 'x')), ''),
	    'PartOf', COALESCE((SELECT p.relname FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhparent
	      WHERE h.inhrelid = x.oid), ''),
	    'Scans', COALESCE(pg_stat_get_numscans(x.oid), -1)))`+fromSchemaTables+`
	  JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
	 ORDER BY c.relname COLLATE "C", x.relname COLLATE "C"`, r.name) {
		tables.byName[i.Table].Indexes = append(tables.byName[i.Table].Indexes, i.Part)
	}
}

func (r *postgresReader) triggers(ctx context.Context, tables tableSet) {
	for _, t := range queryRows[tablePart[Trigger]](ctx, r, `SELECT json_build_object('Table', c.relname,
	  'Part', json_build_object('Name', t.tgname,
	    'Function', COALESCE((SELECT p.proname FROM pg_proc p WHERE p.oid = t.tgfoid
	      AND p.pronamespace = c.relnamespace), t.tgfoid::regproc::text), 'Enabled', t.tgenabled IN ('O', 'A'),
	        'Inherited', t.tgparentid <> 0,
	    'Arguments', to_json(string_to_array(left(encode(t.tgargs, 'escape'), -4), '\000')),
	    'Definition', pg_get_triggerdef(t.oid, true) || CASE t.tgenabled WHEN 'O' THEN ''
	      WHEN 'A' THEN ' (ENABLED ALWAYS)'
	      WHEN 'R' THEN ' (ENABLED REPLICA)' ELSE ' (DISABLED)' END))`+fromSchemaTables+`
	  JOIN pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal
	 ORDER BY c.relname COLLATE "C", t.tgname COLLATE "C"`, r.name) {
		tables.byName[t.Table].Triggers = append(tables.byName[t.Table].Triggers, t.Part)
	}
}

func (r *postgresReader) functions(ctx context.Context) []Function {
	return queryRows[Function](ctx, r, `SELECT json_build_object('Name', p.proname,
	  'Arguments', pg_get_function_arguments(p.oid),
	    'Result', COALESCE(pg_get_function_result(p.oid), ''), 'Language', l.lanname, 'Strict', p.proisstrict,
	      'SecurityDefiner', p.prosecdef,
	    'Volatility', CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
	      'Owner', pg_get_userbyid(p.proowner),
	    'Configuration', (SELECT COALESCE(json_agg(CASE WHEN f IN ('search_path=' || quote_ident($1),
	      'search_path=' || quote_literal($1)) THEN 'search_path=$schema'
	      WHEN f = 'search_path=' || quote_ident($1) || ', pg_temp' THEN 'search_path=$schema, pg_temp'
	      ELSE f END ORDER BY f), '[]')
	        FROM unnest(p.proconfig) f),
	    'Body', COALESCE(pg_get_function_sqlbody(p.oid), p.prosrc),
	    'Bound', pg_get_function_sqlbody(p.oid) IS NOT NULL,
	    'Options', concat_ws(', ', CASE p.proparallel WHEN 's' THEN 'PARALLEL SAFE'
	      WHEN 'r' THEN 'PARALLEL RESTRICTED' END, CASE WHEN p.proleakproof THEN 'LEAKPROOF' END,
	                              CASE WHEN p.prokind <> 'f' THEN 'KIND ' || p.prokind::text END),
	    'Definition', replace(replace(pg_get_functiondef(p.oid), quote_ident($1) || '.', ''),
	      'SET search_path TO ' || quote_literal($1), 'SET search_path TO $schema'),
	    'Comment', COALESCE(obj_description(p.oid, 'pg_proc'), ''),
	    'Grants', `+grantsJSON(`COALESCE(p.proacl, acldefault('f', p.proowner))`)+` WHERE a.grantee <> p.proowner))
	  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname = $1
	  JOIN pg_language l ON l.oid = p.prolang
	 WHERE p.prokind IN ('f', 'p', 'w') AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid
	   AND d.deptype = 'e')
	 ORDER BY p.proname COLLATE "C", pg_get_function_arguments(p.oid) COLLATE "C"`, r.name)
}

// otherObjects reads the other objects of a schema. It omits objects of extensions, and the types and sequences that a
// table creates implicitly.
func (r *postgresReader) otherObjects(ctx context.Context) []OtherObject {
	return queryRows[OtherObject](ctx, r, `SELECT json_build_object('Kind', o.kind, 'Name', o.name,
	  'Definition', COALESCE(o.definition, '')) FROM (
	  SELECT 'sequence' AS kind, c.relname::text AS name, c.relacl::text AS definition, c.oid AS id
	    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = $1 AND c.relkind = 'S'
	   WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'i')
	  UNION ALL
	  SELECT 'type', t.typname, concat_ws(' ', t.typtype, format_type(NULLIF(t.typbasetype, 0), t.typtypmod),
	    t.typacl::text,
	         (SELECT string_agg(pg_get_constraintdef(k.oid, true), ' ' ORDER BY k.conname) FROM pg_constraint k
	           WHERE k.contypid = t.oid),
	         (SELECT string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid)),
	           t.oid
	    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace AND n.nspname = $1 LEFT JOIN pg_class c
	      ON c.oid = t.typrelid
	   WHERE t.typelem = 0 AND t.typtype IN ('b', 'c', 'd', 'e', 'r') AND (c.oid IS NULL OR c.relkind = 'c')
	  UNION ALL
	  SELECT 'aggregate', p.oid::regprocedure::text, p.proacl::text, p.oid FROM pg_proc p JOIN pg_namespace n
	    ON n.oid = p.pronamespace AND n.nspname = $1 WHERE p.prokind = 'a'
	  UNION ALL
	  SELECT 'operator', o.oid::regoperator::text, o.oprcode::text, o.oid FROM pg_operator o JOIN pg_namespace n
	    ON n.oid = o.oprnamespace AND n.nspname = $1
	  UNION ALL
	  SELECT 'default privileges', pg_get_userbyid(a.defaclrole) || ' ' || a.defaclobjtype::text, a.defaclacl::text,
	    a.oid
	    FROM pg_default_acl a JOIN pg_namespace n ON n.oid = a.defaclnamespace AND n.nspname = $1
	  UNION ALL
	  SELECT 'comment', pg_describe_object(d.classoid, d.objoid, 0), d.description, d.objoid FROM pg_description d
	   WHERE (d.classoid = 'pg_constraint'::regclass AND d.objoid IN (SELECT k.oid FROM pg_constraint k
	     JOIN pg_namespace n ON n.oid = k.connamespace AND n.nspname = $1))
	      OR (d.classoid = 'pg_trigger'::regclass AND d.objoid IN (SELECT t.oid FROM pg_trigger t JOIN pg_class c
	        ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = $1))
	      OR (d.classoid = 'pg_class'::regclass AND d.objoid IN (SELECT c.oid FROM pg_class c JOIN pg_namespace n
	        ON n.oid = c.relnamespace AND n.nspname = $1 AND c.relkind IN ('i', 'I', 'S')))
	) o WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = o.id AND d.deptype = 'e') ORDER BY o.kind, o.name`,
		r.name)
}
