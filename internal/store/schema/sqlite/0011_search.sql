-- Search: keyed prefix tokens of sealed words, and the passes over everybody that make them.

CREATE TABLE search_builds ( -- Passes over everybody that made them searchable: the latest finished one tells since when all are.
  id           BLOB NOT NULL CONSTRAINT search_builds_id_form CHECK (length(id) = 16), -- [id] UUIDv7.
  place        BLOB CONSTRAINT search_builds_place_form CHECK (length(place) = 16), -- [id] Last user walked; NULL before the first.
  began_at     INTEGER NOT NULL CONSTRAINT search_builds_began_at_form CHECK (began_at BETWEEN 0 AND 253402300799999999), -- [internal] When it began (UTC).
  finished_at  INTEGER CONSTRAINT search_builds_finished_at_form CHECK (finished_at BETWEEN 0 AND 253402300799999999), -- [internal] When it came to its end (UTC).
  CONSTRAINT search_builds_pk PRIMARY KEY (id),
  CONSTRAINT search_builds_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT search_builds_finished_ck CHECK (finished_at >= began_at)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX search_builds_one_running_uq ON search_builds ((finished_at IS NULL)) WHERE finished_at IS NULL;

-- Where nobody is yet, everybody is searchable.
INSERT INTO search_builds (id, began_at, finished_at)
  SELECT x'00000000000070008010000000000001', 1767225600000000, 1767225600000000
   WHERE NOT EXISTS (SELECT 1 FROM users WHERE id > x'000000000000700080000000000000ff');

CREATE TABLE search_tokens ( -- What a search finds people by: keyed prefixes of the words of their names and addresses, and declared attributes.
  token    BLOB NOT NULL, -- [pii] HMAC of a prefix, a pair of them, a mail domain or an attribute's value, cut to 128 bits.
  user_id  BLOB NOT NULL CONSTRAINT search_tokens_user_id_form CHECK (length(user_id) = 16), -- [id] Whom it finds.
  CONSTRAINT search_tokens_pk PRIMARY KEY (token, user_id),
  CONSTRAINT search_tokens_token_ck CHECK (length(token) = 16),
  CONSTRAINT search_tokens_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT search_tokens_user_ck CHECK (user_id > x'000000000000700080000000000000ff')
) STRICT, WITHOUT ROWID;
CREATE INDEX search_tokens_user_ix ON search_tokens (user_id);

CREATE TABLE attribute_definitions_anew ( -- Declared custom attributes of profiles.
  id           BLOB NOT NULL CONSTRAINT attribute_definitions_id_form CHECK (length(id) = 16), -- [id] UUIDv7.
  name         TEXT NOT NULL, -- [public] Key of the attribute in a profile.
  description  TEXT NOT NULL, -- [public] Meaning, for people.
  value_type   TEXT NOT NULL, -- [public] JSON type of its values: string, number or boolean.
  created_at   INTEGER NOT NULL CONSTRAINT attribute_definitions_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999), -- [internal] When the row was made (UTC).
  updated_at   INTEGER NOT NULL CONSTRAINT attribute_definitions_updated_at_form CHECK (updated_at BETWEEN 0 AND 253402300799999999), -- [internal] Last change (UTC).
  version      INTEGER NOT NULL DEFAULT 1, -- [internal] Row revision: grows by one with each change; the ETag.
  is_searchable INTEGER NOT NULL DEFAULT FALSE CONSTRAINT attribute_definitions_is_searchable_form CHECK (is_searchable IN (0, 1)), -- [public] Whether people can be found by its exact value; decided when it is declared.
  CONSTRAINT attribute_definitions_pk PRIMARY KEY (id),
  CONSTRAINT attribute_definitions_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT attribute_definitions_name_uq UNIQUE (name),
  CONSTRAINT attribute_definitions_name_ck CHECK (name GLOB '[a-z]*' AND name NOT GLOB '*[^a-z0-9_]*' AND length(name) <= 63),
  CONSTRAINT attribute_definitions_description_ck CHECK (length(description) BETWEEN 1 AND 1024),
  CONSTRAINT attribute_definitions_value_type_ck CHECK (value_type IN ('string', 'number', 'boolean')),
  CONSTRAINT attribute_definitions_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT attribute_definitions_version_ck CHECK (version > 0)
) STRICT, WITHOUT ROWID;
INSERT INTO attribute_definitions_anew (id, name, description, value_type, created_at, updated_at, version)
  SELECT id, name, description, value_type, created_at, updated_at, version FROM attribute_definitions;
DROP TABLE attribute_definitions;
ALTER TABLE attribute_definitions_anew RENAME TO attribute_definitions;
CREATE TRIGGER attribute_definitions_guard_version BEFORE UPDATE ON attribute_definitions BEGIN
  SELECT RAISE(ABORT, 'attribute_definitions_version_step: version must grow by one') WHERE NEW.version <> OLD.version + 1;
  SELECT RAISE(ABORT, 'attribute_definitions_created_fixed: created_at cannot change') WHERE NEW.created_at <> OLD.created_at;
END;

INSERT INTO settings (id, name, description, value, created_at, updated_at) VALUES
  (x'00000000000070008008000000000009', 'search.mode', 'Whether people can be searched by name, address and attribute: on or off. Off deletes what a search goes by.', '"on"', 1767225600000000, 1767225600000000);

INSERT INTO jobs (id, kind, repeat_seconds, created_at, run_at) VALUES
  (x'00000000000070008009000000000009', 'search.build', 10, 1767225600000000, 1767225600000000);
