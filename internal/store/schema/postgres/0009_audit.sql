-- Audit log: append-only, partitioned by range of its UUIDv7 ids, one partition per month. The id alone determines the
-- month.

CREATE TABLE audit_logs (
  subject_id         uuid NOT NULL,
  id                 uuid NOT NULL,
  occurred_at        timestamptz NOT NULL GENERATED ALWAYS AS (uuid_v7_time(id)) STORED,
  actor_id           uuid NOT NULL,
  session_id         uuid,
  api_key_id         uuid,
  action             text NOT NULL,
  is_refused         boolean NOT NULL DEFAULT FALSE,
  attempts           bigint NOT NULL DEFAULT 1,
  changed_rows       jsonb NOT NULL DEFAULT '[]',
  changes            jsonb NOT NULL DEFAULT '{}',
  request_id         uuid,
  address_sealed     bytea,
  user_agent_sealed  bytea,
  schema_version     bigint NOT NULL DEFAULT 1,
  CONSTRAINT audit_logs_pk PRIMARY KEY (subject_id, id),
  CONSTRAINT audit_logs_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT audit_logs_subject_fk FOREIGN KEY (subject_id) REFERENCES users (id),
  CONSTRAINT audit_logs_actor_fk FOREIGN KEY (actor_id) REFERENCES users (id),
  CONSTRAINT audit_logs_action_ck CHECK (action ~ '^[a-z][a-z0-9_]*([.][a-z][a-z0-9_]*){1,3}$'
    AND char_length(action) <= 64),
  CONSTRAINT audit_logs_attempts_ck CHECK (attempts > 0),
  CONSTRAINT audit_logs_changed_rows_ck CHECK (jsonb_typeof(changed_rows) = 'array'
    AND octet_length(changed_rows::text) <= 65536),
  CONSTRAINT audit_logs_changes_ck CHECK (jsonb_typeof(changes) = 'object' AND octet_length(changes::text) <= 32768),
  CONSTRAINT audit_logs_address_ck CHECK (get_byte(address_sealed, 0) = 1
    AND octet_length(address_sealed) BETWEEN 30 AND 128),
  CONSTRAINT audit_logs_user_agent_ck CHECK (get_byte(user_agent_sealed, 0) = 1
    AND octet_length(user_agent_sealed) BETWEEN 30 AND 600),
  CONSTRAINT audit_logs_schema_version_ck CHECK (schema_version > 0)
) PARTITION BY RANGE (id);
CREATE INDEX audit_logs_id_ix ON audit_logs (id);
CREATE INDEX audit_logs_actor_ix ON audit_logs (actor_id, id);
CREATE INDEX audit_logs_action_ix ON audit_logs (action, id);
CREATE INDEX audit_logs_request_ix ON audit_logs (request_id) WHERE request_id IS NOT NULL;
COMMENT ON TABLE audit_logs IS
  'Append-only log: actor, action, subject, changes, time. On PostgreSQL partitioned by month.';
COMMENT ON COLUMN audit_logs.subject_id IS
  '[id] User that the action was about; the system user for the service itself.';
COMMENT ON COLUMN audit_logs.id IS '[id] UUIDv7; its time determines the month.';
COMMENT ON COLUMN audit_logs.occurred_at IS '[internal] Time in the id (UTC), extracted by the database.';
COMMENT ON COLUMN audit_logs.actor_id IS '[id] User that acted.';
COMMENT ON COLUMN audit_logs.session_id IS '[id] Session of the actor.';
COMMENT ON COLUMN audit_logs.api_key_id IS '[id] API key of the actor.';
COMMENT ON COLUMN audit_logs.action IS '[public] Action: noun, dot, verb.';
COMMENT ON COLUMN audit_logs.is_refused IS '[public] Whether the action was attempted and refused.';
COMMENT ON COLUMN audit_logs.attempts IS '[public] Number of attempts; anonymous ones are counted per minute.';
COMMENT ON COLUMN audit_logs.changed_rows IS '[internal] Changed rows: table, key, version and digest of columns.';
COMMENT ON COLUMN audit_logs.changes IS '[internal] Changed columns: values if allow-listed, otherwise names.';
COMMENT ON COLUMN audit_logs.request_id IS '[id] Request that caused it.';
COMMENT ON COLUMN audit_logs.address_sealed IS
  '[pii] Client address, encrypted under the key of the actor, or of the month if anonymous.';
COMMENT ON COLUMN audit_logs.user_agent_sealed IS '[pii] Client user agent, encrypted in the same way.';
COMMENT ON COLUMN audit_logs.schema_version IS '[internal] Version of the entry''s format.';

