-- Search index: keyed prefix tokens of encrypted words, and the scans of all users that build it.

CREATE TABLE search_builds ( -- Scans that build the search index of all users. The latest finished one completed it.
  id           BLOB NOT NULL -- [id] UUIDv7.
    CONSTRAINT search_builds_id_form CHECK (length(id) = 16),
  place        BLOB -- [id] Last user scanned; NULL at the start.
    CONSTRAINT search_builds_place_form CHECK (length(place) = 16),
  began_at     INTEGER NOT NULL -- [internal] When it started (UTC).
    CONSTRAINT search_builds_began_at_form CHECK (began_at BETWEEN 0 AND 253402300799999999),
  finished_at  INTEGER -- [internal] When it finished (UTC).
    CONSTRAINT search_builds_finished_at_form CHECK (finished_at BETWEEN 0 AND 253402300799999999),
  CONSTRAINT search_builds_pk PRIMARY KEY (id),
  CONSTRAINT search_builds_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT search_builds_finished_ck CHECK (finished_at >= began_at)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX search_builds_one_running_uq ON search_builds ((finished_at IS NULL)) WHERE finished_at IS NULL;

CREATE TABLE search_tokens ( -- Search index: keyed prefixes of words in names and addresses, and attribute values.
  token    BLOB NOT NULL, -- [pii] HMAC of a prefix, two prefixes, a mail domain or an attribute value, cut to 128 bits.
  user_id  BLOB NOT NULL -- [id] User that the token finds.
    CONSTRAINT search_tokens_user_id_form CHECK (length(user_id) = 16),
  CONSTRAINT search_tokens_pk PRIMARY KEY (token, user_id),
  CONSTRAINT search_tokens_token_ck CHECK (length(token) = 16),
  CONSTRAINT search_tokens_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT search_tokens_user_ck CHECK (user_id > x'000000000000700080000000000000ff')
) STRICT, WITHOUT ROWID;
CREATE INDEX search_tokens_user_ix ON search_tokens (user_id);
