-- What is stored of a token can be an HMAC under a service key: 33 bytes, of which the first is 0x02. A row that was
-- inserted without the key then signs no user in. Until the contraction programs store the SHA-256 of the secret, 32
-- bytes, because the version before understands nothing else. Sessions and API keys of that time are converted when
-- they are used next; set-up links, which work for half an hour, end.
ALTER TABLE sessions DROP CONSTRAINT sessions_token_hash_ck;
ALTER TABLE sessions ADD CONSTRAINT sessions_token_hash_ck CHECK (octet_length(token_hash) = 32
  OR (octet_length(token_hash) = 33 AND get_byte(token_hash, 0) = 2)) NOT VALID;
ALTER TABLE api_keys DROP CONSTRAINT api_keys_token_hash_ck;
ALTER TABLE api_keys ADD CONSTRAINT api_keys_token_hash_ck CHECK (octet_length(token_hash) = 32
  OR (octet_length(token_hash) = 33 AND get_byte(token_hash, 0) = 2)) NOT VALID;
ALTER TABLE setup_links DROP CONSTRAINT setup_links_token_hash_ck;
ALTER TABLE setup_links ADD CONSTRAINT setup_links_token_hash_ck CHECK (octet_length(token_hash) = 32
  OR (octet_length(token_hash) = 33 AND get_byte(token_hash, 0) = 2)) NOT VALID;
