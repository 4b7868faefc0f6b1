-- Credentials: password hashes, links for the first administrator, and throttles against guessing.

CREATE FUNCTION phc_salt(hash text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE
    WHEN hash LIKE '$2_$%' THEN substr(hash, 8, 22)
    WHEN hash LIKE '$argon2%' THEN split_part(hash, '$', 5)
    ELSE split_part(hash, '$', 4)
  END
$$;
COMMENT ON FUNCTION phc_salt(text) IS
  'Salt in a password hash, extracted by scheme (PHC string format; bcrypt: the first 22 characters).';

CREATE TABLE credentials (
  user_id         uuid NOT NULL,
  hash            text NOT NULL,
  salt            text NOT NULL GENERATED ALWAYS AS (phc_salt(hash)) STORED,
  last_reset      timestamptz NOT NULL,
  must_change     boolean NOT NULL DEFAULT FALSE,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL,
  version         bigint NOT NULL DEFAULT 1,
  schema_version  bigint NOT NULL DEFAULT 1,
  CONSTRAINT credentials_pk PRIMARY KEY (user_id),
  CONSTRAINT credentials_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT credentials_user_ck CHECK (user_id > '00000000-0000-7000-8000-0000000000ff'),
  CONSTRAINT credentials_hash_ck CHECK (
    hash ~ '^[$]argon2(id|i|d)[$]v=19[$]m=[1-9][0-9]{0,6},t=[1-9][0-9]{0,2},p=[1-9][0-9]{0,2}'
      '[$][A-Za-z0-9+/]{11,86}[$][A-Za-z0-9+/]{22,172}$'
    OR hash ~ '^[$]argon2id-over[$]v=19[$]m=[1-9][0-9]{0,6},t=[1-9][0-9]{0,2},p=[1-9][0-9]{0,2}'
      '[$][A-Za-z0-9+/]{22,86}[$][A-Za-z0-9+/]{43,172}[$][a-z0-9-]{1,16}([$][A-Za-z0-9+/.,=-]{0,200}){1,3}'
      '[$][1-9][0-9]{0,2}$'
    OR hash ~ '^[$]2[aby][$][0-9]{2}[$][A-Za-z0-9./]{53}$'
    OR hash ~ '^[$](scrypt|pbkdf2|pbkdf2-sha256|pbkdf2-sha512)[$][a-z0-9=,]+[$][A-Za-z0-9+/.]{11,86}'
      '[$][A-Za-z0-9+/.]{22,172}$'
    OR hash ~ '^[$]5[$]rounds=[1-9][0-9]{3,8}[$][A-Za-z0-9./]{11,16}[$][A-Za-z0-9./]{43}$'
    OR hash ~ '^[$]6[$]rounds=[1-9][0-9]{3,8}[$][A-Za-z0-9./]{11,16}[$][A-Za-z0-9./]{86}$'
    OR hash ~ '^[$]fbscrypt[$]v=1,n=[1-9][0-9]?,r=[1-9][0-9]?,p=1,ss=[A-Za-z0-9+/]{0,22},sk=[A-Za-z0-9+/]{43,86}'
      '[$][A-Za-z0-9+/]{11,86}[$][A-Za-z0-9+/]{43,86}$'),
  CONSTRAINT credentials_salt_uq UNIQUE (salt),
  CONSTRAINT credentials_salt_ck CHECK (char_length(salt) >= 11),
  CONSTRAINT credentials_last_reset_ck CHECK (last_reset >= created_at),
  CONSTRAINT credentials_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT credentials_version_ck CHECK (version > 0 AND schema_version > 0)
);
COMMENT ON TABLE credentials IS 'Password hashes, separate from identity. A user without a password has no row.';
COMMENT ON COLUMN credentials.user_id IS '[id] Owner.';
COMMENT ON COLUMN credentials.hash IS
  '[secret] PHC or crypt string with salt; for a weak scheme Argon2id of its digest.';
COMMENT ON COLUMN credentials.salt IS '[secret] Salt, extracted from the hash by the database; unique over all rows.';
COMMENT ON COLUMN credentials.last_reset IS '[internal] When the password was last set (UTC).';
COMMENT ON COLUMN credentials.must_change IS '[internal] Whether the password must be changed at the next sign-in.';
COMMENT ON COLUMN credentials.created_at IS '[internal] When the row was created (UTC).';
COMMENT ON COLUMN credentials.updated_at IS '[internal] When the row was last changed (UTC).';
COMMENT ON COLUMN credentials.version IS '[internal] Row version: increases by one per change; the ETag.';
COMMENT ON COLUMN credentials.schema_version IS '[internal] Version of the hashing policy.';

CREATE TRIGGER credentials_guard_version BEFORE UPDATE ON credentials FOR EACH ROW EXECUTE FUNCTION guard_version();

CREATE TABLE setup_links (
  id          uuid NOT NULL,
  token_hash  bytea NOT NULL,
  created_at  timestamptz NOT NULL,
  expires_at  timestamptz NOT NULL,
  used_at     timestamptz,
  CONSTRAINT setup_links_pk PRIMARY KEY (id),
  CONSTRAINT setup_links_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT setup_links_token_hash_uq UNIQUE (token_hash),
  CONSTRAINT setup_links_token_hash_ck CHECK (octet_length(token_hash) = 32),
  CONSTRAINT setup_links_life_ck CHECK (expires_at > created_at AND expires_at <= created_at + interval '1 day'),
  CONSTRAINT setup_links_used_ck CHECK (used_at >= created_at)
);
COMMENT ON TABLE setup_links IS 'One-time links that create the first administrator.';
COMMENT ON COLUMN setup_links.id IS '[id] UUIDv7.';
COMMENT ON COLUMN setup_links.token_hash IS '[secret] SHA-256 of the token in the link.';
COMMENT ON COLUMN setup_links.created_at IS '[internal] When the row was created (UTC).';
COMMENT ON COLUMN setup_links.expires_at IS '[internal] Expiry (UTC).';
COMMENT ON COLUMN setup_links.used_at IS '[internal] When the link was used (UTC).';

CREATE TABLE sign_in_throttles (
  key_hash           bytea NOT NULL,
  failures           bigint NOT NULL,
  window_started_at  timestamptz NOT NULL,
  blocked_until      timestamptz,
  expires_at         timestamptz NOT NULL,
  CONSTRAINT sign_in_throttles_pk PRIMARY KEY (key_hash),
  CONSTRAINT sign_in_throttles_key_hash_ck CHECK (octet_length(key_hash) = 32),
  CONSTRAINT sign_in_throttles_failures_ck CHECK (failures >= 0),
  CONSTRAINT sign_in_throttles_expires_ck CHECK (expires_at >= window_started_at)
);
CREATE INDEX sign_in_throttles_expires_ix ON sign_in_throttles (expires_at);
COMMENT ON TABLE sign_in_throttles IS
  'Failed sign-in attempts per identifier and address prefix, to slow down guessing.';
COMMENT ON COLUMN sign_in_throttles.key_hash IS
  '[pii] Keyed hash of the identifier or of the address prefix, 32 bytes.';
COMMENT ON COLUMN sign_in_throttles.failures IS '[internal] Failed attempts in the window.';
COMMENT ON COLUMN sign_in_throttles.window_started_at IS '[internal] Start of the window (UTC).';
COMMENT ON COLUMN sign_in_throttles.blocked_until IS '[internal] Attempts are refused until this time (UTC).';
COMMENT ON COLUMN sign_in_throttles.expires_at IS '[internal] When the row expires (UTC).';
