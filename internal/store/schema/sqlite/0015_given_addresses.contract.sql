-- No node of the version before is left. What it added since the backfill is filled in; then an unverified address that
-- its user typed loses its row in identifiers: it reserves nothing. SQLite drops a column with a CHECK by a rebuild.
-- drops: identifiers.expires_at
UPDATE contacts SET given_by = o.given_by,
  value_index = CASE WHEN o.given_by = 'user' AND contacts.verified_at IS NULL THEN o.value_index END
  FROM (
    SELECT c.user_id AS owner_id, c.id AS contact_id,
           (SELECT i.value_index FROM identifiers i WHERE i.user_id = c.user_id AND i.contact_id = c.id) AS value_index,
           COALESCE((
             SELECT CASE WHEN a.action = 'user.import' THEN 'import'
                         WHEN a.actor_id IN (a.subject_id, x'00000000000070008000000000000003') THEN 'user'
                         ELSE 'administrator' END
               FROM audit_logs a
              WHERE a.subject_id = c.user_id AND NOT a.is_refused
                AND a.action IN ('contact.add', 'user.create', 'user.sign_up', 'user.import')
                AND instr(replace(a.changed_rows, '-', ''), '/' || lower(hex(c.id))) > 0
              ORDER BY a.id LIMIT 1), 'administrator') AS given_by
      FROM contacts c
     WHERE c.given_by = 'user' AND c.value_index IS NULL AND c.updated_at >= (
       SELECT m.applied_at - 3600000000 FROM schema_migrations m WHERE m.number = 15 AND m.phase = 'expand')) AS o
 WHERE contacts.user_id = o.owner_id AND contacts.id = o.contact_id;
DELETE FROM identifiers WHERE (user_id, contact_id) IN (SELECT user_id, id FROM contacts WHERE value_index IS NOT NULL);

ALTER TABLE contacts DROP CONSTRAINT contacts_value_index_ck;
ALTER TABLE contacts ADD CONSTRAINT contacts_value_index_ck CHECK (value_index IS NULL
  OR (length(value_index) = 32 AND verified_at IS NULL AND given_by = 'user'));
-- SQLite added the columns before the comment of the column before them. A comment is part of the text of the table,
-- which no other statement changes.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(sql,
  'value_index BLOB, -- [internal] Version of the rules that normalise the value.',
  'value_index BLOB, '
    || '-- [pii] Blind index of an unverified value that its user typed; others have theirs in identifiers.'),
  'INTEGER NOT NULL DEFAULT 1, given_by TEXT',
  'INTEGER NOT NULL DEFAULT 1, -- [internal] Version of the rules that normalise the value.' || char(10)
    || '  given_by TEXT')
 WHERE name = 'contacts';
PRAGMA writable_schema = RESET;
DROP TRIGGER contacts_verified_claim;
DROP TRIGGER contacts_guard_version;
CREATE TRIGGER contacts_guard_version BEFORE UPDATE ON contacts BEGIN
  SELECT RAISE(ABORT, 'contacts_version_step: version must increase by one') WHERE NEW.version <> OLD.version + 1;
  SELECT RAISE(ABORT, 'contacts_created_fixed: created_at cannot change') WHERE NEW.created_at <> OLD.created_at;
END;

CREATE TABLE identifiers_new (
  -- User names, verified addresses, and addresses that an administrator or an import gave: unique, and able to sign in.
  value_index  BLOB NOT NULL, -- [pii] Keyed blind index of the kind and the normalised value, 32 bytes.
  user_id      BLOB NOT NULL -- [id] User that the identifier belongs to.
    CONSTRAINT identifiers_user_id_form CHECK (length(user_id) = 16),
  contact_id   BLOB -- [id] Contact with the value; NULL for a user name.
    CONSTRAINT identifiers_contact_id_form CHECK (length(contact_id) = 16),
  created_at   INTEGER NOT NULL -- [internal] When the row was created (UTC).
    CONSTRAINT identifiers_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999),
  CONSTRAINT identifiers_pk PRIMARY KEY (value_index),
  CONSTRAINT identifiers_value_index_ck CHECK (length(value_index) = 32),
  CONSTRAINT identifiers_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT identifiers_user_ck CHECK (user_id > x'000000000000700080000000000000ff'),
  CONSTRAINT identifiers_contact_fk FOREIGN KEY (user_id, contact_id) REFERENCES contacts (user_id, id),
  CONSTRAINT identifiers_contact_uq UNIQUE (user_id, contact_id)
) STRICT, WITHOUT ROWID;
INSERT INTO identifiers_new (value_index, user_id, contact_id, created_at)
  SELECT value_index, user_id, contact_id, created_at FROM identifiers;
DROP TABLE identifiers;
ALTER TABLE identifiers_new RENAME TO identifiers;
CREATE UNIQUE INDEX identifiers_one_username_uq ON identifiers (user_id) WHERE contact_id IS NULL;

CREATE TRIGGER identifiers_claim_fixed BEFORE UPDATE OF value_index, user_id, contact_id ON identifiers BEGIN
  SELECT RAISE(ABORT, 'identifiers_claim_fixed: insert the new identifier and delete the old one');
END;
