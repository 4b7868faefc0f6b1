-- API keys of services, and the roles of the service that each key can use.

CREATE TABLE api_keys ( -- API keys of services. The key itself is shown once and never stored.
  user_id         BLOB NOT NULL -- [id] Service that the API key belongs to.
    CONSTRAINT api_keys_user_id_form CHECK (length(user_id) = 16),
  id              BLOB NOT NULL -- [id] UUIDv7.
    CONSTRAINT api_keys_id_form CHECK (length(id) = 16),
  name_sealed     BLOB NOT NULL, -- [pii] Purpose of the API key, encrypted under the data key of its service.
  token_hash      BLOB NOT NULL, -- [secret] SHA-256 of the API key.
  hint            TEXT NOT NULL, -- [public] Last four characters of the API key, to distinguish keys.
  created_at      INTEGER NOT NULL -- [internal] When the row was created (UTC).
    CONSTRAINT api_keys_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999),
  expires_at      INTEGER NOT NULL -- [internal] Expiry (UTC).
    CONSTRAINT api_keys_expires_at_form CHECK (expires_at BETWEEN 0 AND 253402300799999999),
  revoked_at      INTEGER -- [internal] When it was revoked (UTC).
    CONSTRAINT api_keys_revoked_at_form CHECK (revoked_at BETWEEN 0 AND 253402300799999999),
  schema_version  INTEGER NOT NULL DEFAULT 1, -- [internal] Version of the format of the encrypted value.
  CONSTRAINT api_keys_pk PRIMARY KEY (user_id, id),
  CONSTRAINT api_keys_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT api_keys_id_uq UNIQUE (id),
  CONSTRAINT api_keys_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT api_keys_user_ck CHECK (user_id > x'000000000000700080000000000000ff'),
  CONSTRAINT api_keys_name_ck CHECK (
    name_sealed = x'00' OR (substr(name_sealed, 1, 1) = x'01' AND length(name_sealed) BETWEEN 30 AND 512)),
  CONSTRAINT api_keys_token_hash_ck CHECK (length(token_hash) = 32),
  CONSTRAINT api_keys_hint_ck CHECK (length(hint) = 4),
  CONSTRAINT api_keys_life_ck CHECK (expires_at > created_at),
  CONSTRAINT api_keys_revoked_ck CHECK (revoked_at >= created_at),
  CONSTRAINT api_keys_schema_version_ck CHECK (schema_version > 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE api_key_roles ( -- Junction: which roles of its service an API key can use; ends with the service's grant.
  user_id     BLOB NOT NULL -- [id] Service.
    CONSTRAINT api_key_roles_user_id_form CHECK (length(user_id) = 16),
  api_key_id  BLOB NOT NULL -- [id] API key.
    CONSTRAINT api_key_roles_api_key_id_form CHECK (length(api_key_id) = 16),
  role_id     BLOB NOT NULL -- [id] Role that the service has.
    CONSTRAINT api_key_roles_role_id_form CHECK (length(role_id) = 16),
  CONSTRAINT api_key_roles_pk PRIMARY KEY (user_id, api_key_id, role_id),
  CONSTRAINT api_key_roles_api_key_fk FOREIGN KEY
    (user_id, api_key_id) REFERENCES api_keys (user_id, id) ON DELETE CASCADE,
  CONSTRAINT api_key_roles_user_role_fk FOREIGN KEY
    (user_id, role_id) REFERENCES user_roles (user_id, role_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX api_key_roles_user_role_ix ON api_key_roles (user_id, role_id);

CREATE TRIGGER api_keys_token_fixed BEFORE UPDATE OF token_hash, user_id, id ON api_keys BEGIN
  SELECT RAISE(ABORT, 'api_keys_token_fixed: create a new API key');
END;
