-- Upgrades: the processes that serve the database, and the progress of backfills.

CREATE TABLE nodes ( -- Processes that serve this database. A contraction waits until no older process is left.
  id             BLOB NOT NULL -- [id] UUIDv7, new at each start.
    CONSTRAINT nodes_id_form CHECK (length(id) = 16),
  build          TEXT NOT NULL, -- [internal] Version of the program.
  schema_number  INTEGER NOT NULL, -- [internal] Newest migration that the program knows.
  started_at     INTEGER NOT NULL -- [internal] When the process started (UTC).
    CONSTRAINT nodes_started_at_form CHECK (started_at BETWEEN 0 AND 253402300799999999),
  last_seen_at   INTEGER NOT NULL -- [internal] Last heartbeat (UTC).
    CONSTRAINT nodes_last_seen_at_form CHECK (last_seen_at BETWEEN 0 AND 253402300799999999),
  CONSTRAINT nodes_pk PRIMARY KEY (id),
  CONSTRAINT nodes_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT nodes_build_ck CHECK (length(build) BETWEEN 1 AND 128),
  CONSTRAINT nodes_schema_number_ck CHECK (schema_number > 0),
  CONSTRAINT nodes_last_seen_ck CHECK (last_seen_at >= started_at)
) STRICT, WITHOUT ROWID;

CREATE TABLE schema_backfills ( -- Progress of the backfill of a migration; the row is deleted when it has finished.
  number      INTEGER NOT NULL, -- [internal] Number of the migration.
  place       TEXT, -- [internal] Primary key of the last row scanned, parts joined by slashes; NULL at the start.
  walked      INTEGER NOT NULL DEFAULT 0, -- [internal] Rows scanned so far.
  changed     INTEGER NOT NULL DEFAULT 0, -- [internal] Rows changed so far.
  started_at  INTEGER NOT NULL -- [internal] When it started (UTC).
    CONSTRAINT schema_backfills_started_at_form CHECK (started_at BETWEEN 0 AND 253402300799999999),
  updated_at  INTEGER NOT NULL -- [internal] Last batch (UTC).
    CONSTRAINT schema_backfills_updated_at_form CHECK (updated_at BETWEEN 0 AND 253402300799999999),
  CONSTRAINT schema_backfills_pk PRIMARY KEY (number),
  CONSTRAINT schema_backfills_place_ck CHECK (length(place) BETWEEN 1 AND 1024),
  CONSTRAINT schema_backfills_walked_ck CHECK (changed BETWEEN 0 AND walked),
  CONSTRAINT schema_backfills_updated_ck CHECK (updated_at >= started_at)
) STRICT, WITHOUT ROWID;
