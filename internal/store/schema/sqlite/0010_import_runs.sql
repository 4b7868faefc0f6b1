-- Imports: runs that can go on after a kill and be undone, and what was uploaded for them, sealed.

CREATE TABLE import_runs ( -- Imports of people: what was read and made, and how far it has come.
  id              BLOB NOT NULL CONSTRAINT import_runs_id_form CHECK (length(id) = 16), -- [id] UUIDv7; the events of the people it made have it as their request.
  actor_id        BLOB NOT NULL CONSTRAINT import_runs_actor_id_form CHECK (length(actor_id) = 16), -- [id] Who imported.
  format          TEXT NOT NULL, -- [public] Format of the file.
  content_mac     BLOB NOT NULL, -- [internal] Keyed hash of the file: the same one is not imported twice.
  details_sealed  BLOB NOT NULL, -- [pii] Name of the file and how its columns were taken, sealed under the key of the run.
  kek_id          BLOB CONSTRAINT import_runs_kek_id_form CHECK (length(kek_id) = 16), -- [internal] Key-encryption key that wraps the key of the run; NULL once it is destroyed.
  wrapped_key     BLOB, -- [secret] Key of the run, wrapped: it seals the payload and the upload.
  is_uploaded     INTEGER NOT NULL DEFAULT FALSE CONSTRAINT import_runs_is_uploaded_form CHECK (is_uploaded IN (0, 1)), -- [public] Whether the file was uploaded and the service imports it by itself.
  is_trial        INTEGER NOT NULL DEFAULT FALSE CONSTRAINT import_runs_is_trial_form CHECK (is_trial IN (0, 1)), -- [public] Whether rows are only checked.
  rows_read       INTEGER NOT NULL DEFAULT 0, -- [public] Rows that are dealt with: where the run goes on.
  rows_created    INTEGER NOT NULL DEFAULT 0, -- [public] People made.
  rows_skipped    INTEGER NOT NULL DEFAULT 0, -- [public] Rows of people who were there already.
  rows_faulty     INTEGER NOT NULL DEFAULT 0, -- [public] Rows with problems.
  rows_undone     INTEGER NOT NULL DEFAULT 0, -- [public] People erased by undoing it.
  rows_kept       INTEGER NOT NULL DEFAULT 0, -- [public] People that undoing it left, because they changed since.
  created_at      INTEGER NOT NULL CONSTRAINT import_runs_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999), -- [internal] When it began (UTC).
  updated_at      INTEGER NOT NULL CONSTRAINT import_runs_updated_at_form CHECK (updated_at BETWEEN 0 AND 253402300799999999), -- [internal] Last batch (UTC).
  finished_at     INTEGER CONSTRAINT import_runs_finished_at_form CHECK (finished_at BETWEEN 0 AND 253402300799999999), -- [internal] When it came to its end (UTC).
  undone_at       INTEGER CONSTRAINT import_runs_undone_at_form CHECK (undone_at BETWEEN 0 AND 253402300799999999), -- [internal] When it was undone to the end (UTC).
  CONSTRAINT import_runs_pk PRIMARY KEY (id),
  CONSTRAINT import_runs_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT import_runs_actor_fk FOREIGN KEY (actor_id) REFERENCES users (id),
  CONSTRAINT import_runs_kek_fk FOREIGN KEY (kek_id) REFERENCES key_encryption_keys (id),
  CONSTRAINT import_runs_format_ck CHECK (format GLOB '[a-z]*' AND format NOT GLOB '*[^a-z0-9_]*' AND length(format) BETWEEN 2 AND 32),
  CONSTRAINT import_runs_content_ck CHECK (length(content_mac) = 32),
  CONSTRAINT import_runs_payload_ck CHECK (details_sealed = x'00' OR (substr(details_sealed, 1, 1) = x'01' AND length(details_sealed) BETWEEN 30 AND 65536)),
  CONSTRAINT import_runs_wrapped_key_ck CHECK (length(wrapped_key) = 61),
  CONSTRAINT import_runs_key_ck CHECK ((kek_id IS NULL) = (wrapped_key IS NULL)),
  CONSTRAINT import_runs_rows_ck CHECK (rows_created >= 0 AND rows_skipped >= 0 AND rows_faulty >= 0 AND rows_created + rows_skipped + rows_faulty = rows_read),
  CONSTRAINT import_runs_undone_ck CHECK (rows_undone >= 0 AND rows_kept >= 0 AND rows_undone + rows_kept <= rows_created),
  CONSTRAINT import_runs_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT import_runs_finished_ck CHECK (finished_at >= created_at),
  CONSTRAINT import_runs_undone_at_ck CHECK (undone_at >= finished_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX import_runs_actor_ix ON import_runs (actor_id, id);
CREATE INDEX import_runs_kek_ix ON import_runs (kek_id) WHERE kek_id IS NOT NULL;
CREATE INDEX import_runs_content_ix ON import_runs (content_mac);
CREATE INDEX import_runs_uploaded_ix ON import_runs (created_at, id) WHERE is_uploaded AND finished_at IS NULL;

CREATE TABLE import_chunks ( -- Pieces of an uploaded file, until it is imported.
  run_id          BLOB NOT NULL CONSTRAINT import_chunks_run_id_form CHECK (length(run_id) = 16), -- [id] Import that it belongs to.
  id              BLOB NOT NULL CONSTRAINT import_chunks_id_form CHECK (length(id) = 16), -- [id] UUIDv7; the order of the pieces.
  content_sealed  BLOB NOT NULL, -- [pii] The piece, sealed under the key of the run.
  CONSTRAINT import_chunks_pk PRIMARY KEY (run_id, id),
  CONSTRAINT import_chunks_run_fk FOREIGN KEY (run_id) REFERENCES import_runs (id),
  CONSTRAINT import_chunks_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT import_chunks_content_ck CHECK (content_sealed = x'00' OR (substr(content_sealed, 1, 1) = x'01' AND length(content_sealed) BETWEEN 30 AND 262144))
) STRICT, WITHOUT ROWID;

CREATE TABLE import_problems ( -- Rows of an uploaded file that have problems.
  run_id      BLOB NOT NULL CONSTRAINT import_problems_run_id_form CHECK (length(run_id) = 16), -- [id] Import that it belongs to.
  id          BLOB NOT NULL CONSTRAINT import_problems_id_form CHECK (length(id) = 16), -- [id] UUIDv7.
  row_number  INTEGER NOT NULL, -- [internal] Number of the row.
  row_sealed  BLOB NOT NULL, -- [pii] The row with its problems, as JSON, sealed under the key of the run.
  CONSTRAINT import_problems_pk PRIMARY KEY (run_id, id),
  CONSTRAINT import_problems_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT import_problems_row_number_uq UNIQUE (run_id, row_number),
  CONSTRAINT import_problems_run_fk FOREIGN KEY (run_id) REFERENCES import_runs (id),
  CONSTRAINT import_problems_row_number_ck CHECK (row_number > 0),
  CONSTRAINT import_problems_row_ck CHECK (row_sealed = x'00' OR (substr(row_sealed, 1, 1) = x'01' AND length(row_sealed) BETWEEN 30 AND 262144))
) STRICT, WITHOUT ROWID;

INSERT INTO user_status_transitions (id, from_status, to_status, action, description) VALUES
  (x'0000000000007000800300000000000e', NULL, 'suspended', 'import_suspended', 'Somebody comes from another system, where they were locked.'),
  (x'0000000000007000800300000000000f', NULL, 'deleted', 'import_deleted', 'Somebody comes from another system, where they were deleted.');

INSERT INTO permissions (id, name, description, is_system, created_at, updated_at) VALUES
  (x'00000000000070008006000000000020', 'users.import', 'Import people with their password hashes, and undo it.', TRUE, 1767225600000000, 1767225600000000),
  (x'00000000000070008006000000000021', 'users.export', 'Export people.', TRUE, 1767225600000000, 1767225600000000);

INSERT INTO jobs (id, kind, repeat_seconds, created_at, run_at) VALUES
  (x'00000000000070008009000000000009', 'imports.run', 2, 1767225600000000, 1767225600000000);
