-- backfill: contacts (user_id, id)
-- Who gave an address is the actor of the event that added it, else an administrator. The blind index of an unverified
-- address that its user typed is copied from identifiers.
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
     WHERE c.given_by = 'user' AND c.value_index IS NULL AND {batch}) AS o
 WHERE contacts.user_id = o.owner_id AND contacts.id = o.contact_id;
