-- Search index: keyed prefix tokens of encrypted words, and the scans of all users that build it.

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
COMMENT ON TABLE search_builds IS
  'Scans that build the search index of all users. The latest finished one completed it.';
COMMENT ON COLUMN search_builds.id IS '[id] UUIDv7.';
COMMENT ON COLUMN search_builds.place IS '[id] Last user scanned; NULL at the start.';
COMMENT ON COLUMN search_builds.began_at IS '[internal] When it started (UTC).';
COMMENT ON COLUMN search_builds.finished_at IS '[internal] When it finished (UTC).';

CREATE TABLE search_tokens (
  token    bytea NOT NULL,
  user_id  uuid NOT NULL,
  CONSTRAINT search_tokens_pk PRIMARY KEY (token, user_id),
  CONSTRAINT search_tokens_token_ck CHECK (octet_length(token) = 16),
  CONSTRAINT search_tokens_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT search_tokens_user_ck CHECK (user_id > '00000000-0000-7000-8000-0000000000ff')
);
CREATE INDEX search_tokens_user_ix ON search_tokens (user_id);
COMMENT ON TABLE search_tokens IS 'Search index: keyed prefixes of words in names and addresses, and attribute values.';
COMMENT ON COLUMN search_tokens.token IS
  '[pii] HMAC of a prefix, two prefixes, a mail domain or an attribute value, cut to 128 bits.';
COMMENT ON COLUMN search_tokens.user_id IS '[id] User that the token finds.';
