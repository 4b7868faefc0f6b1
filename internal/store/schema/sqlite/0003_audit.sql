-- Audit: an append-only log, clustered by subject and time.

CREATE TABLE audit_logs ( -- Append-only log of who did what to whom and when; one partition a month (UTC) on PostgreSQL.
  subject_id         BLOB NOT NULL CONSTRAINT audit_logs_subject_id_form CHECK (length(subject_id) = 16), -- [id] User the action was about; the System when it was about the service itself.
  id                 BLOB NOT NULL CONSTRAINT audit_logs_id_form CHECK (length(id) = 16), -- [id] UUIDv7; carries the time and picks the month.
  occurred_at        INTEGER NOT NULL GENERATED ALWAYS AS ((instr('0123456789ABCDEF', substr(hex(id), 1, 1)) - 1) * 17592186044416000 + (instr('0123456789ABCDEF', substr(hex(id), 2, 1)) - 1) * 1099511627776000 + (instr('0123456789ABCDEF', substr(hex(id), 3, 1)) - 1) * 68719476736000 + (instr('0123456789ABCDEF', substr(hex(id), 4, 1)) - 1) * 4294967296000 + (instr('0123456789ABCDEF', substr(hex(id), 5, 1)) - 1) * 268435456000 + (instr('0123456789ABCDEF', substr(hex(id), 6, 1)) - 1) * 16777216000 + (instr('0123456789ABCDEF', substr(hex(id), 7, 1)) - 1) * 1048576000 + (instr('0123456789ABCDEF', substr(hex(id), 8, 1)) - 1) * 65536000 + (instr('0123456789ABCDEF', substr(hex(id), 9, 1)) - 1) * 4096000 + (instr('0123456789ABCDEF', substr(hex(id), 10, 1)) - 1) * 256000 + (instr('0123456789ABCDEF', substr(hex(id), 11, 1)) - 1) * 16000 + (instr('0123456789ABCDEF', substr(hex(id), 12, 1)) - 1) * 1000) VIRTUAL, -- [internal] Time in the id (UTC), taken out by the database.
  actor_id           BLOB NOT NULL CONSTRAINT audit_logs_actor_id_form CHECK (length(actor_id) = 16), -- [id] User who acted.
  session_id         BLOB CONSTRAINT audit_logs_session_id_form CHECK (length(session_id) = 16), -- [id] Session it was done in.
  api_key_id         BLOB CONSTRAINT audit_logs_api_key_id_form CHECK (length(api_key_id) = 16), -- [id] API key it was done with.
  action             TEXT NOT NULL, -- [public] What was done: noun, dot, verb.
  is_refused         INTEGER NOT NULL DEFAULT FALSE CONSTRAINT audit_logs_is_refused_form CHECK (is_refused IN (0, 1)), -- [public] Whether it was tried and refused.
  attempts           INTEGER NOT NULL DEFAULT 1, -- [public] How often, where strangers' attempts are counted by the minute.
  changed_rows       TEXT NOT NULL DEFAULT '[]' CONSTRAINT audit_logs_changed_rows_form CHECK (json_valid(changed_rows)), -- [internal] Rows changed: table, key, version and digest of a named list of stored columns.
  changes            TEXT NOT NULL DEFAULT '{}' CONSTRAINT audit_logs_changes_form CHECK (json_valid(changes)), -- [internal] Columns changed: from and to where allow-listed, otherwise by name only.
  request_id         BLOB CONSTRAINT audit_logs_request_id_form CHECK (length(request_id) = 16), -- [id] Request that caused it.
  address_sealed     BLOB, -- [pii] Client address, sealed under the actor's key, a stranger's under the key of the month.
  user_agent_sealed  BLOB, -- [pii] Client user agent, sealed likewise.
  schema_version     INTEGER NOT NULL DEFAULT 1, -- [internal] Shape of the entry.
  CONSTRAINT audit_logs_pk PRIMARY KEY (subject_id, id),
  CONSTRAINT audit_logs_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT audit_logs_subject_fk FOREIGN KEY (subject_id) REFERENCES users (id),
  CONSTRAINT audit_logs_actor_fk FOREIGN KEY (actor_id) REFERENCES users (id),
  CONSTRAINT audit_logs_action_ck CHECK (action GLOB '[a-z]*.[a-z]*' AND action NOT GLOB '*[^a-z0-9_.]*' AND action NOT GLOB '*.' AND action NOT GLOB '*..*' AND action NOT GLOB '*.[^a-z]*' AND action NOT GLOB '*.*.*.*.*' AND length(action) <= 64),
  CONSTRAINT audit_logs_attempts_ck CHECK (attempts > 0),
  CONSTRAINT audit_logs_changed_rows_ck CHECK (CASE WHEN json_valid(changed_rows) THEN json_type(changed_rows) = 'array' ELSE 0 END AND length(CAST(changed_rows AS BLOB)) <= 65536),
  CONSTRAINT audit_logs_changes_ck CHECK (CASE WHEN json_valid(changes) THEN json_type(changes) = 'object' ELSE 0 END AND length(CAST(changes AS BLOB)) <= 32768),
  CONSTRAINT audit_logs_address_ck CHECK (substr(address_sealed, 1, 1) = x'01' AND length(address_sealed) BETWEEN 30 AND 128),
  CONSTRAINT audit_logs_user_agent_ck CHECK (substr(user_agent_sealed, 1, 1) = x'01' AND length(user_agent_sealed) BETWEEN 30 AND 600),
  CONSTRAINT audit_logs_schema_version_ck CHECK (schema_version > 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_logs_id_ix ON audit_logs (id);
CREATE INDEX audit_logs_actor_ix ON audit_logs (actor_id, id);
CREATE INDEX audit_logs_action_ix ON audit_logs (action, id);
CREATE INDEX audit_logs_request_ix ON audit_logs (request_id) WHERE request_id IS NOT NULL;

CREATE TRIGGER audit_logs_no_update BEFORE UPDATE ON audit_logs BEGIN
  SELECT RAISE(ABORT, 'audit_logs_append_only: the audit log only grows');
END;
CREATE TRIGGER audit_logs_no_delete BEFORE DELETE ON audit_logs BEGIN
  SELECT RAISE(ABORT, 'audit_logs_append_only: the audit log only grows');
END;
-- INSERT OR REPLACE deletes without firing the trigger above unless recursive_triggers is on; this one does not depend on it.
CREATE TRIGGER audit_logs_no_replace BEFORE INSERT ON audit_logs
 WHEN EXISTS (SELECT 1 FROM audit_logs a WHERE a.subject_id = NEW.subject_id AND a.id = NEW.id) BEGIN
  SELECT RAISE(ABORT, 'audit_logs_append_only: the audit log only grows');
END;
