-- Imports: runs that can go on after a kill and be undone.

CREATE TABLE import_runs ( -- Imports of people: what was read and made, and how far it has come.
  id              BLOB NOT NULL CONSTRAINT import_runs_id_form CHECK (length(id) = 16), -- [id] UUIDv7; the events of the people it made have it as their request.
  actor_id        BLOB NOT NULL CONSTRAINT import_runs_actor_id_form CHECK (length(actor_id) = 16), -- [id] Who imported.
  format          TEXT NOT NULL, -- [public] Format of the file.
  content_mac     BLOB NOT NULL, -- [internal] Keyed hash of the file: the same one is not imported twice.
  details_sealed  BLOB NOT NULL, -- [pii] Name of the file and how its columns were taken, sealed under the key of the run.
  kek_id          BLOB CONSTRAINT import_runs_kek_id_form CHECK (length(kek_id) = 16), -- [internal] Key-encryption key that wraps the key of the run; NULL once it is destroyed.
  wrapped_key     BLOB, -- [secret] Key of the run, wrapped: it seals the details.
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
  CONSTRAINT import_runs_details_ck CHECK (details_sealed = x'00' OR (substr(details_sealed, 1, 1) = x'01' AND length(details_sealed) BETWEEN 30 AND 65536)),
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

INSERT INTO user_status_transitions (id, from_status, to_status, action, description) VALUES
  (x'0000000000007000800300000000000e', NULL, 'suspended', 'import_suspended', 'Somebody comes from another system, where they were locked.'),
  (x'0000000000007000800300000000000f', NULL, 'deleted', 'import_deleted', 'Somebody comes from another system, where they were deleted.');

INSERT INTO permissions (id, name, description, is_system, created_at, updated_at) VALUES
  (x'00000000000070008006000000000020', 'users.import', 'Import people with their password hashes, and undo it.', TRUE, 1767225600000000, 1767225600000000),
  (x'00000000000070008006000000000021', 'users.export', 'Export people.', TRUE, 1767225600000000, 1767225600000000);
