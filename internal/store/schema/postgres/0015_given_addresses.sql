-- Who gave an address decides what it is worth while no user has verified it. An address that its user typed reserves
-- nothing: it has no row in identifiers, and its blind index is in contacts. One that an administrator or an import
-- gave has a row in identifiers, like a verified one.
-- The version before writes neither column and sets identifiers.expires_at, which the contraction drops. Until then its
-- addresses stay reserved by its rules.

ALTER TABLE contacts ADD COLUMN given_by text NOT NULL DEFAULT 'user', ADD COLUMN value_index bytea;
COMMENT ON COLUMN contacts.given_by IS '[public] Who gave the address: user, administrator or import.';
COMMENT ON COLUMN contacts.value_index IS
  '[pii] Blind index of an unverified value that its user typed; others have theirs in identifiers.';
ALTER TABLE contacts ADD CONSTRAINT contacts_given_by_ck CHECK (given_by IN ('user', 'administrator', 'import'))
  NOT VALID;
ALTER TABLE contacts ADD CONSTRAINT contacts_value_index_ck CHECK (value_index IS NULL
  OR (octet_length(value_index) = 32 AND verified_at IS NULL AND given_by = 'user')) NOT VALID;

-- The backfill sets only the new columns, and does not change the version of a row.
CREATE OR REPLACE TRIGGER contacts_guard_version BEFORE
  UPDATE OF user_id, id, kind, value_sealed, is_primary, verified_at, created_at, updated_at, version, schema_version
  ON contacts FOR EACH ROW EXECUTE FUNCTION guard_version();

-- For the version before, an identifier without expires_at is verified. It does not know that a verified contact has no
-- blind index of its own, but one in identifiers.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', TRUE);
CREATE FUNCTION contact_verified_claim() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  UPDATE identifiers SET expires_at = NULL WHERE user_id = NEW.user_id AND contact_id = NEW.id;
  IF NEW.value_index IS NOT NULL THEN
    INSERT INTO identifiers (value_index, user_id, contact_id, created_at)
      VALUES (NEW.value_index, NEW.user_id, NEW.id, NEW.updated_at) ON CONFLICT DO NOTHING;
    NEW.value_index := NULL;
  END IF;
  RETURN NEW;
END $$;
SELECT set_config('search_path', quote_ident(current_schema()), TRUE);
COMMENT ON FUNCTION contact_verified_claim() IS 'Trigger: sets what the version before reads and does not write.';
CREATE TRIGGER contacts_verified_claim BEFORE UPDATE OF verified_at ON contacts FOR EACH ROW
  WHEN (OLD.verified_at IS NULL AND NEW.verified_at IS NOT NULL) EXECUTE FUNCTION contact_verified_claim();

CREATE TABLE reserved_usernames (
  id    uuid NOT NULL,
  name  text NOT NULL,
  CONSTRAINT reserved_usernames_pk PRIMARY KEY (id),
  CONSTRAINT reserved_usernames_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT reserved_usernames_name_uq UNIQUE (name),
  CONSTRAINT reserved_usernames_name_ck CHECK (name = lower(name) AND char_length(name) BETWEEN 2 AND 64)
);
COMMENT ON TABLE reserved_usernames IS 'Lookup: user names that users cannot give themselves.';
COMMENT ON COLUMN reserved_usernames.id IS '[id] UUIDv7.';
COMMENT ON COLUMN reserved_usernames.name IS '[public] The name, in its normal form.';
INSERT INTO reserved_usernames (id, name) VALUES
  ('00000000-0000-7000-8011-000000000001', 'abuse'),
  ('00000000-0000-7000-8011-000000000002', 'admin'),
  ('00000000-0000-7000-8011-000000000003', 'administrator'),
  ('00000000-0000-7000-8011-000000000004', 'anonymous'),
  ('00000000-0000-7000-8011-000000000005', 'api'),
  ('00000000-0000-7000-8011-000000000006', 'cardinal'),
  ('00000000-0000-7000-8011-000000000007', 'everyone'),
  ('00000000-0000-7000-8011-000000000008', 'help'),
  ('00000000-0000-7000-8011-000000000009', 'host'),
  ('00000000-0000-7000-8011-00000000000a', 'hostmaster'),
  ('00000000-0000-7000-8011-00000000000b', 'info'),
  ('00000000-0000-7000-8011-00000000000c', 'mail'),
  ('00000000-0000-7000-8011-00000000000d', 'me'),
  ('00000000-0000-7000-8011-00000000000e', 'moderator'),
  ('00000000-0000-7000-8011-00000000000f', 'no-reply'),
  ('00000000-0000-7000-8011-000000000011', 'noreply'),
  ('00000000-0000-7000-8011-000000000012', 'null'),
  ('00000000-0000-7000-8011-000000000013', 'operator'),
  ('00000000-0000-7000-8011-000000000014', 'owner'),
  ('00000000-0000-7000-8011-000000000015', 'postmaster'),
  ('00000000-0000-7000-8011-000000000016', 'root'),
  ('00000000-0000-7000-8011-000000000017', 'security'),
  ('00000000-0000-7000-8011-000000000018', 'service'),
  ('00000000-0000-7000-8011-000000000019', 'staff'),
  ('00000000-0000-7000-8011-00000000001a', 'superuser'),
  ('00000000-0000-7000-8011-00000000001b', 'support'),
  ('00000000-0000-7000-8011-00000000001c', 'sysadmin'),
  ('00000000-0000-7000-8011-00000000001d', 'system'),
  ('00000000-0000-7000-8011-00000000001e', 'undefined'),
  ('00000000-0000-7000-8011-00000000001f', 'user'),
  ('00000000-0000-7000-8011-000000000020', 'webmaster');

INSERT INTO session_end_reasons (id, code, description) VALUES
  ('00000000-0000-7000-800b-000000001501', 'address_verified',
    'An administrator verified an address of an account that the user had created.');
INSERT INTO settings (id, name, value, description, created_at, updated_at) VALUES
  ('00000000-0000-7000-8008-000000001501', 'accounts.unverified_lifetime_seconds', '604800',
    'A sign-up of which no address is verified is soft-deleted after this many seconds.',
    '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z');
UPDATE settings SET version = version + 1,
  description = 'An address that a user added and no user verified is removed after this many seconds.'
 WHERE name = 'contacts.unverified_lifetime_seconds';
INSERT INTO jobs (id, kind, repeat_seconds, created_at, run_at) VALUES
  ('00000000-0000-7000-8009-000000001501', 'unverified_accounts.expire', 3600,
    '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z');