CREATE TRIGGER audit_logs_append_only BEFORE UPDATE OR DELETE ON audit_logs FOR EACH ROW
  EXECUTE FUNCTION refuse_change('audit_logs_append_only', 'the audit log is append-only');
CREATE TRIGGER audit_logs_no_truncate BEFORE TRUNCATE ON audit_logs FOR EACH STATEMENT
  EXECUTE FUNCTION refuse_change('audit_logs_append_only', 'the audit log is append-only');

-- Runs with the permissions of its owner, so that the service creates partitions without owning a table.
-- ATTACH PARTITION, unlike CREATE TABLE ... PARTITION OF, does not lock readers and writers out of the log.
-- TRUNCATE triggers are not inherited, so each partition gets its own.
CREATE FUNCTION audit_month_ensure(month date) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
DECLARE
  first timestamp := date_trunc('month', month::timestamp);
  lower timestamptz := first AT TIME ZONE 'UTC';
  upper timestamptz := (first + interval '1 month') AT TIME ZONE 'UTC';
  part text := 'audit_logs_' || to_char(first, 'YYYYMM');
BEGIN
  IF to_regclass(format('%I.%I', current_schema(), part)) IS NOT NULL THEN
    RETURN false;
  END IF;
  -- Two nodes that start at the same time can both get here. ATTACH below takes the same lock, which does not block
  -- readers and writers.
  LOCK TABLE audit_logs IN SHARE UPDATE EXCLUSIVE MODE;
  IF to_regclass(format('%I.%I', current_schema(), part)) IS NOT NULL THEN
    RETURN false;
  END IF;
  EXECUTE format('CREATE TABLE %I (LIKE audit_logs INCLUDING ALL EXCLUDING INDEXES)', part);
  EXECUTE format('REVOKE ALL ON %I FROM PUBLIC', part);
  EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change(%L, %L)',
                 part || '_no_truncate', part, 'audit_logs_append_only', 'the audit log is append-only');
  EXECUTE format('COMMENT ON TABLE %I IS %L', part, 'Audit log of ' || to_char(first, 'YYYY-MM') || ' (UTC).');
  EXECUTE format('ALTER TABLE audit_logs ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                 part, uuid_v7_floor(lower), uuid_v7_floor(upper));
  RETURN true;
END $$;
COMMENT ON FUNCTION audit_month_ensure(date) IS
  'Creates the partition of a month if it is missing; true if it created one.';

REVOKE EXECUTE ON FUNCTION audit_month_ensure(date) FROM PUBLIC;

-- Lists the partitions from the catalog: no table has their names.
CREATE FUNCTION audit_months() RETURNS TABLE (month date) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path FROM CURRENT AS $$
  SELECT to_date(right(c.relname, 6), 'YYYYMM')
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
   WHERE i.inhparent = 'audit_logs'::regclass
   ORDER BY 1
$$;
COMMENT ON FUNCTION audit_months() IS 'First days of the months that have a partition.';

REVOKE EXECUTE ON FUNCTION audit_months() FROM PUBLIC;

CREATE TABLE refused_attempts (
  subject_id  uuid NOT NULL,
  action      text NOT NULL,
  minute      timestamptz NOT NULL,
  attempts    bigint NOT NULL,
  CONSTRAINT refused_attempts_pk PRIMARY KEY (subject_id, action, minute),
  CONSTRAINT refused_attempts_subject_fk FOREIGN KEY (subject_id) REFERENCES users (id),
  CONSTRAINT refused_attempts_action_ck CHECK (action ~ '^[a-z][a-z0-9_]*([.][a-z][a-z0-9_]*){1,3}$'
    AND char_length(action) <= 64),
  CONSTRAINT refused_attempts_attempts_ck CHECK (attempts > 0),
  CONSTRAINT refused_attempts_minute_ck CHECK (extract(second FROM minute) = 0)
);
CREATE INDEX refused_attempts_minute_ix ON refused_attempts (minute);
COMMENT ON TABLE refused_attempts IS 'Refused anonymous attempts, counted per minute until written to the audit log.';
COMMENT ON COLUMN refused_attempts.subject_id IS
  '[id] User that the attempt was aimed at; the anonymous user if there is none.';
COMMENT ON COLUMN refused_attempts.action IS '[public] Action that was attempted.';
COMMENT ON COLUMN refused_attempts.minute IS '[internal] Start of the minute (UTC).';
COMMENT ON COLUMN refused_attempts.attempts IS '[internal] Number of attempts.';
