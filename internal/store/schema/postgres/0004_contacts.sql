-- Contacts of users, and identifiers: the values that must be unique over all users.

CREATE TABLE contacts (
  user_id         uuid NOT NULL,
  id              uuid NOT NULL,
  kind            text NOT NULL,
  value_sealed    bytea NOT NULL,
  is_primary      boolean NOT NULL DEFAULT FALSE,
  verified_at     timestamptz,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL,
  version         bigint NOT NULL DEFAULT 1,
  schema_version  bigint NOT NULL DEFAULT 1,
  CONSTRAINT contacts_pk PRIMARY KEY (user_id, id),
  CONSTRAINT contacts_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT contacts_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT contacts_user_ck CHECK (user_id > '00000000-0000-7000-8000-0000000000ff'),
  CONSTRAINT contacts_kind_fk FOREIGN KEY (kind) REFERENCES contact_kinds (code),
  CONSTRAINT contacts_value_ck CHECK (
    value_sealed = '\x00' OR (get_byte(value_sealed, 0) = 1 AND octet_length(value_sealed) BETWEEN 30 AND 512)),
  CONSTRAINT contacts_verified_ck CHECK (verified_at >= created_at),
  CONSTRAINT contacts_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT contacts_version_ck CHECK (version > 0 AND schema_version > 0)
);
CREATE UNIQUE INDEX contacts_one_primary_uq ON contacts (user_id, kind) WHERE is_primary;
CREATE INDEX contacts_kind_ix ON contacts (kind);
COMMENT ON TABLE contacts IS 'Email addresses and telephone numbers, one value per row (first normal form).';
COMMENT ON COLUMN contacts.user_id IS '[id] Owner.';
COMMENT ON COLUMN contacts.id IS '[id] UUIDv7.';
COMMENT ON COLUMN contacts.kind IS '[public] Email or telephone.';
COMMENT ON COLUMN contacts.value_sealed IS '[pii] The value as entered, encrypted.';
COMMENT ON COLUMN contacts.is_primary IS '[public] Whether to use this contact; at most one per user and kind.';
COMMENT ON COLUMN contacts.verified_at IS
  '[internal] When the user or an administrator verified it (UTC); NULL if unverified.';
COMMENT ON COLUMN contacts.created_at IS '[internal] When the row was created (UTC).';
COMMENT ON COLUMN contacts.updated_at IS '[internal] When the row was last changed (UTC).';
COMMENT ON COLUMN contacts.version IS '[internal] Row version: increases by one per change; the ETag.';
COMMENT ON COLUMN contacts.schema_version IS '[internal] Version of the rules that normalise the value.';

CREATE TRIGGER contacts_guard_version BEFORE UPDATE ON contacts FOR EACH ROW EXECUTE FUNCTION guard_version();

CREATE TABLE identifiers (
  value_index  bytea NOT NULL,
  user_id      uuid NOT NULL,
  contact_id   uuid,
  created_at   timestamptz NOT NULL,
  expires_at   timestamptz,
  CONSTRAINT identifiers_pk PRIMARY KEY (value_index),
  CONSTRAINT identifiers_value_index_ck CHECK (octet_length(value_index) = 32),
  CONSTRAINT identifiers_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT identifiers_user_ck CHECK (user_id > '00000000-0000-7000-8000-0000000000ff'),
  CONSTRAINT identifiers_contact_fk FOREIGN KEY (user_id, contact_id) REFERENCES contacts (user_id, id),
  CONSTRAINT identifiers_contact_uq UNIQUE (user_id, contact_id),
  CONSTRAINT identifiers_expires_ck CHECK (expires_at > created_at),
  CONSTRAINT identifiers_username_ck CHECK (contact_id IS NOT NULL OR expires_at IS NULL)
);
CREATE UNIQUE INDEX identifiers_one_username_uq ON identifiers (user_id) WHERE contact_id IS NULL;
CREATE INDEX identifiers_expires_ix ON identifiers (expires_at) WHERE expires_at IS NOT NULL;
COMMENT ON TABLE identifiers IS
  'Identifiers, unique over all users: email, telephone, user name. Sign-in reads only these.';
COMMENT ON COLUMN identifiers.value_index IS '[pii] Keyed blind index of the kind and the normalised value, 32 bytes.';
COMMENT ON COLUMN identifiers.user_id IS '[id] User that the identifier belongs to.';
COMMENT ON COLUMN identifiers.contact_id IS '[id] Contact with the value; NULL for a user name.';
COMMENT ON COLUMN identifiers.created_at IS '[internal] When the row was created (UTC).';
COMMENT ON COLUMN identifiers.expires_at IS
  '[internal] When an unverified identifier is released (UTC); NULL if verified or a user name.';

CREATE TRIGGER identifiers_claim_fixed BEFORE UPDATE OF value_index, user_id, contact_id ON identifiers FOR EACH ROW
  EXECUTE FUNCTION refuse_change('identifiers_claim_fixed', 'insert the new identifier and delete the old one');
