-- No node of the version before is left. What it added since the backfill is filled in; then an unverified address that
-- its user typed loses its row in identifiers: it reserves nothing.
-- drops: identifiers.expires_at
ALTER TABLE contacts VALIDATE CONSTRAINT contacts_given_by_ck;
ALTER TABLE contacts VALIDATE CONSTRAINT contacts_value_index_ck;
UPDATE contacts SET given_by = o.given_by,
  value_index = CASE WHEN o.given_by = 'user' AND contacts.verified_at IS NULL THEN o.value_index END
  FROM (
    SELECT c.user_id AS owner_id, c.id AS contact_id,
           (SELECT i.value_index FROM identifiers i WHERE i.user_id = c.user_id AND i.contact_id = c.id) AS value_index,
           COALESCE((
             SELECT CASE WHEN a.action = 'user.import' THEN 'import'
                         WHEN a.actor_id IN (a.subject_id, '00000000-0000-7000-8000-000000000003') THEN 'user'
                         ELSE 'administrator' END
               FROM audit_logs a
              WHERE a.subject_id = c.user_id AND NOT a.is_refused
                AND a.id >= uuid_v7_floor(uuid_v7_time(c.id) - interval '1 hour')
                AND a.id < uuid_v7_floor(uuid_v7_time(c.id) + interval '1 hour')
                AND a.action IN ('contact.add', 'user.create', 'user.sign_up', 'user.import')
                AND strpos(a.changed_rows::text, '/' || c.id::text) > 0
              ORDER BY a.id LIMIT 1), 'administrator') AS given_by
      FROM contacts c
     WHERE c.given_by = 'user' AND c.value_index IS NULL AND c.updated_at >= (
       SELECT m.applied_at - interval '1 hour' FROM schema_migrations m
        WHERE m.number = 15 AND m.phase = 'expand')) AS o
 WHERE contacts.user_id = o.owner_id AND contacts.id = o.contact_id;
DELETE FROM identifiers i USING contacts c
 WHERE c.value_index IS NOT NULL AND i.user_id = c.user_id AND i.contact_id = c.id;

DROP TRIGGER contacts_verified_claim ON contacts;
DROP FUNCTION contact_verified_claim();
CREATE OR REPLACE TRIGGER contacts_guard_version BEFORE UPDATE ON contacts FOR EACH ROW
  EXECUTE FUNCTION guard_version();
ALTER TABLE identifiers DROP COLUMN expires_at;
COMMENT ON TABLE identifiers IS
  'User names, verified addresses, and addresses that an administrator or an import gave: unique, and able to sign in.';
