-- alone: an index is built beside the traffic only outside a transaction.
CREATE INDEX CONCURRENTLY IF NOT EXISTS sessions_end_reason_ix ON sessions (end_reason) WHERE end_reason IS NOT NULL;
