-- SQLite adds a constraint to a table only by a rebuild: copy, drop, rename. The trigger is dropped with the table.
CREATE TABLE sessions_new ( -- Sessions of signed-in users. The token itself is never stored.
  user_id            BLOB NOT NULL -- [id] Owner.
    CONSTRAINT sessions_user_id_form CHECK (length(user_id) = 16),
  id                 BLOB NOT NULL -- [id] UUIDv7.
    CONSTRAINT sessions_id_form CHECK (length(id) = 16),
  token_hash         BLOB NOT NULL, -- [secret] SHA-256 of the bearer token.
  method             TEXT NOT NULL, -- [public] How the session was created.
  assurance_level    INTEGER NOT NULL, -- [internal] 0: password change required; 1: one factor; 2: two; 3: hardware.
  created_at         INTEGER NOT NULL -- [internal] When the row was created (UTC).
    CONSTRAINT sessions_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999),
  last_seen_at       INTEGER NOT NULL -- [internal] Last use (UTC), to the minute.
    CONSTRAINT sessions_last_seen_at_form CHECK (last_seen_at BETWEEN 0 AND 253402300799999999),
  idle_seconds       INTEGER NOT NULL, -- [internal] The session ends after this many seconds without use.
  expires_at         INTEGER NOT NULL -- [internal] Absolute expiry (UTC).
    CONSTRAINT sessions_expires_at_form CHECK (expires_at BETWEEN 0 AND 253402300799999999),
  revoked_at         INTEGER -- [internal] When it was revoked (UTC).
    CONSTRAINT sessions_revoked_at_form CHECK (revoked_at BETWEEN 0 AND 253402300799999999),
  end_reason         TEXT, -- [public] Why it was revoked.
  address_sealed     BLOB, -- [pii] Client address, encrypted.
  user_agent_sealed  BLOB, -- [pii] Client user agent, encrypted.
  schema_version     INTEGER NOT NULL DEFAULT 1, -- [internal] Version of the format of the encrypted values.
  confirmed_at       INTEGER -- [internal] When the user confirmed the session with a factor (UTC); NULL: never.
    CONSTRAINT sessions_confirmed_at_form CHECK (confirmed_at BETWEEN 0 AND 253402300799999999),
  ended_by           TEXT, -- [public] Version of the program that ended the session.
  CONSTRAINT sessions_pk PRIMARY KEY (user_id, id),
  CONSTRAINT sessions_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT sessions_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT sessions_user_ck CHECK (user_id > x'000000000000700080000000000000ff'),
  CONSTRAINT sessions_method_fk FOREIGN KEY (method) REFERENCES session_methods (code),
  CONSTRAINT sessions_end_reason_fk FOREIGN KEY (end_reason) REFERENCES session_end_reasons (code),
  CONSTRAINT sessions_token_hash_ck CHECK (length(token_hash) = 32
    OR (length(token_hash) = 33 AND substr(token_hash, 1, 1) = x'02')),
  CONSTRAINT sessions_assurance_ck CHECK (assurance_level BETWEEN 0 AND 3),
  CONSTRAINT sessions_idle_ck CHECK (idle_seconds BETWEEN 60 AND 34560000),
  CONSTRAINT sessions_life_ck CHECK (expires_at > created_at AND expires_at <= created_at + 34560000000000),
  CONSTRAINT sessions_last_seen_ck CHECK (last_seen_at >= created_at),
  CONSTRAINT sessions_revoked_ck CHECK (revoked_at >= created_at),
  CONSTRAINT sessions_end_reason_ck CHECK ((revoked_at IS NULL) = (end_reason IS NULL)),
  CONSTRAINT sessions_address_ck CHECK (
    address_sealed = x'00'
      OR (substr(address_sealed, 1, 1) IN (x'01', x'02') AND length(address_sealed) BETWEEN 30 AND 128)),
  CONSTRAINT sessions_user_agent_ck CHECK (user_agent_sealed = x'00'
    OR (substr(user_agent_sealed, 1, 1) IN (x'01', x'02') AND length(user_agent_sealed) BETWEEN 30 AND 600)),
  CONSTRAINT sessions_schema_version_ck CHECK (schema_version > 0),
  CONSTRAINT sessions_confirmed_ck CHECK (confirmed_at >= created_at),
  CONSTRAINT sessions_ended_by_ck CHECK (ended_by IS NULL OR revoked_at IS NOT NULL)
) STRICT, WITHOUT ROWID;
INSERT INTO sessions_new (user_id, id, token_hash, method, assurance_level, created_at, last_seen_at, idle_seconds,
  expires_at, revoked_at, end_reason, address_sealed, user_agent_sealed, schema_version, confirmed_at, ended_by)
  SELECT user_id, id, token_hash, method, assurance_level, created_at, last_seen_at, idle_seconds,
    expires_at, revoked_at, end_reason, address_sealed, user_agent_sealed, schema_version, confirmed_at, ended_by
   FROM sessions;
DROP TABLE sessions;
ALTER TABLE sessions_new RENAME TO sessions;
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, '-- [secret] SHA-256 of the bearer token.',
  '-- [secret] HMAC of the bearer token under a service key, or, until the next use of an older session, SHA-256.')
 WHERE name = 'sessions';
PRAGMA writable_schema = RESET;
CREATE INDEX sessions_method_ix ON sessions (method);
CREATE INDEX sessions_expires_ix ON sessions (expires_at);
CREATE INDEX sessions_end_reason_ix ON sessions (end_reason) WHERE end_reason IS NOT NULL;
CREATE INDEX IF NOT EXISTS sessions_ended_by_ix ON sessions (ended_by) WHERE ended_by IS NOT NULL;

CREATE TRIGGER sessions_token_fixed BEFORE UPDATE OF token_hash, user_id, id ON sessions
 WHEN NEW.user_id <> OLD.user_id OR NEW.id <> OLD.id
   OR length(OLD.token_hash) <> 32 OR length(NEW.token_hash) <> 33 BEGIN
  SELECT RAISE(ABORT, 'sessions_token_fixed: create a new session');
END;
CREATE TRIGGER sessions_token_keyed BEFORE INSERT ON sessions WHEN length(NEW.token_hash) = 32 BEGIN
  SELECT RAISE(ABORT, 'sessions_token_keyed: a new token is stored as HMAC under the service key');
END;
