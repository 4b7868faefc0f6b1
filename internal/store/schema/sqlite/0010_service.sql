-- Data of the service itself: settings, background jobs, and replies to repeated requests.

CREATE TABLE settings ( -- Settings that administrators change while the service runs.
  id           BLOB NOT NULL -- [id] UUIDv7.
    CONSTRAINT settings_id_form CHECK (length(id) = 16),
  name         TEXT NOT NULL, -- [public] Unique name.
  description  TEXT NOT NULL, -- [public] Description for readers.
  value        TEXT NOT NULL -- [public] Value: a JSON scalar.
    CONSTRAINT settings_value_form CHECK (json_valid(value)),
  created_at   INTEGER NOT NULL -- [internal] When the row was created (UTC).
    CONSTRAINT settings_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999),
  updated_at   INTEGER NOT NULL -- [internal] When the row was last changed (UTC).
    CONSTRAINT settings_updated_at_form CHECK (updated_at BETWEEN 0 AND 253402300799999999),
  version      INTEGER NOT NULL DEFAULT 1, -- [internal] Row version: increases by one per change; the ETag.
  CONSTRAINT settings_pk PRIMARY KEY (id),
  CONSTRAINT settings_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT settings_name_uq UNIQUE (name),
  CONSTRAINT settings_name_ck CHECK (name GLOB '[a-z]*.[a-z]*' AND name NOT GLOB '*[^a-z0-9_.]*' AND name NOT GLOB '*.'
    AND name NOT GLOB '*..*' AND name NOT GLOB '*.[^a-z]*' AND name NOT GLOB '*.*.*.*.*' AND length(name) <= 64),
  CONSTRAINT settings_description_ck CHECK (length(description) BETWEEN 1 AND 1024),
  CONSTRAINT settings_value_ck CHECK (
    CASE WHEN json_valid(value) THEN json_type(value) IN ('text', 'integer', 'real', 'true', 'false') ELSE 0 END
    AND length(CAST(value AS BLOB)) <= 4096),
  CONSTRAINT settings_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT settings_version_ck CHECK (version > 0)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER settings_guard_version BEFORE UPDATE ON settings BEGIN
  SELECT RAISE(ABORT, 'settings_version_step: version must increase by one') WHERE NEW.version <> OLD.version + 1;
  SELECT RAISE(ABORT, 'settings_created_fixed: created_at cannot change') WHERE NEW.created_at <> OLD.created_at;
END;

CREATE TABLE jobs ( -- Background jobs of the service, each leased by one node at a time.
  id              BLOB NOT NULL -- [id] UUIDv7.
    CONSTRAINT jobs_id_form CHECK (length(id) = 16),
  kind            TEXT NOT NULL, -- [public] Kind of job.
  repeat_seconds  INTEGER, -- [internal] Seconds from a run to the next; NULL if the job runs once.
  attempts        INTEGER NOT NULL DEFAULT 0, -- [internal] Failed attempts since the last success.
  created_at      INTEGER NOT NULL -- [internal] When the row was created (UTC).
    CONSTRAINT jobs_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999),
  run_at          INTEGER NOT NULL -- [internal] Earliest time of the next run (UTC).
    CONSTRAINT jobs_run_at_form CHECK (run_at BETWEEN 0 AND 253402300799999999),
  leased_by       BLOB -- [id] Node that runs the job.
    CONSTRAINT jobs_leased_by_form CHECK (length(leased_by) = 16),
  leased_until    INTEGER -- [internal] End of the lease (UTC).
    CONSTRAINT jobs_leased_until_form CHECK (leased_until BETWEEN 0 AND 253402300799999999),
  last_run_at     INTEGER -- [internal] Last successful run (UTC).
    CONSTRAINT jobs_last_run_at_form CHECK (last_run_at BETWEEN 0 AND 253402300799999999),
  last_error      TEXT, -- [internal] Kind of the last error, without values.
  CONSTRAINT jobs_pk PRIMARY KEY (id),
  CONSTRAINT jobs_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT jobs_kind_ck CHECK (kind GLOB '[a-z]*.[a-z]*' AND kind NOT GLOB '*[^a-z0-9_.]*' AND kind NOT GLOB '*.'
    AND kind NOT GLOB '*..*' AND kind NOT GLOB '*.[^a-z]*' AND kind NOT GLOB '*.*.*.*.*' AND length(kind) <= 64),
  CONSTRAINT jobs_repeat_ck CHECK (repeat_seconds BETWEEN 1 AND 2678400),
  CONSTRAINT jobs_attempts_ck CHECK (attempts >= 0),
  CONSTRAINT jobs_lease_ck CHECK ((leased_by IS NULL) = (leased_until IS NULL)),
  CONSTRAINT jobs_last_error_ck CHECK (length(last_error) BETWEEN 1 AND 512)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX jobs_repeating_uq ON jobs (kind) WHERE repeat_seconds IS NOT NULL;
CREATE INDEX jobs_run_ix ON jobs (run_at);

CREATE TABLE idempotency_keys ( -- Replies, stored for a day so that a repeated request takes effect only once.
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
  CONSTRAINT idempotency_keys_pk PRIMARY KEY (id),
  CONSTRAINT idempotency_keys_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT idempotency_keys_caller_fk FOREIGN KEY (caller_id) REFERENCES users (id),
  CONSTRAINT idempotency_keys_key_uq UNIQUE (caller_id, route, key_hash),
  CONSTRAINT idempotency_keys_route_ck CHECK (length(route) BETWEEN 1 AND 256),
  CONSTRAINT idempotency_keys_key_hash_ck CHECK (length(key_hash) = 32),
  CONSTRAINT idempotency_keys_fingerprint_ck CHECK (length(fingerprint) = 32),
  CONSTRAINT idempotency_keys_reply_ck CHECK (substr(reply_sealed, 1, 1) = x'01'
    AND length(reply_sealed) BETWEEN 30 AND 1048576),
  CONSTRAINT idempotency_keys_life_ck CHECK (expires_at > created_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_expires_ix ON idempotency_keys (expires_at);
