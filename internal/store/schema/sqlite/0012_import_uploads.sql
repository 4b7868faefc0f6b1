-- Imports over HTTP: the file is kept in sealed chunks until the service has checked it and made its people.

CREATE TABLE import_work ( -- What the service does of an import by itself: check an uploaded file, make its people, undo.
  run_id          BLOB NOT NULL CONSTRAINT import_work_run_id_form CHECK (length(run_id) = 16), -- [id] The import.
  importer_id     BLOB NOT NULL CONSTRAINT import_work_importer_id_form CHECK (length(importer_id) = 16), -- [id] Who imported.
  stage           TEXT NOT NULL, -- [public] What the service does with it, or that there is nothing left to do.
  acting_id       BLOB NOT NULL CONSTRAINT import_work_acting_id_form CHECK (length(acting_id) = 16), -- [id] With whose rights the service does that.
  acting_key_id   BLOB CONSTRAINT import_work_acting_key_id_form CHECK (length(acting_key_id) = 16), -- [id] API key that bounds those rights.
  bytes_received  INTEGER NOT NULL DEFAULT 0, -- [public] Bytes of the file that were uploaded.
  rows_checked    INTEGER NOT NULL DEFAULT 0, -- [public] Rows that the service has checked.
  rows_new        INTEGER NOT NULL DEFAULT 0, -- [public] Rows of people to be made, as the check found.
  rows_existing   INTEGER NOT NULL DEFAULT 0, -- [public] Rows of people who were there at the check.
  rows_wrong      INTEGER NOT NULL DEFAULT 0, -- [public] Rows in which the check found problems.
  started_at      INTEGER CONSTRAINT import_work_started_at_form CHECK (started_at BETWEEN 0 AND 253402300799999999), -- [internal] When the uploaded file was let in (UTC).
  CONSTRAINT import_work_pk PRIMARY KEY (run_id),
  CONSTRAINT import_work_run_fk FOREIGN KEY (run_id) REFERENCES import_runs (id),
  CONSTRAINT import_work_importer_fk FOREIGN KEY (importer_id) REFERENCES users (id),
  CONSTRAINT import_work_acting_fk FOREIGN KEY (acting_id) REFERENCES users (id),
  CONSTRAINT import_work_stage_ck CHECK (stage IN ('uploading', 'checking', 'checked', 'running', 'undoing', 'failed', 'over')),
  CONSTRAINT import_work_rows_ck CHECK (bytes_received >= 0 AND rows_new >= 0 AND rows_existing >= 0 AND rows_wrong >= 0 AND rows_new + rows_existing + rows_wrong <= rows_checked)
) STRICT, WITHOUT ROWID;
CREATE INDEX import_work_importer_ix ON import_work (importer_id);
CREATE INDEX import_work_acting_ix ON import_work (acting_id);
-- One at a time: what waits or is under way of an importer is one file at most.
CREATE UNIQUE INDEX import_work_open_uq ON import_work (importer_id) WHERE stage IN ('uploading', 'checking', 'checked', 'running');

CREATE TABLE import_chunks ( -- Uploaded files of people, and their rows with problems, in pieces; deleted when the import is over.
  run_id          BLOB NOT NULL CONSTRAINT import_chunks_run_id_form CHECK (length(run_id) = 16), -- [id] The import.
  part            TEXT NOT NULL, -- [public] What it is a piece of: the file, or the rows with problems.
  number          INTEGER NOT NULL, -- [internal] Counted from 0.
  content_sealed  BLOB NOT NULL, -- [pii] The piece, sealed under the key of the import.
  CONSTRAINT import_chunks_pk PRIMARY KEY (run_id, part, number),
  CONSTRAINT import_chunks_run_fk FOREIGN KEY (run_id) REFERENCES import_runs (id),
  CONSTRAINT import_chunks_part_ck CHECK (part IN ('file', 'problems')),
  CONSTRAINT import_chunks_number_ck CHECK (number >= 0),
  CONSTRAINT import_chunks_content_ck CHECK (content_sealed = x'00' OR (substr(content_sealed, 1, 1) = x'01' AND length(content_sealed) BETWEEN 30 AND 1048605))
) STRICT, WITHOUT ROWID;

INSERT INTO jobs (id, kind, repeat_seconds, created_at, run_at) VALUES
  (x'0000000000007000800900000000000c', 'imports.purge', 3600, 1767225600000000, 1767225600000000);
