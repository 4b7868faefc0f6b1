-- Keys. A key-encryption key (KEK) outside the database wraps the keys in these tables.

CREATE TABLE key_encryption_keys ( -- Register of key-encryption keys. The keys are stored outside the database.
  id            BLOB NOT NULL -- [id] UUIDv7.
    CONSTRAINT key_encryption_keys_id_form CHECK (length(id) = 16),
  location      TEXT NOT NULL, -- [internal] Where the key is stored: file or environment.
  check_value   BLOB NOT NULL, -- [internal] HMAC of a constant under the key: identifies the key without revealing it.
  created_at    INTEGER NOT NULL -- [internal] When the row was created (UTC).
    CONSTRAINT key_encryption_keys_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999),
  retired_at    INTEGER -- [internal] When the key was retired (UTC): since then it wraps no new keys.
    CONSTRAINT key_encryption_keys_retired_at_form CHECK (retired_at BETWEEN 0 AND 253402300799999999),
  destroyed_at  INTEGER -- [internal] When the key was destroyed everywhere (UTC).
    CONSTRAINT key_encryption_keys_destroyed_at_form CHECK (destroyed_at BETWEEN 0 AND 253402300799999999),
  CONSTRAINT key_encryption_keys_pk PRIMARY KEY (id),
  CONSTRAINT key_encryption_keys_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT key_encryption_keys_location_ck CHECK (location IN ('file', 'environment')),
  CONSTRAINT key_encryption_keys_check_value_uq UNIQUE (check_value),
  CONSTRAINT key_encryption_keys_check_value_ck CHECK (length(check_value) = 32),
  CONSTRAINT key_encryption_keys_retired_ck CHECK (retired_at >= created_at),
  CONSTRAINT key_encryption_keys_destroyed_ck CHECK (destroyed_at IS NULL
    OR (retired_at IS NOT NULL AND destroyed_at >= retired_at))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX key_encryption_keys_one_live_uq ON key_encryption_keys ((retired_at IS NULL))
  WHERE retired_at IS NULL;

CREATE TABLE service_keys ( -- Keys of the service, wrapped: blind index, cursors, replies, throttles, audit log months.
  id           BLOB NOT NULL -- [id] UUIDv7.
    CONSTRAINT service_keys_id_form CHECK (length(id) = 16),
  name         TEXT NOT NULL, -- [internal] Purpose of the key.
  kek_id       BLOB NOT NULL -- [internal] Key-encryption key that wraps this key.
    CONSTRAINT service_keys_kek_id_form CHECK (length(kek_id) = 16),
  wrapped_key  BLOB NOT NULL, -- [secret] The key, wrapped.
  created_at   INTEGER NOT NULL -- [internal] When the row was created (UTC).
    CONSTRAINT service_keys_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999),
  wrapped_at   INTEGER NOT NULL -- [internal] When the key was last wrapped (UTC).
    CONSTRAINT service_keys_wrapped_at_form CHECK (wrapped_at BETWEEN 0 AND 253402300799999999),
  CONSTRAINT service_keys_pk PRIMARY KEY (id),
  CONSTRAINT service_keys_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT service_keys_name_uq UNIQUE (name),
  CONSTRAINT service_keys_name_ck CHECK (name GLOB '[a-z]*' AND name NOT GLOB '*[^a-z0-9-]*'
    AND length(name) BETWEEN 2 AND 63),
  CONSTRAINT service_keys_kek_fk FOREIGN KEY (kek_id) REFERENCES key_encryption_keys (id),
  CONSTRAINT service_keys_wrapped_key_ck CHECK (length(wrapped_key) = 61),
  CONSTRAINT service_keys_wrapped_ck CHECK (wrapped_at >= created_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX service_keys_kek_ix ON service_keys (kek_id);

CREATE TABLE user_keys ( -- One data key per user, wrapped. Deleting it makes the user's encrypted values unreadable.
  user_id      BLOB NOT NULL -- [id] Owner.
    CONSTRAINT user_keys_user_id_form CHECK (length(user_id) = 16),
  kek_id       BLOB NOT NULL -- [internal] Key-encryption key that wraps this key.
    CONSTRAINT user_keys_kek_id_form CHECK (length(kek_id) = 16),
  wrapped_key  BLOB NOT NULL, -- [secret] Data key, wrapped.
  created_at   INTEGER NOT NULL -- [internal] When the row was created (UTC).
    CONSTRAINT user_keys_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999),
  wrapped_at   INTEGER NOT NULL -- [internal] When the key was last wrapped (UTC).
    CONSTRAINT user_keys_wrapped_at_form CHECK (wrapped_at BETWEEN 0 AND 253402300799999999),
  CONSTRAINT user_keys_pk PRIMARY KEY (user_id),
  CONSTRAINT user_keys_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT user_keys_user_ck CHECK (user_id > x'000000000000700080000000000000ff'),
  CONSTRAINT user_keys_kek_fk FOREIGN KEY (kek_id) REFERENCES key_encryption_keys (id),
  CONSTRAINT user_keys_wrapped_key_ck CHECK (length(wrapped_key) = 61),
  CONSTRAINT user_keys_wrapped_ck CHECK (wrapped_at >= created_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX user_keys_kek_ix ON user_keys (kek_id);
