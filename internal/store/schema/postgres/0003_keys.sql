-- Keys. A key-encryption key (KEK) outside the database wraps the keys in these tables.

CREATE TABLE key_encryption_keys (
  id            uuid NOT NULL,
  location      text NOT NULL,
  check_value   bytea NOT NULL,
  created_at    timestamptz NOT NULL,
  retired_at    timestamptz,
  destroyed_at  timestamptz,
  CONSTRAINT key_encryption_keys_pk PRIMARY KEY (id),
  CONSTRAINT key_encryption_keys_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT key_encryption_keys_location_ck CHECK (location IN ('file', 'environment')),
  CONSTRAINT key_encryption_keys_check_value_uq UNIQUE (check_value),
  CONSTRAINT key_encryption_keys_check_value_ck CHECK (octet_length(check_value) = 32),
  CONSTRAINT key_encryption_keys_retired_ck CHECK (retired_at >= created_at),
  CONSTRAINT key_encryption_keys_destroyed_ck CHECK (destroyed_at IS NULL
    OR (retired_at IS NOT NULL AND destroyed_at >= retired_at))
);
CREATE UNIQUE INDEX key_encryption_keys_one_live_uq ON key_encryption_keys ((retired_at IS NULL))
  WHERE retired_at IS NULL;
COMMENT ON TABLE key_encryption_keys IS 'Register of key-encryption keys. The keys are stored outside the database.';
COMMENT ON COLUMN key_encryption_keys.id IS '[id] UUIDv7.';
COMMENT ON COLUMN key_encryption_keys.location IS '[internal] Where the key is stored: file or environment.';
COMMENT ON COLUMN key_encryption_keys.check_value IS
  '[internal] HMAC of a constant under the key: identifies the key without revealing it.';
COMMENT ON COLUMN key_encryption_keys.created_at IS '[internal] When the row was created (UTC).';
COMMENT ON COLUMN key_encryption_keys.retired_at IS
  '[internal] When the key was retired (UTC): since then it wraps no new keys.';
COMMENT ON COLUMN key_encryption_keys.destroyed_at IS '[internal] When the key was destroyed everywhere (UTC).';

CREATE TABLE service_keys (
  id           uuid NOT NULL,
  name         text NOT NULL,
  kek_id       uuid NOT NULL,
  wrapped_key  bytea NOT NULL,
  created_at   timestamptz NOT NULL,
  wrapped_at   timestamptz NOT NULL,
  CONSTRAINT service_keys_pk PRIMARY KEY (id),
  CONSTRAINT service_keys_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT service_keys_name_uq UNIQUE (name),
  CONSTRAINT service_keys_name_ck CHECK (name ~ '^[a-z][a-z0-9-]{1,62}$'),
  CONSTRAINT service_keys_kek_fk FOREIGN KEY (kek_id) REFERENCES key_encryption_keys (id),
  CONSTRAINT service_keys_wrapped_key_ck CHECK (octet_length(wrapped_key) = 61),
  CONSTRAINT service_keys_wrapped_ck CHECK (wrapped_at >= created_at)
);
CREATE INDEX service_keys_kek_ix ON service_keys (kek_id);
COMMENT ON TABLE service_keys IS
  'Keys of the service, wrapped: blind index, cursors, replies, throttles, audit log months.';
COMMENT ON COLUMN service_keys.id IS '[id] UUIDv7.';
COMMENT ON COLUMN service_keys.name IS '[internal] Purpose of the key.';
COMMENT ON COLUMN service_keys.kek_id IS '[internal] Key-encryption key that wraps this key.';
COMMENT ON COLUMN service_keys.wrapped_key IS '[secret] The key, wrapped.';
COMMENT ON COLUMN service_keys.created_at IS '[internal] When the row was created (UTC).';
COMMENT ON COLUMN service_keys.wrapped_at IS '[internal] When the key was last wrapped (UTC).';

CREATE TABLE user_keys (
  user_id      uuid NOT NULL,
  kek_id       uuid NOT NULL,
  wrapped_key  bytea NOT NULL,
  created_at   timestamptz NOT NULL,
  wrapped_at   timestamptz NOT NULL,
  CONSTRAINT user_keys_pk PRIMARY KEY (user_id),
  CONSTRAINT user_keys_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT user_keys_user_ck CHECK (user_id > '00000000-0000-7000-8000-0000000000ff'),
  CONSTRAINT user_keys_kek_fk FOREIGN KEY (kek_id) REFERENCES key_encryption_keys (id),
  CONSTRAINT user_keys_wrapped_key_ck CHECK (octet_length(wrapped_key) = 61),
  CONSTRAINT user_keys_wrapped_ck CHECK (wrapped_at >= created_at)
);
CREATE INDEX user_keys_kek_ix ON user_keys (kek_id);
COMMENT ON TABLE user_keys IS
  'One data key per user, wrapped. Deleting it makes the user''s encrypted values unreadable.';
COMMENT ON COLUMN user_keys.user_id IS '[id] Owner.';
COMMENT ON COLUMN user_keys.kek_id IS '[internal] Key-encryption key that wraps this key.';
COMMENT ON COLUMN user_keys.wrapped_key IS '[secret] Data key, wrapped.';
COMMENT ON COLUMN user_keys.created_at IS '[internal] When the row was created (UTC).';
COMMENT ON COLUMN user_keys.wrapped_at IS '[internal] When the key was last wrapped (UTC).';
