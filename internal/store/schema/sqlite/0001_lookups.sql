-- Lookup tables. Other tables refer to their rows by code, and flags in the rows control behaviour.
-- In all tables: ids are BLOBs of 16 bytes, times are INTEGERs (microseconds since 1970, UTC), booleans are 0 or 1.
-- A CHECK named TABLE_COLUMN_form does what the type of the column does on PostgreSQL.

CREATE TABLE user_kinds ( -- Lookup: kinds of users. Flags describe behaviour, so that code does not test names.
  id                 BLOB NOT NULL -- [id] UUIDv7.
    CONSTRAINT user_kinds_id_form CHECK (length(id) = 16),
  code               TEXT NOT NULL, -- [public] Name that other tables reference.
  description        TEXT NOT NULL, -- [public] Description for readers.
  can_sign_in        INTEGER NOT NULL -- [public] Whether users of this kind can have credentials and sessions.
    CONSTRAINT user_kinds_can_sign_in_form CHECK (can_sign_in IN (0, 1)),
  can_hold_api_keys  INTEGER NOT NULL -- [public] Whether users of this kind can have API keys.
    CONSTRAINT user_kinds_can_hold_api_keys_form CHECK (can_hold_api_keys IN (0, 1)),
  is_listed          INTEGER NOT NULL -- [public] Whether lists of users include this kind by default.
    CONSTRAINT user_kinds_is_listed_form CHECK (is_listed IN (0, 1)),
  CONSTRAINT user_kinds_pk PRIMARY KEY (id),
  CONSTRAINT user_kinds_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT user_kinds_code_uq UNIQUE (code),
  CONSTRAINT user_kinds_code_ck CHECK (code GLOB '[a-z]*' AND code NOT GLOB '*[^a-z_]*'
    AND length(code) BETWEEN 2 AND 32),
  CONSTRAINT user_kinds_description_ck CHECK (length(description) BETWEEN 1 AND 1024)
) STRICT, WITHOUT ROWID;

CREATE TABLE user_statuses ( -- Lookup: statuses of users. Flags describe behaviour, so that code does not test names.
  id           BLOB NOT NULL -- [id] UUIDv7.
    CONSTRAINT user_statuses_id_form CHECK (length(id) = 16),
  code         TEXT NOT NULL, -- [public] Name that other tables reference.
  description  TEXT NOT NULL, -- [public] Description for readers.
  can_sign_in  INTEGER NOT NULL -- [public] Whether a user with this status can have a session.
    CONSTRAINT user_statuses_can_sign_in_form CHECK (can_sign_in IN (0, 1)),
  is_deleted   INTEGER NOT NULL -- [public] Whether a user with this status is soft-deleted.
    CONSTRAINT user_statuses_is_deleted_form CHECK (is_deleted IN (0, 1)),
  is_erased    INTEGER NOT NULL -- [public] Whether this status is final: personal data is destroyed.
    CONSTRAINT user_statuses_is_erased_form CHECK (is_erased IN (0, 1)),
  CONSTRAINT user_statuses_pk PRIMARY KEY (id),
  CONSTRAINT user_statuses_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT user_statuses_code_uq UNIQUE (code),
  CONSTRAINT user_statuses_code_ck CHECK (code GLOB '[a-z]*' AND code NOT GLOB '*[^a-z_]*'
    AND length(code) BETWEEN 2 AND 32),
  CONSTRAINT user_statuses_description_ck CHECK (length(description) BETWEEN 1 AND 1024),
  CONSTRAINT user_statuses_deleted_ck CHECK (NOT (is_deleted AND can_sign_in)),
  CONSTRAINT user_statuses_erased_ck CHECK (is_deleted OR NOT is_erased)
) STRICT, WITHOUT ROWID;

