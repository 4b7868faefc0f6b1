-- Hashes that other systems made: Argon2i and 2d, PBKDF2 over SHA-1, SHA-crypt, Firebase's scrypt, and Argon2id over a digest of a weak
-- scheme. What was allowed before is allowed still; the constraint holds for what is written from now on, the contraction validates it.

CREATE OR REPLACE FUNCTION phc_salt(hash text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE
    WHEN hash LIKE '$2_$%' THEN substr(hash, 8, 22)
    WHEN hash LIKE '$argon2%' THEN split_part(hash, '$', 5)
    ELSE split_part(hash, '$', 4)
  END
$$;

ALTER TABLE credentials DROP CONSTRAINT credentials_hash_ck, ADD CONSTRAINT credentials_hash_ck CHECK (
    hash ~ '^[$]argon2(id|i|d)[$]v=19[$]m=[1-9][0-9]{0,6},t=[1-9][0-9]{0,2},p=[1-9][0-9]{0,2}[$][A-Za-z0-9+/]{11,86}[$][A-Za-z0-9+/]{22,172}$'
    OR hash ~ '^[$]argon2id-over[$]v=19[$]m=[1-9][0-9]{0,6},t=[1-9][0-9]{0,2},p=[1-9][0-9]{0,2}[$][A-Za-z0-9+/]{22,86}[$][A-Za-z0-9+/]{43,172}[$][a-z0-9-]{1,16}([$][A-Za-z0-9+/.,=-]{0,200}){1,3}[$][1-9][0-9]{0,2}$'
    OR hash ~ '^[$]2[aby][$][0-9]{2}[$][A-Za-z0-9./]{53}$'
    OR hash ~ '^[$](scrypt|pbkdf2|pbkdf2-sha256|pbkdf2-sha512)[$][a-z0-9=,]+[$][A-Za-z0-9+/.]{11,86}[$][A-Za-z0-9+/.]{22,172}$'
    OR hash ~ '^[$]5[$]rounds=[1-9][0-9]{3,8}[$][A-Za-z0-9./]{11,16}[$][A-Za-z0-9./]{43}$'
    OR hash ~ '^[$]6[$]rounds=[1-9][0-9]{3,8}[$][A-Za-z0-9./]{11,16}[$][A-Za-z0-9./]{86}$'
    OR hash ~ '^[$]fbscrypt[$]v=1,n=[1-9][0-9]?,r=[1-9][0-9]?,p=1,ss=[A-Za-z0-9+/]{0,22},sk=[A-Za-z0-9+/]{43,86}[$][A-Za-z0-9+/]{11,86}[$][A-Za-z0-9+/]{43,86}$') NOT VALID;
COMMENT ON COLUMN credentials.hash IS '[secret] PHC or crypt string: scheme, parameters, salt and digest; for a weak scheme Argon2id over its digest.';
