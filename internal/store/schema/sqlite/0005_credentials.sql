-- Credentials: password hashes, links for the first administrator, and throttles against guessing.

CREATE TABLE credentials ( -- Password hashes, separate from identity. A user without a password has no row.
  user_id         BLOB NOT NULL -- [id] Owner.
    CONSTRAINT credentials_user_id_form CHECK (length(user_id) = 16),
  hash            TEXT NOT NULL, -- [secret] PHC or crypt string with salt; for a weak scheme Argon2id of its digest.
  salt            TEXT NOT NULL GENERATED ALWAYS AS (CASE
      WHEN hash GLOB '$2[aby]$*' THEN substr(hash, 8, 22)
      WHEN hash GLOB '$argon2*' THEN substr(
        substr(hash, instr(hash, ',p=') + 3),
        instr(substr(hash, instr(hash, ',p=') + 3), '$') + 1,
        instr(substr(
          substr(hash, instr(hash, ',p=') + 3),
          instr(substr(hash, instr(hash, ',p=') + 3), '$') + 1), '$') - 1)
      ELSE substr(
        substr(substr(hash, 2), instr(substr(hash, 2), '$') + 1),
        instr(substr(substr(hash, 2), instr(substr(hash, 2), '$') + 1), '$') + 1,
        instr(substr(
          substr(substr(hash, 2), instr(substr(hash, 2), '$') + 1),
          instr(substr(substr(hash, 2), instr(substr(hash, 2), '$') + 1), '$') + 1), '$') - 1)
    END) STORED, -- [secret] Salt, extracted from the hash by the database; unique over all rows.
  last_reset      INTEGER NOT NULL -- [internal] When the password was last set (UTC).
    CONSTRAINT credentials_last_reset_form CHECK (last_reset BETWEEN 0 AND 253402300799999999),
  must_change     INTEGER NOT NULL DEFAULT FALSE -- [internal] Whether the password must be changed at the next sign-in.
    CONSTRAINT credentials_must_change_form CHECK (must_change IN (0, 1)),
  created_at      INTEGER NOT NULL -- [internal] When the row was created (UTC).
    CONSTRAINT credentials_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999),
  updated_at      INTEGER NOT NULL -- [internal] When the row was last changed (UTC).
    CONSTRAINT credentials_updated_at_form CHECK (updated_at BETWEEN 0 AND 253402300799999999),
  version         INTEGER NOT NULL DEFAULT 1, -- [internal] Row version: increases by one per change; the ETag.
  schema_version  INTEGER NOT NULL DEFAULT 1, -- [internal] Version of the hashing policy.
  CONSTRAINT credentials_pk PRIMARY KEY (user_id),
  CONSTRAINT credentials_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT credentials_user_ck CHECK (user_id > x'000000000000700080000000000000ff'),
  CONSTRAINT credentials_hash_ck CHECK (
    hash NOT GLOB '*[^A-Za-z0-9+/.,=$-]*' AND (
    (hash GLOB '$argon2id$v=19$m=[1-9]*,t=[1-9]*,p=[1-9]*$*$*' AND length(hash) BETWEEN 60 AND 320
      AND hash NOT GLOB '*$m=*[^0-9]*,t=*' AND hash NOT GLOB '*,t=*[^0-9]*,p=*' AND hash NOT GLOB '*,p=*[^0-9$]*$*$*')
    OR (hash GLOB '$argon2[id]$v=19$m=[1-9]*,t=[1-9]*,p=[1-9]*$*$*' AND length(hash) BETWEEN 60 AND 320
      AND hash NOT GLOB '*$m=*[^0-9]*,t=*' AND hash NOT GLOB '*,t=*[^0-9]*,p=*' AND hash NOT GLOB '*,p=*[^0-9$]*$*$*')
    OR (hash GLOB '$argon2id-over$v=19$m=[1-9]*,t=[1-9]*,p=[1-9]*$*$*$*$*$*[0-9]' AND length(hash) BETWEEN 100 AND 512
      AND substr(hash, 23, instr(hash, ',p=') - 23) NOT GLOB '*[^0-9,t=]*')
    OR (hash GLOB '$2[aby]$[0-9][0-9]$*' AND length(hash) = 60)
    OR ((hash GLOB '$scrypt$*$*$*' OR hash GLOB '$pbkdf2$*$*$*' OR hash GLOB '$pbkdf2-sha256$*$*$*'
      OR hash GLOB '$pbkdf2-sha512$*$*$*') AND length(hash) BETWEEN 40 AND 400)
    OR (hash GLOB '$5$rounds=[1-9]*$*$*' AND length(hash) BETWEEN 71 AND 84 AND hash NOT GLOB '$5$rounds=*[^0-9]*$*$*')
    OR (hash GLOB '$6$rounds=[1-9]*$*$*' AND length(hash) BETWEEN 114 AND 127
      AND hash NOT GLOB '$6$rounds=*[^0-9]*$*$*')
    OR (hash GLOB '$fbscrypt$v=1,n=[1-9]*,r=[1-9]*,p=1,ss=*,sk=*$*$*' AND length(hash) BETWEEN 130 AND 400))),
  CONSTRAINT credentials_salt_uq UNIQUE (salt),
  CONSTRAINT credentials_salt_ck CHECK (length(salt) >= 11 AND salt NOT GLOB '*[^A-Za-z0-9+/.]*'),
  CONSTRAINT credentials_last_reset_ck CHECK (last_reset >= created_at),
  CONSTRAINT credentials_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT credentials_version_ck CHECK (version > 0 AND schema_version > 0)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER credentials_guard_version BEFORE UPDATE ON credentials BEGIN
  SELECT RAISE(ABORT, 'credentials_version_step: version must increase by one') WHERE NEW.version <> OLD.version + 1;
  SELECT RAISE(ABORT, 'credentials_created_fixed: created_at cannot change') WHERE NEW.created_at <> OLD.created_at;
