-- Imports: runs that can go on after a kill and be undone.

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
  CONSTRAINT import_runs_details_ck CHECK (details_sealed = '\x00' OR (get_byte(details_sealed, 0) = 1 AND octet_length(details_sealed) BETWEEN 30 AND 65536)),
  CONSTRAINT import_runs_wrapped_key_ck CHECK (octet_length(wrapped_key) = 61),
  CONSTRAINT import_runs_key_ck CHECK ((kek_id IS NULL) = (wrapped_key IS NULL)),
  CONSTRAINT import_runs_rows_ck CHECK (rows_created >= 0 AND rows_skipped >= 0 AND rows_faulty >= 0 AND rows_created + rows_skipped + rows_faulty = rows_read),
  CONSTRAINT import_runs_undone_ck CHECK (rows_undone >= 0 AND rows_kept >= 0 AND rows_undone + rows_kept <= rows_created),
  CONSTRAINT import_runs_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT import_runs_finished_ck CHECK (finished_at >= created_at),
  CONSTRAINT import_runs_undone_at_ck CHECK (undone_at >= finished_at)
);
CREATE INDEX import_runs_actor_ix ON import_runs (actor_id, id);
CREATE INDEX import_runs_kek_ix ON import_runs (kek_id) WHERE kek_id IS NOT NULL;
CREATE INDEX import_runs_content_ix ON import_runs (content_mac);
COMMENT ON TABLE import_runs IS 'Imports of people: what was read and made, and how far it has come.';
COMMENT ON COLUMN import_runs.id IS '[id] UUIDv7; the events of the people it made have it as their request.';
COMMENT ON COLUMN import_runs.actor_id IS '[id] Who imported.';
COMMENT ON COLUMN import_runs.format IS '[public] Format of the file.';
COMMENT ON COLUMN import_runs.content_mac IS '[internal] Keyed hash of the file: the same one is not imported twice.';
COMMENT ON COLUMN import_runs.details_sealed IS '[pii] Name of the file and how its columns were taken, sealed under the key of the run.';
COMMENT ON COLUMN import_runs.kek_id IS '[internal] Key-encryption key that wraps the key of the run; NULL once it is destroyed.';
COMMENT ON COLUMN import_runs.wrapped_key IS '[secret] Key of the run, wrapped: it seals the details.';
COMMENT ON COLUMN import_runs.rows_read IS '[public] Rows that are dealt with: where the run goes on.';
COMMENT ON COLUMN import_runs.rows_created IS '[public] People made.';
COMMENT ON COLUMN import_runs.rows_skipped IS '[public] Rows of people who were there already.';
COMMENT ON COLUMN import_runs.rows_faulty IS '[public] Rows with problems.';
COMMENT ON COLUMN import_runs.rows_undone IS '[public] People erased by undoing it.';
COMMENT ON COLUMN import_runs.rows_kept IS '[public] People that undoing it left, because they changed since.';
COMMENT ON COLUMN import_runs.created_at IS '[internal] When it began (UTC).';
COMMENT ON COLUMN import_runs.updated_at IS '[internal] Last batch (UTC).';
COMMENT ON COLUMN import_runs.finished_at IS '[internal] When it came to its end (UTC).';
COMMENT ON COLUMN import_runs.undone_at IS '[internal] When it was undone to the end (UTC).';

INSERT INTO user_status_transitions (id, from_status, to_status, action, description) VALUES
  ('00000000-0000-7000-8003-00000000000e', NULL, 'suspended', 'import_suspended', 'Somebody comes from another system, where they were locked.'),
  ('00000000-0000-7000-8003-00000000000f', NULL, 'deleted', 'import_deleted', 'Somebody comes from another system, where they were deleted.');

INSERT INTO permissions (id, name, description, is_system, created_at, updated_at) VALUES
  ('00000000-0000-7000-8006-000000000020', 'users.import', 'Import people with their password hashes, and undo it.', TRUE, '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'),
  ('00000000-0000-7000-8006-000000000021', 'users.export', 'Export people.', TRUE, '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z');
