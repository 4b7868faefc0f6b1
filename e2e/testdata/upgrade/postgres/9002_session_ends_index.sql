-- alone: an index on a table in use is built concurrently, which is not possible in a transaction.
CREATE INDEX CONCURRENTLY IF NOT EXISTS sessions_ended_by_ix ON sessions (ended_by) WHERE ended_by IS NOT NULL;
