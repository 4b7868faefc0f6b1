-- Contacts of users, and identifiers: the values that must be unique over all users.

CREATE TABLE contacts ( -- Email addresses and telephone numbers, one value per row (first normal form).
  user_id         BLOB NOT NULL -- [id] Owner.
    CONSTRAINT contacts_user_id_form CHECK (length(user_id) = 16),
  id              BLOB NOT NULL -- [id] UUIDv7.
    CONSTRAINT contacts_id_form CHECK (length(id) = 16),
  kind            TEXT NOT NULL, -- [public] Email or telephone.
  value_sealed    BLOB NOT NULL, -- [pii] The value as entered, encrypted.
  is_primary      INTEGER NOT NULL DEFAULT FALSE -- [public] Whether to use this contact; at most one per user and kind.
    CONSTRAINT contacts_is_primary_form CHECK (is_primary IN (0, 1)),
  verified_at     INTEGER -- [internal] When the user or an administrator verified it (UTC); NULL if unverified.
    CONSTRAINT contacts_verified_at_form CHECK (verified_at BETWEEN 0 AND 253402300799999999),
  created_at      INTEGER NOT NULL -- [internal] When the row was created (UTC).
    CONSTRAINT contacts_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999),
  updated_at      INTEGER NOT NULL -- [internal] When the row was last changed (UTC).
    CONSTRAINT contacts_updated_at_form CHECK (updated_at BETWEEN 0 AND 253402300799999999),
  version         INTEGER NOT NULL DEFAULT 1, -- [internal] Row version: increases by one per change; the ETag.
  schema_version  INTEGER NOT NULL DEFAULT 1, -- [internal] Version of the rules that normalise the value.
  CONSTRAINT contacts_pk PRIMARY KEY (user_id, id),
  CONSTRAINT contacts_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT contacts_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT contacts_user_ck CHECK (user_id > x'000000000000700080000000000000ff'),
  CONSTRAINT contacts_kind_fk FOREIGN KEY (kind) REFERENCES contact_kinds (code),
  CONSTRAINT contacts_value_ck CHECK (
    value_sealed = x'00' OR (substr(value_sealed, 1, 1) = x'01' AND length(value_sealed) BETWEEN 30 AND 512)),
  CONSTRAINT contacts_verified_ck CHECK (verified_at >= created_at),
  CONSTRAINT contacts_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT contacts_version_ck CHECK (version > 0 AND schema_version > 0)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX contacts_one_primary_uq ON contacts (user_id, kind) WHERE is_primary;
CREATE INDEX contacts_kind_ix ON contacts (kind);

CREATE TRIGGER contacts_guard_version BEFORE UPDATE ON contacts BEGIN
  SELECT RAISE(ABORT, 'contacts_version_step: version must increase by one') WHERE NEW.version <> OLD.version + 1;
  SELECT RAISE(ABORT, 'contacts_created_fixed: created_at cannot change') WHERE NEW.created_at <> OLD.created_at;
END;

CREATE TABLE identifiers ( -- Identifiers, unique over all users: email, telephone, user name. Sign-in reads only these.
  value_index  BLOB NOT NULL, -- [pii] Keyed blind index of the kind and the normalised value, 32 bytes.
  user_id      BLOB NOT NULL -- [id] User that the identifier belongs to.
    CONSTRAINT identifiers_user_id_form CHECK (length(user_id) = 16),
  contact_id   BLOB -- [id] Contact with the value; NULL for a user name.
    CONSTRAINT identifiers_contact_id_form CHECK (length(contact_id) = 16),
  created_at   INTEGER NOT NULL -- [internal] When the row was created (UTC).
    CONSTRAINT identifiers_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999),
  expires_at   INTEGER -- [internal] When an unverified identifier is released (UTC); NULL if verified or a user name.
    CONSTRAINT identifiers_expires_at_form CHECK (expires_at BETWEEN 0 AND 253402300799999999),
  CONSTRAINT identifiers_pk PRIMARY KEY (value_index),
  CONSTRAINT identifiers_value_index_ck CHECK (length(value_index) = 32),
  CONSTRAINT identifiers_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT identifiers_user_ck CHECK (user_id > x'000000000000700080000000000000ff'),
  CONSTRAINT identifiers_contact_fk FOREIGN KEY (user_id, contact_id) REFERENCES contacts (user_id, id),
  CONSTRAINT identifiers_contact_uq UNIQUE (user_id, contact_id),
  CONSTRAINT identifiers_expires_ck CHECK (expires_at > created_at),
  CONSTRAINT identifiers_username_ck CHECK (contact_id IS NOT NULL OR expires_at IS NULL)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX identifiers_one_username_uq ON identifiers (user_id) WHERE contact_id IS NULL;
CREATE INDEX identifiers_expires_ix ON identifiers (expires_at) WHERE expires_at IS NOT NULL;

CREATE TRIGGER identifiers_claim_fixed BEFORE UPDATE OF value_index, user_id, contact_id ON identifiers BEGIN
  SELECT RAISE(ABORT, 'identifiers_claim_fixed: insert the new identifier and delete the old one');
END;
