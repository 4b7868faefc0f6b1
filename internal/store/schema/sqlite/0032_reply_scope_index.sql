-- The replies of each API key of a service.
CREATE UNIQUE INDEX idempotency_keys_scope_uq
  ON idempotency_keys (caller_id, route, key_hash, COALESCE(api_key_id, caller_id));
