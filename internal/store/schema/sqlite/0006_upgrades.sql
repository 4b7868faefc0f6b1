-- Upgrades: which nodes run, and how far a backfill has come.

CREATE TABLE nodes ( -- Processes that serve this database: what would break an older one waits until none is left.
  id             BLOB NOT NULL CONSTRAINT nodes_id_form CHECK (length(id) = 16), -- [id] UUIDv7, new at each start.
  build          TEXT NOT NULL, -- [internal] Version of its program.
  schema_number  INTEGER NOT NULL, -- [internal] Newest migration that its program knows.
  started_at     INTEGER NOT NULL CONSTRAINT nodes_started_at_form CHECK (started_at BETWEEN 0 AND 253402300799999999), -- [internal] When it started (UTC).
  last_seen_at   INTEGER NOT NULL CONSTRAINT nodes_last_seen_at_form CHECK (last_seen_at BETWEEN 0 AND 253402300799999999), -- [internal] Last heartbeat (UTC).
  CONSTRAINT nodes_pk PRIMARY KEY (id),
  CONSTRAINT nodes_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT nodes_build_ck CHECK (length(build) BETWEEN 1 AND 128),
  CONSTRAINT nodes_schema_number_ck CHECK (schema_number > 0),
  CONSTRAINT nodes_last_seen_ck CHECK (last_seen_at >= started_at)
) STRICT, WITHOUT ROWID;

CREATE TABLE schema_backfills ( -- How far the backfill of a migration has come; the row goes when it has come to the end.
  number      INTEGER NOT NULL, -- [internal] Number of the migration.
  place       TEXT, -- [internal] Primary key of the last row walked, its parts joined by slashes; NULL before the first.
  walked      INTEGER NOT NULL DEFAULT 0, -- [internal] Rows walked so far.
  changed     INTEGER NOT NULL DEFAULT 0, -- [internal] Rows changed so far.
  started_at  INTEGER NOT NULL CONSTRAINT schema_backfills_started_at_form CHECK (started_at BETWEEN 0 AND 253402300799999999), -- [internal] When it began (UTC).
  updated_at  INTEGER NOT NULL CONSTRAINT schema_backfills_updated_at_form CHECK (updated_at BETWEEN 0 AND 253402300799999999), -- [internal] Last batch (UTC).
  CONSTRAINT schema_backfills_pk PRIMARY KEY (number),
  CONSTRAINT schema_backfills_place_ck CHECK (length(place) BETWEEN 1 AND 1024),
  CONSTRAINT schema_backfills_walked_ck CHECK (changed BETWEEN 0 AND walked),
  CONSTRAINT schema_backfills_updated_ck CHECK (updated_at >= started_at)
) STRICT, WITHOUT ROWID;

INSERT INTO jobs (id, kind, repeat_seconds, created_at, run_at) VALUES
  (x'00000000000070008009000000000008', 'schema.backfill', 10, 1767225600000000, 1767225600000000);
