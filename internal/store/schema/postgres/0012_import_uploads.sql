-- Imports over HTTP: the file is kept in sealed chunks until the service has checked it and made its people.

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
  CONSTRAINT import_work_stage_ck CHECK (stage IN ('uploading', 'checking', 'checked', 'running', 'undoing', 'failed', 'over')),
  CONSTRAINT import_work_rows_ck CHECK (bytes_received >= 0 AND rows_new >= 0 AND rows_existing >= 0 AND rows_wrong >= 0 AND rows_new + rows_existing + rows_wrong <= rows_checked)
);
CREATE INDEX import_work_importer_ix ON import_work (importer_id);
CREATE INDEX import_work_acting_ix ON import_work (acting_id);
-- One at a time: what waits or is under way of an importer is one file at most.
CREATE UNIQUE INDEX import_work_open_uq ON import_work (importer_id) WHERE stage IN ('uploading', 'checking', 'checked', 'running');
COMMENT ON TABLE import_work IS 'What the service does of an import by itself: check an uploaded file, make its people, undo.';
COMMENT ON COLUMN import_work.run_id IS '[id] The import.';
COMMENT ON COLUMN import_work.importer_id IS '[id] Who imported.';
COMMENT ON COLUMN import_work.stage IS '[public] What the service does with it, or that there is nothing left to do.';
COMMENT ON COLUMN import_work.acting_id IS '[id] With whose rights the service does that.';
COMMENT ON COLUMN import_work.acting_key_id IS '[id] API key that bounds those rights.';
COMMENT ON COLUMN import_work.bytes_received IS '[public] Bytes of the file that were uploaded.';
COMMENT ON COLUMN import_work.rows_checked IS '[public] Rows that the service has checked.';
COMMENT ON COLUMN import_work.rows_new IS '[public] Rows of people to be made, as the check found.';
COMMENT ON COLUMN import_work.rows_existing IS '[public] Rows of people who were there at the check.';
COMMENT ON COLUMN import_work.rows_wrong IS '[public] Rows in which the check found problems.';
COMMENT ON COLUMN import_work.started_at IS '[internal] When the uploaded file was let in (UTC).';

CREATE TABLE import_chunks (
  run_id          uuid NOT NULL,
  part            text NOT NULL,
  number          bigint NOT NULL,
  content_sealed  bytea NOT NULL,
  CONSTRAINT import_chunks_pk PRIMARY KEY (run_id, part, number),
  CONSTRAINT import_chunks_run_fk FOREIGN KEY (run_id) REFERENCES import_runs (id),
  CONSTRAINT import_chunks_part_ck CHECK (part IN ('file', 'problems')),
  CONSTRAINT import_chunks_number_ck CHECK (number >= 0),
  CONSTRAINT import_chunks_content_ck CHECK (content_sealed = '\x00' OR (get_byte(content_sealed, 0) = 1 AND octet_length(content_sealed) BETWEEN 30 AND 1048605))
);
COMMENT ON TABLE import_chunks IS 'Uploaded files of people, and their rows with problems, in pieces; deleted when the import is over.';
COMMENT ON COLUMN import_chunks.run_id IS '[id] The import.';
COMMENT ON COLUMN import_chunks.part IS '[public] What it is a piece of: the file, or the rows with problems.';
COMMENT ON COLUMN import_chunks.number IS '[internal] Counted from 0.';
COMMENT ON COLUMN import_chunks.content_sealed IS '[pii] The piece, sealed under the key of the import.';

INSERT INTO jobs (id, kind, repeat_seconds, created_at, run_at) VALUES
  ('00000000-0000-7000-8009-00000000000c', 'imports.purge', 3600, '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z');
