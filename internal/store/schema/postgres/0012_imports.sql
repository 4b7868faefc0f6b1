-- Imports of users. An import can be resumed after a crash, and undone. A file that is uploaded over HTTP is stored in
-- encrypted chunks until the service has checked it and created its users.

CREATE TABLE import_runs (
  id              uuid NOT NULL,
  actor_id        uuid NOT NULL,
  format          text NOT NULL,
  content_mac     bytea NOT NULL,
  details_sealed  bytea NOT NULL,
  kek_id          uuid,
  wrapped_key     bytea,
  rows_read       bigint NOT NULL DEFAULT 0,
  rows_created    bigint NOT NULL DEFAULT 0,
  rows_skipped    bigint NOT NULL DEFAULT 0,
  rows_faulty     bigint NOT NULL DEFAULT 0,
  rows_undone     bigint NOT NULL DEFAULT 0,
  rows_kept       bigint NOT NULL DEFAULT 0,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL,
  finished_at     timestamptz,
  undone_at       timestamptz,
  CONSTRAINT import_runs_pk PRIMARY KEY (id),
  CONSTRAINT import_runs_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT import_runs_actor_fk FOREIGN KEY (actor_id) REFERENCES users (id),
  CONSTRAINT import_runs_kek_fk FOREIGN KEY (kek_id) REFERENCES key_encryption_keys (id),
  CONSTRAINT import_runs_format_ck CHECK (format ~ '^[a-z][a-z0-9_]{1,31}$'),
  CONSTRAINT import_runs_content_ck CHECK (octet_length(content_mac) = 32),
  CONSTRAINT import_runs_details_ck CHECK (
    details_sealed = '\x00' OR (get_byte(details_sealed, 0) = 1 AND octet_length(details_sealed) BETWEEN 30 AND 65536)),
  CONSTRAINT import_runs_wrapped_key_ck CHECK (octet_length(wrapped_key) = 61),
  CONSTRAINT import_runs_key_ck CHECK ((kek_id IS NULL) = (wrapped_key IS NULL)),
  CONSTRAINT import_runs_rows_ck CHECK (rows_created >= 0 AND rows_skipped >= 0 AND rows_faulty >= 0
    AND rows_created + rows_skipped + rows_faulty = rows_read),
  CONSTRAINT import_runs_undone_ck CHECK (rows_undone >= 0 AND rows_kept >= 0
    AND rows_undone + rows_kept <= rows_created),
  CONSTRAINT import_runs_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT import_runs_finished_ck CHECK (finished_at >= created_at),
  CONSTRAINT import_runs_undone_at_ck CHECK (undone_at >= finished_at)
);
CREATE INDEX import_runs_actor_ix ON import_runs (actor_id, id);
CREATE INDEX import_runs_kek_ix ON import_runs (kek_id) WHERE kek_id IS NOT NULL;
CREATE INDEX import_runs_content_ix ON import_runs (content_mac);
COMMENT ON TABLE import_runs IS 'Imports of users, with their progress.';
COMMENT ON COLUMN import_runs.id IS '[id] UUIDv7; audit events of the imported users have it as request_id.';
COMMENT ON COLUMN import_runs.actor_id IS '[id] User that started the import.';
COMMENT ON COLUMN import_runs.format IS '[public] Format of the file.';
COMMENT ON COLUMN import_runs.content_mac IS
  '[internal] Keyed hash of the file: prevents importing the same file twice.';
COMMENT ON COLUMN import_runs.details_sealed IS
  '[pii] File name and column mapping, encrypted under the key of the import.';
COMMENT ON COLUMN import_runs.kek_id IS
  '[internal] Key-encryption key that wraps the key of the import; NULL after its destruction.';
COMMENT ON COLUMN import_runs.wrapped_key IS
  '[secret] Key of the import, wrapped: it encrypts the details and the uploaded file.';
COMMENT ON COLUMN import_runs.rows_read IS '[public] Rows processed; the import resumes after them.';
COMMENT ON COLUMN import_runs.rows_created IS '[public] Users created.';
COMMENT ON COLUMN import_runs.rows_skipped IS '[public] Rows of users that existed already.';
COMMENT ON COLUMN import_runs.rows_faulty IS '[public] Rows with errors.';
COMMENT ON COLUMN import_runs.rows_undone IS '[public] Users erased when the import was undone.';
COMMENT ON COLUMN import_runs.rows_kept IS '[public] Users that undoing kept, because they had changed.';
COMMENT ON COLUMN import_runs.created_at IS '[internal] When it started (UTC).';
COMMENT ON COLUMN import_runs.updated_at IS '[internal] Last batch (UTC).';
COMMENT ON COLUMN import_runs.finished_at IS '[internal] When it finished (UTC).';
COMMENT ON COLUMN import_runs.undone_at IS '[internal] When undoing it finished (UTC).';

