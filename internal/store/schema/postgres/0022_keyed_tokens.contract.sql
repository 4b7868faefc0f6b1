-- All nodes understand tokens under the service key.
ALTER TABLE sessions VALIDATE CONSTRAINT sessions_token_hash_ck;
ALTER TABLE api_keys VALIDATE CONSTRAINT api_keys_token_hash_ck;
ALTER TABLE setup_links VALIDATE CONSTRAINT setup_links_token_hash_ck;
COMMENT ON COLUMN sessions.token_hash IS
  '[secret] HMAC of the bearer token under a service key, or, until the next use of an older session, SHA-256.';
COMMENT ON COLUMN api_keys.token_hash IS
  '[secret] HMAC of the API key under a service key, or, until the next use of an older API key, SHA-256.';
COMMENT ON COLUMN setup_links.token_hash IS
  '[secret] HMAC of the token in the link under a service key.';

-- A token changes only when it is converted.
DROP TRIGGER sessions_token_fixed ON sessions;
CREATE TRIGGER sessions_token_fixed BEFORE UPDATE OF token_hash, user_id, id ON sessions FOR EACH ROW
  WHEN (NEW.user_id <> OLD.user_id OR NEW.id <> OLD.id
    OR octet_length(OLD.token_hash) <> 32 OR octet_length(NEW.token_hash) <> 33)
  EXECUTE FUNCTION refuse_change('sessions_token_fixed', 'create a new session');
DROP TRIGGER api_keys_token_fixed ON api_keys;
CREATE TRIGGER api_keys_token_fixed BEFORE UPDATE OF token_hash, user_id, id ON api_keys FOR EACH ROW
  WHEN (NEW.user_id <> OLD.user_id OR NEW.id <> OLD.id
    OR octet_length(OLD.token_hash) <> 32 OR octet_length(NEW.token_hash) <> 33)
  EXECUTE FUNCTION refuse_change('api_keys_token_fixed', 'create a new API key');

CREATE TRIGGER sessions_token_keyed BEFORE INSERT ON sessions FOR EACH ROW WHEN (octet_length(NEW.token_hash) = 32)
  EXECUTE FUNCTION refuse_change('sessions_token_keyed', 'a new token is stored as HMAC under the service key');
CREATE TRIGGER api_keys_token_keyed BEFORE INSERT ON api_keys FOR EACH ROW WHEN (octet_length(NEW.token_hash) = 32)
  EXECUTE FUNCTION refuse_change('api_keys_token_keyed', 'a new token is stored as HMAC under the service key');
CREATE TRIGGER setup_links_token_keyed BEFORE INSERT ON setup_links FOR EACH ROW
  WHEN (octet_length(NEW.token_hash) = 32)
  EXECUTE FUNCTION refuse_change('setup_links_token_keyed', 'a new token is stored as HMAC under the service key');
