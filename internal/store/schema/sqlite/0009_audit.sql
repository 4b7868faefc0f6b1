-- Audit log: append-only, clustered by subject and time.

CREATE TABLE audit_logs ( -- Append-only log: actor, action, subject, changes, time. On PostgreSQL partitioned by month.
  subject_id         BLOB NOT NULL -- [id] User that the action was about; the system user for the service itself.
    CONSTRAINT audit_logs_subject_id_form CHECK (length(subject_id) = 16),
  id                 BLOB NOT NULL -- [id] UUIDv7; its time determines the month.
    CONSTRAINT audit_logs_id_form CHECK (length(id) = 16),
  occurred_at        INTEGER NOT NULL GENERATED ALWAYS AS (
      (instr('0123456789ABCDEF', substr(hex(id), 1, 1)) - 1) * 17592186044416000
      + (instr('0123456789ABCDEF', substr(hex(id), 2, 1)) - 1) * 1099511627776000
      + (instr('0123456789ABCDEF', substr(hex(id), 3, 1)) - 1) * 68719476736000
      + (instr('0123456789ABCDEF', substr(hex(id), 4, 1)) - 1) * 4294967296000
      + (instr('0123456789ABCDEF', substr(hex(id), 5, 1)) - 1) * 268435456000
      + (instr('0123456789ABCDEF', substr(hex(id), 6, 1)) - 1) * 16777216000
      + (instr('0123456789ABCDEF', substr(hex(id), 7, 1)) - 1) * 1048576000
      + (instr('0123456789ABCDEF', substr(hex(id), 8, 1)) - 1) * 65536000
      + (instr('0123456789ABCDEF', substr(hex(id), 9, 1)) - 1) * 4096000
      + (instr('0123456789ABCDEF', substr(hex(id), 10, 1)) - 1) * 256000
      + (instr('0123456789ABCDEF', substr(hex(id), 11, 1)) - 1) * 16000
      + (instr('0123456789ABCDEF', substr(hex(id), 12, 1)) - 1) * 1000
    ) VIRTUAL, -- [internal] Time in the id (UTC), extracted by the database.
  actor_id           BLOB NOT NULL -- [id] User that acted.
    CONSTRAINT audit_logs_actor_id_form CHECK (length(actor_id) = 16),
  session_id         BLOB -- [id] Session of the actor.
    CONSTRAINT audit_logs_session_id_form CHECK (length(session_id) = 16),
  api_key_id         BLOB -- [id] API key of the actor.
    CONSTRAINT audit_logs_api_key_id_form CHECK (length(api_key_id) = 16),
  action             TEXT NOT NULL, -- [public] Action: noun, dot, verb.
  is_refused         INTEGER NOT NULL DEFAULT FALSE -- [public] Whether the action was attempted and refused.
    CONSTRAINT audit_logs_is_refused_form CHECK (is_refused IN (0, 1)),
  attempts           INTEGER NOT NULL DEFAULT 1, -- [public] Number of attempts; anonymous ones are counted per minute.
  changed_rows       TEXT NOT NULL DEFAULT '[]' -- [internal] Changed rows: table, key, version and digest of columns.
    CONSTRAINT audit_logs_changed_rows_form CHECK (json_valid(changed_rows)),
  changes            TEXT NOT NULL DEFAULT '{}' -- [internal] Changed columns: values if allow-listed, otherwise names.
    CONSTRAINT audit_logs_changes_form CHECK (json_valid(changes)),
  request_id         BLOB -- [id] Request that caused it.
    CONSTRAINT audit_logs_request_id_form CHECK (length(request_id) = 16),
  address_sealed     BLOB, -- [pii] Client address, encrypted under the key of the actor, or of the month if anonymous.
  user_agent_sealed  BLOB, -- [pii] Client user agent, encrypted in the same way.
  schema_version     INTEGER NOT NULL DEFAULT 1, -- [internal] Version of the entry's format.
  CONSTRAINT audit_logs_pk PRIMARY KEY (subject_id, id),
  CONSTRAINT audit_logs_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT audit_logs_subject_fk FOREIGN KEY (subject_id) REFERENCES users (id),
  CONSTRAINT audit_logs_actor_fk FOREIGN KEY (actor_id) REFERENCES users (id),
  CONSTRAINT audit_logs_action_ck CHECK (action GLOB '[a-z]*.[a-z]*' AND action NOT GLOB '*[^a-z0-9_.]*'
    AND action NOT GLOB '*.' AND action NOT GLOB '*..*' AND action NOT GLOB '*.[^a-z]*' AND action NOT GLOB '*.*.*.*.*'
    AND length(action) <= 64),
  CONSTRAINT audit_logs_attempts_ck CHECK (attempts > 0),
  CONSTRAINT audit_logs_changed_rows_ck CHECK (
    CASE WHEN json_valid(changed_rows) THEN json_type(changed_rows) = 'array' ELSE 0 END
    AND length(CAST(changed_rows AS BLOB)) <= 65536),
  CONSTRAINT audit_logs_changes_ck CHECK (
    CASE WHEN json_valid(changes) THEN json_type(changes) = 'object' ELSE 0 END
    AND length(CAST(changes AS BLOB)) <= 32768),
  CONSTRAINT audit_logs_address_ck CHECK (substr(address_sealed, 1, 1) = x'01'
    AND length(address_sealed) BETWEEN 30 AND 128),
  CONSTRAINT audit_logs_user_agent_ck CHECK (substr(user_agent_sealed, 1, 1) = x'01'
    AND length(user_agent_sealed) BETWEEN 30 AND 600),
  CONSTRAINT audit_logs_schema_version_ck CHECK (schema_version > 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_logs_id_ix ON audit_logs (id);
CREATE INDEX audit_logs_actor_ix ON audit_logs (actor_id, id);
CREATE INDEX audit_logs_action_ix ON audit_logs (action, id);
CREATE INDEX audit_logs_request_ix ON audit_logs (request_id) WHERE request_id IS NOT NULL;

CREATE TRIGGER audit_logs_no_update BEFORE UPDATE ON audit_logs BEGIN
  SELECT RAISE(ABORT, 'audit_logs_append_only: the audit log is append-only');
END;
CREATE TRIGGER audit_logs_no_delete BEFORE DELETE ON audit_logs BEGIN
  SELECT RAISE(ABORT, 'audit_logs_append_only: the audit log is append-only');
END;

-- INSERT OR REPLACE does not fire the delete trigger above, unless recursive_triggers is on. This trigger does not
-- depend on that setting.
CREATE TRIGGER audit_logs_no_replace BEFORE INSERT ON audit_logs
 WHEN EXISTS (SELECT 1 FROM audit_logs a WHERE a.subject_id = NEW.subject_id AND a.id = NEW.id) BEGIN
  SELECT RAISE(ABORT, 'audit_logs_append_only: the audit log is append-only');
END;

CREATE TABLE refused_attempts ( -- Refused anonymous attempts, counted per minute until written to the audit log.
  subject_id  BLOB NOT NULL -- [id] User that the attempt was aimed at; the anonymous user if there is none.
    CONSTRAINT refused_attempts_subject_id_form CHECK (length(subject_id) = 16),
  action      TEXT NOT NULL, -- [public] Action that was attempted.
  minute      INTEGER NOT NULL -- [internal] Start of the minute (UTC).
    CONSTRAINT refused_attempts_minute_form CHECK (minute BETWEEN 0 AND 253402300799999999),
  attempts    INTEGER NOT NULL, -- [internal] Number of attempts.
  CONSTRAINT refused_attempts_pk PRIMARY KEY (subject_id, action, minute),
  CONSTRAINT refused_attempts_subject_fk FOREIGN KEY (subject_id) REFERENCES users (id),
  CONSTRAINT refused_attempts_action_ck CHECK (action GLOB '[a-z]*.[a-z]*' AND action NOT GLOB '*[^a-z0-9_.]*'
    AND action NOT GLOB '*.' AND action NOT GLOB '*..*' AND action NOT GLOB '*.[^a-z]*' AND action NOT GLOB '*.*.*.*.*'
    AND length(action) <= 64),
  CONSTRAINT refused_attempts_attempts_ck CHECK (attempts > 0),
  CONSTRAINT refused_attempts_minute_ck CHECK (minute % 60000000 = 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX refused_attempts_minute_ix ON refused_attempts (minute);
