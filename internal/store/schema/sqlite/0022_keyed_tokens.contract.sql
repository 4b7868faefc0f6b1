-- All nodes understand tokens under the service key.
ALTER TABLE sessions DROP CONSTRAINT sessions_token_hash_ck;
ALTER TABLE sessions ADD CONSTRAINT sessions_token_hash_ck CHECK (length(token_hash) = 32
  OR (length(token_hash) = 33 AND substr(token_hash, 1, 1) = x'02'));
ALTER TABLE api_keys DROP CONSTRAINT api_keys_token_hash_ck;
ALTER TABLE api_keys ADD CONSTRAINT api_keys_token_hash_ck CHECK (length(token_hash) = 32
  OR (length(token_hash) = 33 AND substr(token_hash, 1, 1) = x'02'));
ALTER TABLE setup_links DROP CONSTRAINT setup_links_token_hash_ck;
ALTER TABLE setup_links ADD CONSTRAINT setup_links_token_hash_ck CHECK (length(token_hash) = 32
  OR (length(token_hash) = 33 AND substr(token_hash, 1, 1) = x'02'));

-- A comment is part of the text of the table, which no other statement changes.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, '-- [secret] SHA-256 of the bearer token.',
  '-- [secret] HMAC of the bearer token under a service key, or, until the next use of an older session, SHA-256.')
 WHERE name = 'sessions';
UPDATE sqlite_schema SET sql = replace(sql, '-- [secret] SHA-256 of the API key.',
  '-- [secret] HMAC of the API key under a service key, or, until the next use of an older API key, SHA-256.')
 WHERE name = 'api_keys';
UPDATE sqlite_schema SET sql = replace(sql, '-- [secret] SHA-256 of the token in the link.',
  '-- [secret] HMAC of the token in the link under a service key.')
 WHERE name = 'setup_links';
PRAGMA writable_schema = RESET;

-- A token changes only when it is converted.
DROP TRIGGER sessions_token_fixed;
CREATE TRIGGER sessions_token_fixed BEFORE UPDATE OF token_hash, user_id, id ON sessions
 WHEN NEW.user_id <> OLD.user_id OR NEW.id <> OLD.id
   OR length(OLD.token_hash) <> 32 OR length(NEW.token_hash) <> 33 BEGIN
  SELECT RAISE(ABORT, 'sessions_token_fixed: create a new session');
END;
DROP TRIGGER api_keys_token_fixed;
CREATE TRIGGER api_keys_token_fixed BEFORE UPDATE OF token_hash, user_id, id ON api_keys
 WHEN NEW.user_id <> OLD.user_id OR NEW.id <> OLD.id
   OR length(OLD.token_hash) <> 32 OR length(NEW.token_hash) <> 33 BEGIN
  SELECT RAISE(ABORT, 'api_keys_token_fixed: create a new API key');
END;

CREATE TRIGGER sessions_token_keyed BEFORE INSERT ON sessions WHEN length(NEW.token_hash) = 32 BEGIN
  SELECT RAISE(ABORT, 'sessions_token_keyed: a new token is stored as HMAC under the service key');
END;
CREATE TRIGGER api_keys_token_keyed BEFORE INSERT ON api_keys WHEN length(NEW.token_hash) = 32 BEGIN
  SELECT RAISE(ABORT, 'api_keys_token_keyed: a new token is stored as HMAC under the service key');
END;
CREATE TRIGGER setup_links_token_keyed BEFORE INSERT ON setup_links WHEN length(NEW.token_hash) = 32 BEGIN
  SELECT RAISE(ABORT, 'setup_links_token_keyed: a new token is stored as HMAC under the service key');
END;
