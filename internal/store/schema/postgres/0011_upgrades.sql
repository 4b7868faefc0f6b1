-- Upgrades: the processes that serve the database, and the progress of backfills.

CREATE TABLE nodes (
  id             uuid NOT NULL,
  build          text NOT NULL,
  schema_number  bigint NOT NULL,
  started_at     timestamptz NOT NULL,
  last_seen_at   timestamptz NOT NULL,
  CONSTRAINT nodes_pk PRIMARY KEY (id),
  CONSTRAINT nodes_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT nodes_build_ck CHECK (char_length(build) BETWEEN 1 AND 128),
  CONSTRAINT nodes_schema_number_ck CHECK (schema_number > 0),
  CONSTRAINT nodes_last_seen_ck CHECK (last_seen_at >= started_at)
);
COMMENT ON TABLE nodes IS 'Processes that serve this database. A contraction waits until no older process is left.';
COMMENT ON COLUMN nodes.id IS '[id] UUIDv7, new at each start.';
COMMENT ON COLUMN nodes.build IS '[internal] Version of the program.';
COMMENT ON COLUMN nodes.schema_number IS '[internal] Newest migration that the program knows.';
COMMENT ON COLUMN nodes.started_at IS '[internal] When the process started (UTC).';
COMMENT ON COLUMN nodes.last_seen_at IS '[internal] Last heartbeat (UTC).';

CREATE TABLE schema_backfills (
  number      bigint NOT NULL,
  place       text,
  walked      bigint NOT NULL DEFAULT 0,
  changed     bigint NOT NULL DEFAULT 0,
  started_at  timestamptz NOT NULL,
  updated_at  timestamptz NOT NULL,
  CONSTRAINT schema_backfills_pk PRIMARY KEY (number),
  CONSTRAINT schema_backfills_place_ck CHECK (char_length(place) BETWEEN 1 AND 1024),
  CONSTRAINT schema_backfills_walked_ck CHECK (changed BETWEEN 0 AND walked),
  CONSTRAINT schema_backfills_updated_ck CHECK (updated_at >= started_at)
);
COMMENT ON TABLE schema_backfills IS
  'Progress of the backfill of a migration; the row is deleted when it has finished.';
COMMENT ON COLUMN schema_backfills.number IS '[internal] Number of the migration.';
COMMENT ON COLUMN schema_backfills.place IS
  '[internal] Primary key of the last row scanned, parts joined by slashes; NULL at the start.';
COMMENT ON COLUMN schema_backfills.walked IS '[internal] Rows scanned so far.';
COMMENT ON COLUMN schema_backfills.changed IS '[internal] Rows changed so far.';
COMMENT ON COLUMN schema_backfills.started_at IS '[internal] When it started (UTC).';
COMMENT ON COLUMN schema_backfills.updated_at IS '[internal] Last batch (UTC).';
