-- What the previous version needs and this one does not is taken from the roles of services. The roles are those that
-- can insert data keys.
DO $$
DECLARE
  service name;
BEGIN
  FOR service IN
    SELECT DISTINCT g.rolname
      FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a JOIN pg_roles g ON g.oid = a.grantee
     WHERE c.oid = 'user_keys'::regclass AND a.privilege_type = 'INSERT' AND a.grantee <> c.relowner
  LOOP
    EXECUTE format('REVOKE DELETE, UPDATE ON user_keys, service_keys FROM %I', service);
    EXECUTE format('REVOKE UPDATE ON key_encryption_keys FROM %I', service);
    EXECUTE format('REVOKE INSERT ON roles, permissions FROM %I', service);
    EXECUTE format('GRANT INSERT (id, name, description, created_at, updated_at, version, schema_version)
      ON roles, permissions TO %I', service);
  END LOOP;
END $$;

-- An event has the time of its id. Only the owner can write events of another time, for example from an archive. A
-- policy does not apply to the owner of the table.
CREATE POLICY audit_logs_read ON audit_logs FOR SELECT USING (TRUE);
CREATE POLICY audit_logs_recent ON audit_logs FOR INSERT WITH CHECK (
  uuid_v7_time(id) BETWEEN clock_timestamp() - interval '5 minutes' AND clock_timestamp() + interval '5 minutes');
ALTER TABLE audit_logs ENABLE ROW LEVEL SECURITY;
