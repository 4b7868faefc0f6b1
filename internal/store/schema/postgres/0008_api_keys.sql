-- API keys of services, and the roles of the service that each key can use.

CREATE TABLE api_keys (
  user_id         uuid NOT NULL,
  id              uuid NOT NULL,
  name_sealed     bytea NOT NULL,
  token_hash      bytea NOT NULL,
  hint            text NOT NULL,
  created_at      timestamptz NOT NULL,
  expires_at      timestamptz NOT NULL,
  revoked_at      timestamptz,
  schema_version  bigint NOT NULL DEFAULT 1,
  CONSTRAINT api_keys_pk PRIMARY KEY (user_id, id),
  CONSTRAINT api_keys_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT api_keys_id_uq UNIQUE (id),
  CONSTRAINT api_keys_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT api_keys_user_ck CHECK (user_id > '00000000-0000-7000-8000-0000000000ff'),
  CONSTRAINT api_keys_name_ck CHECK (
    name_sealed = '\x00' OR (get_byte(name_sealed, 0) = 1 AND octet_length(name_sealed) BETWEEN 30 AND 512)),
  CONSTRAINT api_keys_token_hash_ck CHECK (octet_length(token_hash) = 32),
  CONSTRAINT api_keys_hint_ck CHECK (char_length(hint) = 4),
  CONSTRAINT api_keys_life_ck CHECK (expires_at > created_at),
  CONSTRAINT api_keys_revoked_ck CHECK (revoked_at >= created_at),
  CONSTRAINT api_keys_schema_version_ck CHECK (schema_version > 0)
);
COMMENT ON TABLE api_keys IS 'API keys of services. The key itself is shown once and never stored.';
COMMENT ON COLUMN api_keys.user_id IS '[id] Service that the API key belongs to.';
COMMENT ON COLUMN api_keys.id IS '[id] UUIDv7.';
COMMENT ON COLUMN api_keys.name_sealed IS '[pii] Purpose of the API key, encrypted under the data key of its service.';
COMMENT ON COLUMN api_keys.token_hash IS '[secret] SHA-256 of the API key.';
COMMENT ON COLUMN api_keys.hint IS '[public] Last four characters of the API key, to distinguish keys.';
COMMENT ON COLUMN api_keys.created_at IS '[internal] When the row was created (UTC).';
COMMENT ON COLUMN api_keys.expires_at IS '[internal] Expiry (UTC).';
COMMENT ON COLUMN api_keys.revoked_at IS '[internal] When it was revoked (UTC).';
COMMENT ON COLUMN api_keys.schema_version IS '[internal] Version of the format of the encrypted value.';

CREATE TABLE api_key_roles (
  user_id     uuid NOT NULL,
  api_key_id  uuid NOT NULL,
  role_id     uuid NOT NULL,
  CONSTRAINT api_key_roles_pk PRIMARY KEY (user_id, api_key_id, role_id),
  CONSTRAINT api_key_roles_api_key_fk FOREIGN KEY
    (user_id, api_key_id) REFERENCES api_keys (user_id, id) ON DELETE CASCADE,
  CONSTRAINT api_key_roles_user_role_fk FOREIGN KEY
    (user_id, role_id) REFERENCES user_roles (user_id, role_id) ON DELETE CASCADE
);
CREATE INDEX api_key_roles_user_role_ix ON api_key_roles (user_id, role_id);
COMMENT ON TABLE api_key_roles IS
  'Junction: which roles of its service an API key can use; ends with the service''s grant.';
COMMENT ON COLUMN api_key_roles.user_id IS '[id] Service.';
COMMENT ON COLUMN api_key_roles.api_key_id IS '[id] API key.';
COMMENT ON COLUMN api_key_roles.role_id IS '[id] Role that the service has.';

CREATE TRIGGER api_keys_token_fixed BEFORE UPDATE OF token_hash, user_id, id ON api_keys FOR EACH ROW
  EXECUTE FUNCTION refuse_change('api_keys_token_fixed', 'create a new API key');