END;

CREATE TABLE setup_links ( -- One-time links that create the first administrator.
  id          BLOB NOT NULL -- [id] UUIDv7.
    CONSTRAINT setup_links_id_form CHECK (length(id) = 16),
  token_hash  BLOB NOT NULL, -- [secret] SHA-256 of the token in the link.
  created_at  INTEGER NOT NULL -- [internal] When the row was created (UTC).
    CONSTRAINT setup_links_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999),
  expires_at  INTEGER NOT NULL -- [internal] Expiry (UTC).
    CONSTRAINT setup_links_expires_at_form CHECK (expires_at BETWEEN 0 AND 253402300799999999),
  used_at     INTEGER -- [internal] When the link was used (UTC).
    CONSTRAINT setup_links_used_at_form CHECK (used_at BETWEEN 0 AND 253402300799999999),
  CONSTRAINT setup_links_pk PRIMARY KEY (id),
  CONSTRAINT setup_links_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT setup_links_token_hash_uq UNIQUE (token_hash),
  CONSTRAINT setup_links_token_hash_ck CHECK (length(token_hash) = 32),
  CONSTRAINT setup_links_life_ck CHECK (expires_at > created_at AND expires_at <= created_at + 86400000000),
  CONSTRAINT setup_links_used_ck CHECK (used_at >= created_at)
) STRICT, WITHOUT ROWID;

CREATE TABLE sign_in_throttles ( -- Failed sign-in attempts per identifier and address prefix, to slow down guessing.
  key_hash           BLOB NOT NULL, -- [pii] Keyed hash of the identifier or of the address prefix, 32 bytes.
  failures           INTEGER NOT NULL, -- [internal] Failed attempts in the window.
  window_started_at  INTEGER NOT NULL -- [internal] Start of the window (UTC).
    CONSTRAINT sign_in_throttles_window_started_at_form CHECK (window_started_at BETWEEN 0 AND 253402300799999999),
  blocked_until      INTEGER -- [internal] Attempts are refused until this time (UTC).
    CONSTRAINT sign_in_throttles_blocked_until_form CHECK (blocked_until BETWEEN 0 AND 253402300799999999),
  expires_at         INTEGER NOT NULL -- [internal] When the row expires (UTC).
    CONSTRAINT sign_in_throttles_expires_at_form CHECK (expires_at BETWEEN 0 AND 253402300799999999),
  CONSTRAINT sign_in_throttles_pk PRIMARY KEY (key_hash),
  CONSTRAINT sign_in_throttles_key_hash_ck CHECK (length(key_hash) = 32),
  CONSTRAINT sign_in_throttles_failures_ck CHECK (failures >= 0),
  CONSTRAINT sign_in_throttles_expires_ck CHECK (expires_at >= window_started_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_in_throttles_expires_ix ON sign_in_throttles (expires_at);
