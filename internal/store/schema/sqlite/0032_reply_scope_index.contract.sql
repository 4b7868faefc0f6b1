-- The index takes the place of the unique key. SQLite drops such a key by a rebuild.
CREATE TABLE idempotency_keys_new ( -- Replies, stored for a day so that a repeated request takes effect only once.
  id            BLOB NOT NULL -- [id] UUIDv7.
    CONSTRAINT idempotency_keys_id_form CHECK (length(id) = 16),
  caller_id     BLOB NOT NULL -- [id] User that sent the request.
    CONSTRAINT idempotency_keys_caller_id_form CHECK (length(caller_id) = 16),
  route         TEXT NOT NULL, -- [public] Method and route of the request.
  key_hash      BLOB NOT NULL, -- [internal] SHA-256 of the Idempotency-Key header.
  fingerprint   BLOB NOT NULL, -- [internal] Keyed hash of the path and the body.
  reply_sealed  BLOB NOT NULL, -- [pii] The reply, encrypted under a key derived from a service key and the header.
  created_at    INTEGER NOT NULL -- [internal] When the row was created (UTC).
    CONSTRAINT idempotency_keys_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999),
  expires_at    INTEGER NOT NULL -- [internal] When the row expires (UTC).
    CONSTRAINT idempotency_keys_expires_at_form CHECK (expires_at BETWEEN 0 AND 253402300799999999),
  api_key_id    BLOB -- [id] API key that sent the request; NULL: another caller.
    CONSTRAINT idempotency_keys_api_key_id_form CHECK (length(api_key_id) = 16),
  CONSTRAINT idempotency_keys_pk PRIMARY KEY (id),
  CONSTRAINT idempotency_keys_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT idempotency_keys_caller_fk FOREIGN KEY (caller_id) REFERENCES users (id),
  CONSTRAINT idempotency_keys_route_ck CHECK (length(route) BETWEEN 1 AND 256),
  CONSTRAINT idempotency_keys_key_hash_ck CHECK (length(key_hash) = 32),
  CONSTRAINT idempotency_keys_fingerprint_ck CHECK (length(fingerprint) = 32),
  CONSTRAINT idempotency_keys_reply_ck CHECK (substr(reply_sealed, 1, 1) = x'01'
    AND length(reply_sealed) BETWEEN 30 AND 1048576),
  CONSTRAINT idempotency_keys_life_ck CHECK (expires_at > created_at)
) STRICT, WITHOUT ROWID;
INSERT INTO idempotency_keys_new (id, caller_id, route, key_hash, fingerprint, reply_sealed, created_at, expires_at,
  api_key_id)
  SELECT id, caller_id, route, key_hash, fingerprint, reply_sealed, created_at, expires_at, api_key_id
    FROM idempotency_keys;
DROP TABLE idempotency_keys;
ALTER TABLE idempotency_keys_new RENAME TO idempotency_keys;
CREATE INDEX idempotency_keys_expires_ix ON idempotency_keys (expires_at);
CREATE UNIQUE INDEX idempotency_keys_scope_uq
  ON idempotency_keys (caller_id, route, key_hash, COALESCE(api_key_id, caller_id));
