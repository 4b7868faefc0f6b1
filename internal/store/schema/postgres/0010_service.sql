-- Data of the service itself: settings, background jobs, and replies to repeated requests.

CREATE TABLE settings (
  id           uuid NOT NULL,
  name         text NOT NULL,
  description  text NOT NULL,
  value        jsonb NOT NULL,
  created_at   timestamptz NOT NULL,
  updated_at   timestamptz NOT NULL,
  version      bigint NOT NULL DEFAULT 1,
  CONSTRAINT settings_pk PRIMARY KEY (id),
  CONSTRAINT settings_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT settings_name_uq UNIQUE (name),
  CONSTRAINT settings_name_ck CHECK (name ~ '^[a-z][a-z0-9_]*([.][a-z][a-z0-9_]*){1,3}$' AND char_length(name) <= 64),
  CONSTRAINT settings_description_ck CHECK (char_length(description) BETWEEN 1 AND 1024),
  CONSTRAINT settings_value_ck CHECK (jsonb_typeof(value) IN ('string', 'number', 'boolean')
    AND octet_length(value::text) <= 4096),
  CONSTRAINT settings_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT settings_version_ck CHECK (version > 0)
);
COMMENT ON TABLE settings IS 'Settings that administrators change while the service runs.';
COMMENT ON COLUMN settings.id IS '[id] UUIDv7.';
COMMENT ON COLUMN settings.name IS '[public] Unique name.';
COMMENT ON COLUMN settings.description IS '[public] Description for readers.';
COMMENT ON COLUMN settings.value IS '[public] Value: a JSON scalar.';
COMMENT ON COLUMN settings.created_at IS '[internal] When the row was created (UTC).';
COMMENT ON COLUMN settings.updated_at IS '[internal] When the row was last changed (UTC).';
COMMENT ON COLUMN settings.version IS '[internal] Row version: increases by one per change; the ETag.';

CREATE TRIGGER settings_guard_version BEFORE UPDATE ON settings FOR EACH ROW EXECUTE FUNCTION guard_version();

CREATE TABLE jobs (
  id              uuid NOT NULL,
  kind            text NOT NULL,
  repeat_seconds  bigint,
  attempts        bigint NOT NULL DEFAULT 0,
  created_at      timestamptz NOT NULL,
  run_at          timestamptz NOT NULL,
  leased_by       uuid,
  leased_until    timestamptz,
  last_run_at     timestamptz,
  last_error      text,
  CONSTRAINT jobs_pk PRIMARY KEY (id),
  CONSTRAINT jobs_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT jobs_kind_ck CHECK (kind ~ '^[a-z][a-z0-9_]*([.][a-z][a-z0-9_]*){1,3}$' AND char_length(kind) <= 64),
  CONSTRAINT jobs_repeat_ck CHECK (repeat_seconds BETWEEN 1 AND 2678400),
  CONSTRAINT jobs_attempts_ck CHECK (attempts >= 0),
  CONSTRAINT jobs_lease_ck CHECK ((leased_by IS NULL) = (leased_until IS NULL)),
  CONSTRAINT jobs_last_error_ck CHECK (char_length(last_error) BETWEEN 1 AND 512)
);
CREATE UNIQUE INDEX jobs_repeating_uq ON jobs (kind) WHERE repeat_seconds IS NOT NULL;
CREATE INDEX jobs_run_ix ON jobs (run_at);
COMMENT ON TABLE jobs IS 'Background jobs of the service, each leased by one node at a time.';
COMMENT ON COLUMN jobs.id IS '[id] UUIDv7.';
COMMENT ON COLUMN jobs.kind IS '[public] Kind of job.';
COMMENT ON COLUMN jobs.repeat_seconds IS '[internal] Seconds from a run to the next; NULL if the job runs once.';
COMMENT ON COLUMN jobs.attempts IS '[internal] Failed attempts since the last success.';
COMMENT ON COLUMN jobs.created_at IS '[internal] When the row was created (UTC).';
COMMENT ON COLUMN jobs.run_at IS '[internal] Earliest time of the next run (UTC).';
COMMENT ON COLUMN jobs.leased_by IS '[id] Node that runs the job.';
COMMENT ON COLUMN jobs.leased_until IS '[internal] End of the lease (UTC).';
COMMENT ON COLUMN jobs.last_run_at IS '[internal] Last successful run (UTC).';
COMMENT ON COLUMN jobs.last_error IS '[internal] Kind of the last error, without values.';

CREATE TABLE idempotency_keys (
  id            uuid NOT NULL,
  caller_id     uuid NOT NULL,
  route         text NOT NULL,
  key_hash      bytea NOT NULL,
  fingerprint   bytea NOT NULL,
  reply_sealed  bytea NOT NULL,
  created_at    timestamptz NOT NULL,
  expires_at    timestamptz NOT NULL,
  CONSTRAINT idempotency_keys_pk PRIMARY KEY (id),
  CONSTRAINT idempotency_keys_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT idempotency_keys_caller_fk FOREIGN KEY (caller_id) REFERENCES users (id),
  CONSTRAINT idempotency_keys_key_uq UNIQUE (caller_id, route, key_hash),
  CONSTRAINT idempotency_keys_route_ck CHECK (char_length(route) BETWEEN 1 AND 256),
  CONSTRAINT idempotency_keys_key_hash_ck CHECK (octet_length(key_hash) = 32),
  CONSTRAINT idempotency_keys_fingerprint_ck CHECK (octet_length(fingerprint) = 32),
  CONSTRAINT idempotency_keys_reply_ck CHECK (get_byte(reply_sealed, 0) = 1
    AND octet_length(reply_sealed) BETWEEN 30 AND 1048576),
  CONSTRAINT idempotency_keys_life_ck CHECK (expires_at > created_at)
);
CREATE INDEX idempotency_keys_expires_ix ON idempotency_keys (expires_at);
COMMENT ON TABLE idempotency_keys IS 'Replies, stored for a day so that a repeated request takes effect only once.';
COMMENT ON COLUMN idempotency_keys.id IS '[id] UUIDv7.';
COMMENT ON COLUMN idempotency_keys.caller_id IS '[id] User that sent the request.';
COMMENT ON COLUMN idempotency_keys.route IS '[public] Method and route of the request.';
COMMENT ON COLUMN idempotency_keys.key_hash IS '[internal] SHA-256 of the Idempotency-Key header.';
COMMENT ON COLUMN idempotency_keys.fingerprint IS '[internal] Keyed hash of the path and the body.';
COMMENT ON COLUMN idempotency_keys.reply_sealed IS
  '[pii] The reply, encrypted under a key derived from a service key and the header.';
COMMENT ON COLUMN idempotency_keys.created_at IS '[internal] When the row was created (UTC).';
COMMENT ON COLUMN idempotency_keys.expires_at IS '[internal] When the row expires (UTC).';

-- Runs with the permissions of its owner: a role that owns no table cannot ANALYZE it. Autovacuum does the same later,
-- but never for the parent of partitions.
CREATE FUNCTION refresh_statistics() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  changed name;
BEGIN
  FOR changed IN
    SELECT relname FROM pg_stat_user_tables
     WHERE schemaname = current_schema() AND n_mod_since_analyze > 1000 + n_live_tup / 10
     ORDER BY relname
  LOOP
    EXECUTE format('ANALYZE %I', changed);
  END LOOP;
END $$;
COMMENT ON FUNCTION refresh_statistics() IS
  'Runs ANALYZE on tables in which more than a tenth of the rows changed since the last one.';

REVOKE EXECUTE ON FUNCTION refresh_statistics() FROM PUBLIC;
