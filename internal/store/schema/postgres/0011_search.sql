-- Search: keyed prefix tokens of sealed words, and the passes over everybody that make them.

CREATE TABLE search_builds (
  id           uuid NOT NULL,
  place        uuid,
  began_at     timestamptz NOT NULL,
  finished_at  timestamptz,
  CONSTRAINT search_builds_pk PRIMARY KEY (id),
  CONSTRAINT search_builds_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT search_builds_finished_ck CHECK (finished_at >= began_at)
);
CREATE UNIQUE INDEX search_builds_one_running_uq ON search_builds ((finished_at IS NULL)) WHERE finished_at IS NULL;
COMMENT ON TABLE search_builds IS 'Passes over everybody that made them searchable: the latest finished one tells since when all are.';
COMMENT ON COLUMN search_builds.id IS '[id] UUIDv7.';
COMMENT ON COLUMN search_builds.place IS '[id] Last user walked; NULL before the first.';
COMMENT ON COLUMN search_builds.began_at IS '[internal] When it began (UTC).';
COMMENT ON COLUMN search_builds.finished_at IS '[internal] When it came to its end (UTC).';

-- Where nobody is yet, everybody is searchable.
INSERT INTO search_builds (id, began_at, finished_at)
  SELECT '00000000-0000-7000-8010-000000000001', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'
   WHERE NOT EXISTS (SELECT 1 FROM users WHERE id > '00000000-0000-7000-8000-0000000000ff');

CREATE TABLE search_tokens (
  token    bytea NOT NULL,
  user_id  uuid NOT NULL,
  CONSTRAINT search_tokens_pk PRIMARY KEY (token, user_id),
  CONSTRAINT search_tokens_token_ck CHECK (octet_length(token) = 16),
  CONSTRAINT search_tokens_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT search_tokens_user_ck CHECK (user_id > '00000000-0000-7000-8000-0000000000ff')
);
CREATE INDEX search_tokens_user_ix ON search_tokens (user_id);
COMMENT ON TABLE search_tokens IS 'What a search finds people by: keyed prefixes of the words of their names and addresses, and declared attributes.';
COMMENT ON COLUMN search_tokens.token IS '[pii] HMAC of a prefix, a pair of them, a mail domain or an attribute''s value, cut to 128 bits.';
COMMENT ON COLUMN search_tokens.user_id IS '[id] Whom it finds.';

ALTER TABLE attribute_definitions ADD COLUMN is_searchable boolean NOT NULL DEFAULT FALSE;
COMMENT ON COLUMN attribute_definitions.is_searchable IS '[public] Whether people can be found by its exact value; decided when it is declared.';

INSERT INTO settings (id, name, description, value, created_at, updated_at) VALUES
  ('00000000-0000-7000-8008-000000000009', 'search.mode', 'Whether people can be searched by name, address and attribute: on or off. Off deletes what a search goes by.', '"on"', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z');

INSERT INTO jobs (id, kind, repeat_seconds, created_at, run_at) VALUES
  ('00000000-0000-7000-8009-000000000009', 'search.build', 10, '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z');
