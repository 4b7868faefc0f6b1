-- Who gave an address decides what it is worth while no user has verified it. An address that its user typed reserves
-- nothing: it has no row in identifiers, and its blind index is in contacts. One that an administrator or an import
-- gave has a row in identifiers, like a verified one.
-- The version before writes neither column and sets identifiers.expires_at, which the contraction drops. Until then its
-- addresses stay reserved by its rules.

ALTER TABLE contacts ADD COLUMN given_by TEXT NOT NULL DEFAULT 'user'
  -- [public] Who gave the address: user, administrator or import.
  CONSTRAINT contacts_given_by_ck CHECK (given_by IN ('user', 'administrator', 'import'));
ALTER TABLE contacts ADD COLUMN value_index BLOB
  -- [pii] Blind index of an unverified value that its user typed; others have theirs in identifiers.
  CONSTRAINT contacts_value_index_ck CHECK (length(value_index) = 32);

-- The backfill sets only the new columns, and does not change the version of a row.
DROP TRIGGER contacts_guard_version;
CREATE TRIGGER contacts_guard_version BEFORE
  UPDATE OF user_id, id, kind, value_sealed, is_primary, verified_at, created_at, updated_at, version, schema_version
  ON contacts BEGIN
  SELECT RAISE(ABORT, 'contacts_version_step: version must increase by one') WHERE NEW.version <> OLD.version + 1;
  SELECT RAISE(ABORT, 'contacts_created_fixed: created_at cannot change') WHERE NEW.created_at <> OLD.created_at;
END;

-- For the version before, an identifier without expires_at is verified. It does not know that a verified contact has no
-- blind index of its own, but one in identifiers. So the contraction completes the constraint.
CREATE TRIGGER contacts_verified_claim AFTER UPDATE OF verified_at ON contacts
 WHEN OLD.verified_at IS NULL AND NEW.verified_at IS NOT NULL BEGIN
  UPDATE identifiers SET expires_at = NULL WHERE user_id = NEW.user_id AND contact_id = NEW.id;
  INSERT INTO identifiers (value_index, user_id, contact_id, created_at)
    SELECT NEW.value_index, NEW.user_id, NEW.id, NEW.updated_at WHERE NEW.value_index IS NOT NULL
    ON CONFLICT DO NOTHING;
  UPDATE contacts SET value_index = NULL
   WHERE user_id = NEW.user_id AND id = NEW.id AND value_index IS NOT NULL;
END;

CREATE TABLE reserved_usernames ( -- Lookup: user names that users cannot give themselves.
  id    BLOB NOT NULL -- [id] UUIDv7.
    CONSTRAINT reserved_usernames_id_form CHECK (length(id) = 16),
  name  TEXT NOT NULL, -- [public] The name, in its normal form.
  CONSTRAINT reserved_usernames_pk PRIMARY KEY (id),
  CONSTRAINT reserved_usernames_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT reserved_usernames_name_uq UNIQUE (name),
  CONSTRAINT reserved_usernames_name_ck CHECK (name = lower(name) AND length(name) BETWEEN 2 AND 64)
) STRICT, WITHOUT ROWID;
INSERT INTO reserved_usernames (id, name) VALUES
  (x'00000000000070008011000000000001', 'abuse'),
  (x'00000000000070008011000000000002', 'admin'),
  (x'00000000000070008011000000000003', 'administrator'),
  (x'00000000000070008011000000000004', 'anonymous'),
  (x'00000000000070008011000000000005', 'api'),
  (x'00000000000070008011000000000006', 'cardinal'),
  (x'00000000000070008011000000000007', 'everyone'),
  (x'00000000000070008011000000000008', 'help'),
  (x'00000000000070008011000000000009', 'host'),
  (x'0000000000007000801100000000000a', 'hostmaster'),
  (x'0000000000007000801100000000000b', 'info'),
  (x'0000000000007000801100000000000c', 'mail'),
  (x'0000000000007000801100000000000d', 'me'),
  (x'0000000000007000801100000000000e', 'moderator'),
  (x'0000000000007000801100000000000f', 'no-reply'),
  (x'00000000000070008011000000000011', 'noreply'),
  (x'00000000000070008011000000000012', 'null'),
  (x'00000000000070008011000000000013', 'operator'),
  (x'00000000000070008011000000000014', 'owner'),
  (x'00000000000070008011000000000015', 'postmaster'),
  (x'00000000000070008011000000000016', 'root'),
  (x'00000000000070008011000000000017', 'security'),
  (x'00000000000070008011000000000018', 'service'),
  (x'00000000000070008011000000000019', 'staff'),
  (x'0000000000007000801100000000001a', 'superuser'),
  (x'0000000000007000801100000000001b', 'support'),
  (x'0000000000007000801100000000001c', 'sysadmin'),
  (x'0000000000007000801100000000001d', 'system'),
  (x'0000000000007000801100000000001e', 'undefined'),
  (x'0000000000007000801100000000001f', 'user'),
  (x'00000000000070008011000000000020', 'webmaster');

INSERT INTO session_end_reasons (id, code, description) VALUES
  (x'0000000000007000800b000000001501', 'address_verified',
    'An administrator verified an address of an account that the user had created.');
INSERT INTO settings (id, name, value, description, created_at, updated_at) VALUES
  (x'00000000000070008008000000001501', 'accounts.unverified_lifetime_seconds', '604800',
    'A sign-up of which no address is verified is soft-deleted after this many seconds.',
    1767225600000000, 1767225600000000);
UPDATE settings SET version = version + 1,
  description = 'An address that a user added and no user verified is removed after this many seconds.'
 WHERE name = 'contacts.unverified_lifetime_seconds';
INSERT INTO jobs (id, kind, repeat_seconds, created_at, run_at) VALUES
  (x'00000000000070008009000000001501', 'unverified_accounts.expire', 3600, 1767225600000000, 1767225600000000);
