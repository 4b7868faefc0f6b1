-- Imports of users. An import can be resumed after a crash, and undone. A file that is uploaded over HTTP is stored in
-- encrypted chunks until the service has checked it and created its users.

CREATE TABLE import_runs ( -- Imports of users, with their progress.
  id              BLOB NOT NULL -- [id] UUIDv7; audit events of the imported users have it as request_id.
    CONSTRAINT import_runs_id_form CHECK (length(id) = 16),
  actor_id        BLOB NOT NULL -- [id] User that started the import.
    CONSTRAINT import_runs_actor_id_form CHECK (length(actor_id) = 16),
  format          TEXT NOT NULL, -- [public] Format of the file.
  content_mac     BLOB NOT NULL, -- [internal] Keyed hash of the file: prevents importing the same file twice.
  details_sealed  BLOB NOT NULL, -- [pii] File name and column mapping, encrypted under the key of the import.
  kek_id          BLOB -- [internal] Key-encryption key that wraps the key of the import; NULL after its destruction.
    CONSTRAINT import_runs_kek_id_form CHECK (length(kek_id) = 16),
  wrapped_key     BLOB, -- [secret] Key of the import, wrapped: it encrypts the details and the uploaded file.
  rows_read       INTEGER NOT NULL DEFAULT 0, -- [public] Rows processed; the import resumes after them.
  rows_created    INTEGER NOT NULL DEFAULT 0, -- [public] Users created.
  rows_skipped    INTEGER NOT NULL DEFAULT 0, -- [public] Rows of users that existed already.
  rows_faulty     INTEGER NOT NULL DEFAULT 0, -- [public] Rows with errors.
  rows_undone     INTEGER NOT NULL DEFAULT 0, -- [public] Users erased when the import was undone.
  rows_kept       INTEGER NOT NULL DEFAULT 0, -- [public] Users that undoing kept, because they had changed.
  created_at      INTEGER NOT NULL -- [internal] When it started (UTC).
    CONSTRAINT import_runs_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999),
  updated_at      INTEGER NOT NULL -- [internal] Last batch (UTC).
    CONSTRAINT import_runs_updated_at_form CHECK (updated_at BETWEEN 0 AND 253402300799999999),
  finished_at     INTEGER -- [internal] When it finished (UTC).
    CONSTRAINT import_runs_finished_at_form CHECK (finished_at BETWEEN 0 AND 253402300799999999),
  undone_at       INTEGER -- [internal] When undoing it finished (UTC).
    CONSTRAINT import_runs_undone_at_form CHECK (undone_at BETWEEN 0 AND 253402300799999999),
  CONSTRAINT import_runs_pk PRIMARY KEY (id),
  CONSTRAINT import_runs_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT import_runs_actor_fk FOREIGN KEY (actor_id) REFERENCES users (id),
  CONSTRAINT import_runs_kek_fk FOREIGN KEY (kek_id) REFERENCES key_encryption_keys (id),
  CONSTRAINT import_runs_format_ck CHECK (format GLOB '[a-z]*' AND format NOT GLOB '*[^a-z0-9_]*'
    AND length(format) BETWEEN 2 AND 32),
  CONSTRAINT import_runs_content_ck CHECK (length(content_mac) = 32),
  CONSTRAINT import_runs_details_ck CHECK (
    details_sealed = x'00' OR (substr(details_sealed, 1, 1) = x'01' AND length(details_sealed) BETWEEN 30 AND 65536)),
  CONSTRAINT import_runs_wrapped_key_ck CHECK (length(wrapped_key) = 61),
  CONSTRAINT import_runs_key_ck CHECK ((kek_id IS NULL) = (wrapped_key IS NULL)),
  CONSTRAINT import_runs_rows_ck CHECK (rows_created >= 0 AND rows_skipped >= 0 AND rows_faulty >= 0
    AND rows_created + rows_skipped + rows_faulty = rows_read),
  CONSTRAINT import_runs_undone_ck CHECK (rows_undone >= 0 AND rows_kept >= 0
    AND rows_undone + rows_kept <= rows_created),
  CONSTRAINT import_runs_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT import_runs_finished_ck CHECK (finished_at >= created_at),
  CONSTRAINT import_runs_undone_at_ck CHECK (undone_at >= finished_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX import_runs_actor_ix ON import_runs (actor_id, id);
CREATE INDEX import_runs_kek_ix ON import_runs (kek_id) WHERE kek_id IS NOT NULL;
CREATE INDEX import_runs_content_ix ON import_runs (content_mac);

CREATE TABLE import_work ( -- Work of the service on an import: check the uploaded file, create the users, undo.
  run_id          BLOB NOT NULL -- [id] The import.
    CONSTRAINT import_work_run_id_form CHECK (length(run_id) = 16),
  importer_id     BLOB NOT NULL -- [id] User that started the import.
    CONSTRAINT import_work_importer_id_form CHECK (length(importer_id) = 16),
  stage           TEXT NOT NULL, -- [public] Current stage of the work, or that none is left.
  acting_id       BLOB NOT NULL -- [id] User that the service acts for, with the user's permissions.
    CONSTRAINT import_work_acting_id_form CHECK (length(acting_id) = 16),
  acting_key_id   BLOB -- [id] API key that limits these permissions.
    CONSTRAINT import_work_acting_key_id_form CHECK (length(acting_key_id) = 16),
  bytes_received  INTEGER NOT NULL DEFAULT 0, -- [public] Bytes of the file uploaded so far.
  rows_checked    INTEGER NOT NULL DEFAULT 0, -- [public] Rows checked so far.
  rows_new        INTEGER NOT NULL DEFAULT 0, -- [public] Rows of users to create, according to the check.
  rows_existing   INTEGER NOT NULL DEFAULT 0, -- [public] Rows of users that existed at the check.
  rows_wrong      INTEGER NOT NULL DEFAULT 0, -- [public] Rows with errors, according to the check.
  started_at      INTEGER -- [internal] When the import of the checked file was started (UTC).
    CONSTRAINT import_work_started_at_form CHECK (started_at BETWEEN 0 AND 253402300799999999),
  CONSTRAINT import_work_pk PRIMARY KEY (run_id),
  CONSTRAINT import_work_run_fk FOREIGN KEY (run_id) REFERENCES import_runs (id),
  CONSTRAINT import_work_importer_fk FOREIGN KEY (importer_id) REFERENCES users (id),
  CONSTRAINT import_work_acting_fk FOREIGN KEY (acting_id) REFERENCES users (id),
  CONSTRAINT import_work_stage_ck CHECK (
    stage IN ('uploading', 'checking', 'checked', 'running', 'undoing', 'failed', 'over')),
  CONSTRAINT import_work_rows_ck CHECK (bytes_received >= 0 AND rows_new >= 0 AND rows_existing >= 0 AND rows_wrong >= 0
    AND rows_new + rows_existing + rows_wrong <= rows_checked)
) STRICT, WITHOUT ROWID;
CREATE INDEX import_work_importer_ix ON import_work (importer_id);
CREATE INDEX import_work_acting_ix ON import_work (acting_id);
-- One import at a time: at most one file per importer waits or is in progress.
CREATE UNIQUE INDEX import_work_open_uq ON import_work (importer_id)
  WHERE stage IN ('uploading', 'checking', 'checked', 'running');

CREATE TABLE import_chunks ( -- Uploaded files and their rows with errors, in chunks. Deleted when the import is over.
  run_id          BLOB NOT NULL -- [id] The import.
    CONSTRAINT import_chunks_run_id_form CHECK (length(run_id) = 16),
  part            TEXT NOT NULL, -- [public] What the chunk is part of: the file, or its rows with errors.
  number          INTEGER NOT NULL, -- [internal] Position of the chunk, from 0.
  content_sealed  BLOB NOT NULL, -- [pii] The chunk, encrypted under the key of the import.
  CONSTRAINT import_chunks_pk PRIMARY KEY (run_id, part, number),
  CONSTRAINT import_chunks_run_fk FOREIGN KEY (run_id) REFERENCES import_runs (id),
  CONSTRAINT import_chunks_part_ck CHECK (part IN ('file', 'problems')),
  CONSTRAINT import_chunks_number_ck CHECK (number >= 0),
  CONSTRAINT import_chunks_content_ck CHECK (
    content_sealed = x'00' OR (substr(content_sealed, 1, 1) = x'01' AND length(content_sealed) BETWEEN 30 AND 1048605))
) STRICT, WITHOUT ROWID;
