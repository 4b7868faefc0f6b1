-- Sessions of users.

CREATE TABLE sessions (
  user_id            uuid NOT NULL,
  id                 uuid NOT NULL,
  token_hash         bytea NOT NULL,
  method             text NOT NULL,
  assurance_level    bigint NOT NULL,
  created_at         timestamptz NOT NULL,
  last_seen_at       timestamptz NOT NULL,
  idle_seconds       bigint NOT NULL,
  expires_at         timestamptz NOT NULL,
  revoked_at         timestamptz,
  end_reason         text,
  address_sealed     bytea,
  user_agent_sealed  bytea,
  schema_version     bigint NOT NULL DEFAULT 1,
  CONSTRAINT sessions_pk PRIMARY KEY (user_id, id),
  CONSTRAINT sessions_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT sessions_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT sessions_user_ck CHECK (user_id > '00000000-0000-7000-8000-0000000000ff'),
  CONSTRAINT sessions_method_fk FOREIGN KEY (method) REFERENCES session_methods (code),
  CONSTRAINT sessions_end_reason_fk FOREIGN KEY (end_reason) REFERENCES session_end_reasons (code),
  CONSTRAINT sessions_token_hash_ck CHECK (octet_length(token_hash) = 32),
  CONSTRAINT sessions_assurance_ck CHECK (assurance_level BETWEEN 0 AND 3),
  CONSTRAINT sessions_idle_ck CHECK (idle_seconds BETWEEN 60 AND 34560000),
  CONSTRAINT sessions_life_ck CHECK (expires_at > created_at AND expires_at <= created_at + interval '400 days'),
  CONSTRAINT sessions_last_seen_ck CHECK (last_seen_at >= created_at),
  CONSTRAINT sessions_revoked_ck CHECK (revoked_at >= created_at),
  CONSTRAINT sessions_end_reason_ck CHECK ((revoked_at IS NULL) = (end_reason IS NULL)),
  CONSTRAINT sessions_address_ck CHECK (
    address_sealed = '\x00' OR (get_byte(address_sealed, 0) = 1 AND octet_length(address_sealed) BETWEEN 30 AND 128)),
  CONSTRAINT sessions_user_agent_ck CHECK (user_agent_sealed = '\x00'
    OR (get_byte(user_agent_sealed, 0) = 1 AND octet_length(user_agent_sealed) BETWEEN 30 AND 600)),
  CONSTRAINT sessions_schema_version_ck CHECK (schema_version > 0)
);
CREATE INDEX sessions_method_ix ON sessions (method);
CREATE INDEX sessions_expires_ix ON sessions (expires_at);
CREATE INDEX sessions_end_reason_ix ON sessions (end_reason) WHERE end_reason IS NOT NULL;
COMMENT ON TABLE sessions IS 'Sessions of signed-in users. The token itself is never stored.';
COMMENT ON COLUMN sessions.user_id IS '[id] Owner.';
COMMENT ON COLUMN sessions.id IS '[id] UUIDv7.';
COMMENT ON COLUMN sessions.token_hash IS '[secret] SHA-256 of the bearer token.';
COMMENT ON COLUMN sessions.method IS '[public] How the session was created.';
COMMENT ON COLUMN sessions.assurance_level IS
  '[internal] 0: password change required; 1: one factor; 2: two; 3: hardware.';
COMMENT ON COLUMN sessions.created_at IS '[internal] When the row was created (UTC).';
COMMENT ON COLUMN sessions.last_seen_at IS '[internal] Last use (UTC), to the minute.';
COMMENT ON COLUMN sessions.idle_seconds IS '[internal] The session ends after this many seconds without use.';
COMMENT ON COLUMN sessions.expires_at IS '[internal] Absolute expiry (UTC).';
COMMENT ON COLUMN sessions.revoked_at IS '[internal] When it was revoked (UTC).';
COMMENT ON COLUMN sessions.end_reason IS '[public] Why it was revoked.';
COMMENT ON COLUMN sessions.address_sealed IS '[pii] Client address, encrypted.';
COMMENT ON COLUMN sessions.user_agent_sealed IS '[pii] Client user agent, encrypted.';
COMMENT ON COLUMN sessions.schema_version IS '[internal] Version of the format of the encrypted values.';

CREATE TRIGGER sessions_token_fixed BEFORE UPDATE OF token_hash, user_id, id ON sessions FOR EACH ROW
  EXECUTE FUNCTION refuse_change('sessions_token_fixed', 'create a new session');
