-- The index takes the place of this key.
ALTER TABLE idempotency_keys DROP CONSTRAINT idempotency_keys_key_uq;
