-- The scope of an Idempotency-Key has the API key of the request: the keys of a service do not share replies. The
-- version before does not write the column. Until the contraction of migration 32 the unique key without it holds, so
-- that a request that is repeated at the other version does not run twice.
ALTER TABLE idempotency_keys ADD COLUMN api_key_id uuid;
COMMENT ON COLUMN idempotency_keys.api_key_id IS '[id] API key that sent the request; NULL: another caller.';