CREATE TABLE user_status_transitions ( -- Lookup: allowed status transitions with their actions. Others are refused.
  id           BLOB NOT NULL -- [id] UUIDv7.
    CONSTRAINT user_status_transitions_id_form CHECK (length(id) = 16),
  from_status  TEXT, -- [public] Status before the transition; NULL for a new user.
  to_status    TEXT NOT NULL, -- [public] Status after the transition.
  action       TEXT NOT NULL, -- [public] Requested action, such as create, sign_up, activate, suspend, delete or erase.
  description  TEXT NOT NULL, -- [public] When this transition happens.
  CONSTRAINT user_status_transitions_pk PRIMARY KEY (id),
  CONSTRAINT user_status_transitions_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT user_status_transitions_from_fk FOREIGN KEY (from_status) REFERENCES user_statuses (code),
  CONSTRAINT user_status_transitions_to_fk FOREIGN KEY (to_status) REFERENCES user_statuses (code),
  CONSTRAINT user_status_transitions_differ_ck CHECK (from_status <> to_status),
  CONSTRAINT user_status_transitions_action_ck CHECK (action GLOB '[a-z]*' AND action NOT GLOB '*[^a-z_]*'
    AND length(action) BETWEEN 2 AND 32)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX user_status_transitions_from_ix ON user_status_transitions (from_status, action, to_status);
CREATE UNIQUE INDEX user_status_transitions_initial_uq ON user_status_transitions (action) WHERE from_status IS NULL;
CREATE INDEX user_status_transitions_to_ix ON user_status_transitions (to_status);

CREATE TABLE contact_kinds ( -- Lookup: kinds of contact.
  id           BLOB NOT NULL -- [id] UUIDv7.
    CONSTRAINT contact_kinds_id_form CHECK (length(id) = 16),
  code         TEXT NOT NULL, -- [public] Name that other tables reference.
  description  TEXT NOT NULL, -- [public] Description for readers.
  CONSTRAINT contact_kinds_pk PRIMARY KEY (id),
  CONSTRAINT contact_kinds_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT contact_kinds_code_uq UNIQUE (code),
  CONSTRAINT contact_kinds_code_ck CHECK (code GLOB '[a-z]*' AND code NOT GLOB '*[^a-z_]*'
    AND length(code) BETWEEN 2 AND 32),
  CONSTRAINT contact_kinds_description_ck CHECK (length(description) BETWEEN 1 AND 1024)
) STRICT, WITHOUT ROWID;

CREATE TABLE session_methods ( -- Lookup: how a session was created.
  id           BLOB NOT NULL -- [id] UUIDv7.
    CONSTRAINT session_methods_id_form CHECK (length(id) = 16),
  code         TEXT NOT NULL, -- [public] Name that other tables reference.
  description  TEXT NOT NULL, -- [public] Description for readers.
  CONSTRAINT session_methods_pk PRIMARY KEY (id),
  CONSTRAINT session_methods_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT session_methods_code_uq UNIQUE (code),
  CONSTRAINT session_methods_code_ck CHECK (code GLOB '[a-z]*' AND code NOT GLOB '*[^a-z_]*'
    AND length(code) BETWEEN 2 AND 32),
  CONSTRAINT session_methods_description_ck CHECK (length(description) BETWEEN 1 AND 1024)
) STRICT, WITHOUT ROWID;

CREATE TABLE session_end_reasons ( -- Lookup: why a session ended before its expiry.
  id           BLOB NOT NULL -- [id] UUIDv7.
    CONSTRAINT session_end_reasons_id_form CHECK (length(id) = 16),
  code         TEXT NOT NULL, -- [public] Name that other tables reference.
  description  TEXT NOT NULL, -- [public] Description for readers.
  CONSTRAINT session_end_reasons_pk PRIMARY KEY (id),
  CONSTRAINT session_end_reasons_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT session_end_reasons_code_uq UNIQUE (code),
  CONSTRAINT session_end_reasons_code_ck CHECK (code GLOB '[a-z]*' AND code NOT GLOB '*[^a-z_]*'
    AND length(code) BETWEEN 2 AND 32),
  CONSTRAINT session_end_reasons_description_ck CHECK (length(description) BETWEEN 1 AND 1024)
) STRICT, WITHOUT ROWID;

CREATE TABLE countries ( -- Countries and their tax rates. A rate is stored once, in one row (third normal form).
  id            BLOB NOT NULL -- [id] UUIDv7.
    CONSTRAINT countries_id_form CHECK (length(id) = 16),
  code          TEXT NOT NULL, -- [public] ISO 3166-1 alpha-2 code; other tables reference it.
  name          TEXT NOT NULL, -- [public] Short name in English.
  tax_rate_ppm  INTEGER NOT NULL DEFAULT 0, -- [public] Standard tax rate in parts per million: 190000 is 19 %.
  created_at    INTEGER NOT NULL -- [internal] When the row was created (UTC).
    CONSTRAINT countries_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999),
  updated_at    INTEGER NOT NULL -- [internal] When the row was last changed (UTC).
    CONSTRAINT countries_updated_at_form CHECK (updated_at BETWEEN 0 AND 253402300799999999),
  version       INTEGER NOT NULL DEFAULT 1, -- [internal] Row version: increases by one per change; the ETag.
  CONSTRAINT countries_pk PRIMARY KEY (id),
  CONSTRAINT countries_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT countries_code_uq UNIQUE (code),
  CONSTRAINT countries_name_uq UNIQUE (name),
  CONSTRAINT countries_code_ck CHECK (code GLOB '[A-Z][A-Z]'),
  CONSTRAINT countries_name_ck CHECK (length(name) BETWEEN 1 AND 128),
  CONSTRAINT countries_tax_rate_ck CHECK (tax_rate_ppm BETWEEN 0 AND 1000000),
  CONSTRAINT countries_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT countries_version_ck CHECK (version > 0)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER countries_guard_version BEFORE UPDATE ON countries BEGIN
  SELECT RAISE(ABORT, 'countries_version_step: version must increase by one') WHERE NEW.version <> OLD.version + 1;
  SELECT RAISE(ABORT, 'countries_created_fixed: created_at cannot change') WHERE NEW.created_at <> OLD.created_at;
END;
