-- Every ended session says why. SQLite adds a rule to a table only by making it anew: copy, drop, rename.

CREATE TABLE sessions_anew ( -- Signed-in sessions; the token itself is never stored.
  user_id            BLOB NOT NULL CONSTRAINT sessions_user_id_form CHECK (length(user_id) = 16), -- [id] Owner.
  id                 BLOB NOT NULL CONSTRAINT sessions_id_form CHECK (length(id) = 16), -- [id] UUIDv7.
  token_hash         BLOB NOT NULL, -- [secret] SHA-256 of the bearer token.
  method             TEXT NOT NULL, -- [public] How it was opened.
  assurance_level    INTEGER NOT NULL, -- [internal] 0 must change the password first, 1 one factor, 2 two factors, 3 hardware-bound.
  created_at         INTEGER NOT NULL CONSTRAINT sessions_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999), -- [internal] When the row was made (UTC).
  last_seen_at       INTEGER NOT NULL CONSTRAINT sessions_last_seen_at_form CHECK (last_seen_at BETWEEN 0 AND 253402300799999999), -- [internal] Last use (UTC), to the minute.
  idle_seconds       INTEGER NOT NULL, -- [internal] Ends after this many seconds without use.
  expires_at         INTEGER NOT NULL CONSTRAINT sessions_expires_at_form CHECK (expires_at BETWEEN 0 AND 253402300799999999), -- [internal] Absolute end (UTC).
  revoked_at         INTEGER CONSTRAINT sessions_revoked_at_form CHECK (revoked_at BETWEEN 0 AND 253402300799999999), -- [internal] Ended early (UTC).
  address_sealed     BLOB, -- [pii] Client address, sealed.
  user_agent_sealed  BLOB, -- [pii] Client user agent, sealed.
  schema_version     INTEGER NOT NULL DEFAULT 1, -- [internal] Shape of the sealed values.
  end_reason         TEXT, -- [public] Why it ended early.
  CONSTRAINT sessions_pk PRIMARY KEY (user_id, id),
  CONSTRAINT sessions_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT sessions_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT sessions_user_ck CHECK (user_id > x'000000000000700080000000000000ff'),
  CONSTRAINT sessions_method_fk FOREIGN KEY (method) REFERENCES session_methods (code),
  CONSTRAINT sessions_token_hash_ck CHECK (length(token_hash) = 32),
  CONSTRAINT sessions_assurance_ck CHECK (assurance_level BETWEEN 0 AND 3),
  CONSTRAINT sessions_idle_ck CHECK (idle_seconds BETWEEN 60 AND 34560000),
  CONSTRAINT sessions_life_ck CHECK (expires_at > created_at AND expires_at <= created_at + 34560000000000),
  CONSTRAINT sessions_last_seen_ck CHECK (last_seen_at >= created_at),
  CONSTRAINT sessions_revoked_ck CHECK (revoked_at >= created_at),
  CONSTRAINT sessions_address_ck CHECK (address_sealed = x'00' OR (substr(address_sealed, 1, 1) = x'01' AND length(address_sealed) BETWEEN 30 AND 128)),
  CONSTRAINT sessions_user_agent_ck CHECK (user_agent_sealed = x'00' OR (substr(user_agent_sealed, 1, 1) = x'01' AND length(user_agent_sealed) BETWEEN 30 AND 600)),
  CONSTRAINT sessions_schema_version_ck CHECK (schema_version > 0),
  CONSTRAINT sessions_end_reason_fk FOREIGN KEY (end_reason) REFERENCES session_end_reasons (code),
  CONSTRAINT sessions_end_reason_ck CHECK ((revoked_at IS NULL) = (end_reason IS NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO sessions_anew (user_id, id, token_hash, method, assurance_level, created_at, last_seen_at, idle_seconds, expires_at, revoked_at,
  address_sealed, user_agent_sealed, schema_version, end_reason)
  SELECT user_id, id, token_hash, method, assurance_level, created_at, last_seen_at, idle_seconds, expires_at, revoked_at,
  address_sealed, user_agent_sealed, schema_version, end_reason FROM sessions;
DROP TABLE sessions;
ALTER TABLE sessions_anew RENAME TO sessions;
CREATE INDEX sessions_method_ix ON sessions (method);
CREATE INDEX sessions_expires_ix ON sessions (expires_at);
CREATE INDEX IF NOT EXISTS sessions_end_reason_ix ON sessions (end_reason) WHERE end_reason IS NOT NULL;
CREATE TRIGGER sessions_token_fixed BEFORE UPDATE OF token_hash, user_id, id ON sessions BEGIN
  SELECT RAISE(ABORT, 'sessions_token_fixed: open a new session');
END;
