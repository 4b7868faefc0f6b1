-- What a function reads and calls does not depend on the session of its caller. The service's role can create temporary
-- tables and views, and set its search_path: without this migration they replace what a function means, also in
-- functions that run with the permissions of the owner.
--
-- PL/pgSQL functions get a search_path of their own: the schema of Cardinal, and the temporary one last. pg_catalog is
-- searched first anyway; if it were named, current_schema() would return it. The path is derived from the current
-- schema, because a copy can be created in another one.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', TRUE);

ALTER FUNCTION guard_version() SET search_path FROM CURRENT;
ALTER FUNCTION refuse_change() SET search_path FROM CURRENT;
ALTER FUNCTION guard_user() SET search_path FROM CURRENT;
ALTER FUNCTION guard_system_role() SET search_path FROM CURRENT;
ALTER FUNCTION guard_system_permission() SET search_path FROM CURRENT;
ALTER FUNCTION keep_role_holders(uuid) SET search_path FROM CURRENT;
ALTER FUNCTION guard_user_roles() SET search_path FROM CURRENT;
ALTER FUNCTION guard_user_holders() SET search_path FROM CURRENT;
ALTER FUNCTION audit_month_ensure(date) SET search_path FROM CURRENT;
ALTER FUNCTION refresh_statistics() SET search_path FROM CURRENT;

SELECT set_config('search_path', quote_ident(current_schema()), TRUE);

-- SQL functions get a body whose names are looked up once, when the function is created. A search_path of their own
-- would prevent that PostgreSQL inserts their expression into the statement: one was 2.7 times slower with it.
CREATE OR REPLACE FUNCTION uuid_v7_time(id uuid) RETURNS timestamptz LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN to_timestamp(
  (('x' || substr(translate(id::text, '-', ''), 1, 12))::bit(48)::bigint / 1000.0)::double precision);

CREATE OR REPLACE FUNCTION uuid_v7_floor(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN encode(substring(int8send((extract(epoch FROM moment) * 1000)::bigint) FROM 3)
  || '\x70008000000000000000'::bytea, 'hex')::uuid;

CREATE OR REPLACE FUNCTION phc_salt(hash text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE
  WHEN hash LIKE '$2_$%' THEN substr(hash, 8, 22)
  WHEN hash LIKE '$argon2%' THEN split_part(hash, '$', 5)
  ELSE split_part(hash, '$', 4)
END;

CREATE OR REPLACE FUNCTION audit_months() RETURNS TABLE (month date) LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
  SELECT to_date(right(c.relname, 6), 'YYYYMM')
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
   WHERE i.inhparent = 'audit_logs'::regclass
   ORDER BY 1;
END;