CREATE TABLE import_work (
  run_id          uuid NOT NULL,
  importer_id     uuid NOT NULL,
  stage           text NOT NULL,
  acting_id       uuid NOT NULL,
  acting_key_id   uuid,
  bytes_received  bigint NOT NULL DEFAULT 0,
  rows_checked    bigint NOT NULL DEFAULT 0,
  rows_new        bigint NOT NULL DEFAULT 0,
  rows_existing   bigint NOT NULL DEFAULT 0,
  rows_wrong      bigint NOT NULL DEFAULT 0,
  started_at      timestamptz,
  CONSTRAINT import_work_pk PRIMARY KEY (run_id),
  CONSTRAINT import_work_run_fk FOREIGN KEY (run_id) REFERENCES import_runs (id),
  CONSTRAINT import_work_importer_fk FOREIGN KEY (importer_id) REFERENCES users (id),
  CONSTRAINT import_work_acting_fk FOREIGN KEY (acting_id) REFERENCES users (id),
  CONSTRAINT import_work_stage_ck CHECK (
    stage IN ('uploading', 'checking', 'checked', 'running', 'undoing', 'failed', 'over')),
  CONSTRAINT import_work_rows_ck CHECK (bytes_received >= 0 AND rows_new >= 0 AND rows_existing >= 0 AND rows_wrong >= 0
    AND rows_new + rows_existing + rows_wrong <= rows_checked)
);
CREATE INDEX import_work_importer_ix ON import_work (importer_id);
CREATE INDEX import_work_acting_ix ON import_work (acting_id);
-- One import at a time: at most one file per importer waits or is in progress.
CREATE UNIQUE INDEX import_work_open_uq ON import_work (importer_id)
  WHERE stage IN ('uploading', 'checking', 'checked', 'running');
COMMENT ON TABLE import_work IS 'Work of the service on an import: check the uploaded file, create the users, undo.';
COMMENT ON COLUMN import_work.run_id IS '[id] The import.';
COMMENT ON COLUMN import_work.importer_id IS '[id] User that started the import.';
COMMENT ON COLUMN import_work.stage IS '[public] Current stage of the work, or that none is left.';
COMMENT ON COLUMN import_work.acting_id IS '[id] User that the service acts for, with the user''s permissions.';
COMMENT ON COLUMN import_work.acting_key_id IS '[id] API key that limits these permissions.';
COMMENT ON COLUMN import_work.bytes_received IS '[public] Bytes of the file uploaded so far.';
COMMENT ON COLUMN import_work.rows_checked IS '[public] Rows checked so far.';
COMMENT ON COLUMN import_work.rows_new IS '[public] Rows of users to create, according to the check.';
COMMENT ON COLUMN import_work.rows_existing IS '[public] Rows of users that existed at the check.';
COMMENT ON COLUMN import_work.rows_wrong IS '[public] Rows with errors, according to the check.';
COMMENT ON COLUMN import_work.started_at IS '[internal] When the import of the checked file was started (UTC).';

CREATE TABLE import_chunks (
  run_id          uuid NOT NULL,
  part            text NOT NULL,
  number          bigint NOT NULL,
  content_sealed  bytea NOT NULL,
  CONSTRAINT import_chunks_pk PRIMARY KEY (run_id, part, number),
  CONSTRAINT import_chunks_run_fk FOREIGN KEY (run_id) REFERENCES import_runs (id),
  CONSTRAINT import_chunks_part_ck CHECK (part IN ('file', 'problems')),
  CONSTRAINT import_chunks_number_ck CHECK (number >= 0),
  CONSTRAINT import_chunks_content_ck CHECK (content_sealed = '\x00'
    OR (get_byte(content_sealed, 0) = 1 AND octet_length(content_sealed) BETWEEN 30 AND 1048605))
);
COMMENT ON TABLE import_chunks IS
  'Uploaded files and their rows with errors, in chunks. Deleted when the import is over.';
COMMENT ON COLUMN import_chunks.run_id IS '[id] The import.';
COMMENT ON COLUMN import_chunks.part IS '[public] What the chunk is part of: the file, or its rows with errors.';
COMMENT ON COLUMN import_chunks.number IS '[internal] Position of the chunk, from 0.';
COMMENT ON COLUMN import_chunks.content_sealed IS '[pii] The chunk, encrypted under the key of the import.';
