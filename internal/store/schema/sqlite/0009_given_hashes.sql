-- Hashes that other systems made: Argon2i and 2d, PBKDF2 over SHA-1, SHA-crypt, Firebase's scrypt, and Argon2id over a digest of a weak
-- scheme. SQLite changes a rule only by making the table anew: copy, drop, rename. What was allowed before is allowed still.

CREATE TABLE credentials_anew ( -- Password verifier, apart from identity; no row for a user without a password.
  user_id         BLOB NOT NULL CONSTRAINT credentials_user_id_form CHECK (length(user_id) = 16), -- [id] Owner.
  hash            TEXT NOT NULL, -- [secret] PHC or crypt string: scheme, parameters, salt and digest; for a weak scheme Argon2id over its digest.
  salt            TEXT NOT NULL GENERATED ALWAYS AS (CASE
    WHEN hash GLOB '$2[aby]$*' THEN substr(hash, 8, 22)
    WHEN hash GLOB '$argon2*' THEN substr(substr(hash, instr(hash, ',p=') + 3), instr(substr(hash, instr(hash, ',p=') + 3), '$') + 1,
      instr(substr(substr(hash, instr(hash, ',p=') + 3), instr(substr(hash, instr(hash, ',p=') + 3), '$') + 1), '$') - 1)
    ELSE substr(substr(substr(hash, 2), instr(substr(hash, 2), '$') + 1), instr(substr(substr(hash, 2), instr(substr(hash, 2), '$') + 1), '$') + 1,
      instr(substr(substr(substr(hash, 2), instr(substr(hash, 2), '$') + 1), instr(substr(substr(hash, 2), instr(substr(hash, 2), '$') + 1), '$') + 1), '$') - 1)
    END) STORED, -- [secret] Salt, taken out of the PHC string by the database; unique over all rows.
  last_reset      INTEGER NOT NULL CONSTRAINT credentials_last_reset_form CHECK (last_reset BETWEEN 0 AND 253402300799999999), -- [internal] When the password was last set (UTC).
  must_change     INTEGER NOT NULL DEFAULT FALSE CONSTRAINT credentials_must_change_form CHECK (must_change IN (0, 1)), -- [internal] Password must be changed at the next sign-in.
  created_at      INTEGER NOT NULL CONSTRAINT credentials_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999), -- [internal] When the row was made (UTC).
  updated_at      INTEGER NOT NULL CONSTRAINT credentials_updated_at_form CHECK (updated_at BETWEEN 0 AND 253402300799999999), -- [internal] Last change (UTC).
  version         INTEGER NOT NULL DEFAULT 1, -- [internal] Row revision: grows by one with each change; the ETag.
  schema_version  INTEGER NOT NULL DEFAULT 1, -- [internal] Generation of the hashing policy.
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
    OR ((hash GLOB '$scrypt$*$*$*' OR hash GLOB '$pbkdf2$*$*$*' OR hash GLOB '$pbkdf2-sha256$*$*$*' OR hash GLOB '$pbkdf2-sha512$*$*$*') AND length(hash) BETWEEN 40 AND 400)
    OR (hash GLOB '$5$rounds=[1-9]*$*$*' AND length(hash) BETWEEN 71 AND 84 AND hash NOT GLOB '$5$rounds=*[^0-9]*$*$*')
    OR (hash GLOB '$6$rounds=[1-9]*$*$*' AND length(hash) BETWEEN 114 AND 127 AND hash NOT GLOB '$6$rounds=*[^0-9]*$*$*')
    OR (hash GLOB '$fbscrypt$v=1,n=[1-9]*,r=[1-9]*,p=1,ss=*,sk=*$*$*' AND length(hash) BETWEEN 130 AND 400))),
  CONSTRAINT credentials_salt_uq UNIQUE (salt),
  CONSTRAINT credentials_salt_ck CHECK (length(salt) >= 11 AND salt NOT GLOB '*[^A-Za-z0-9+/.]*'),
  CONSTRAINT credentials_last_reset_ck CHECK (last_reset >= created_at),
  CONSTRAINT credentials_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT credentials_version_ck CHECK (version > 0 AND schema_version > 0)
) STRICT, WITHOUT ROWID;
INSERT INTO credentials_anew (user_id, hash, last_reset, must_change, created_at, updated_at, version, schema_version)
  SELECT user_id, hash, last_reset, must_change, created_at, updated_at, version, schema_version FROM credentials;
DROP TABLE credentials;
ALTER TABLE credentials_anew RENAME TO credentials;
CREATE TRIGGER credentials_guard_version BEFORE UPDATE ON credentials BEGIN
  SELECT RAISE(ABORT, 'credentials_version_step: version must grow by one') WHERE NEW.version <> OLD.version + 1;
  SELECT RAISE(ABORT, 'credentials_created_fixed: created_at cannot change') WHERE NEW.created_at <> OLD.created_at;
END;
