-- alone: an index on a table in use is built concurrently, which is not possible in a transaction.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS idempotency_keys_scope_uq
  ON idempotency_keys (caller_id, route, key_hash, COALESCE(api_key_id, caller_id));
