-- alone: an index on a table in use is built concurrently, which is not possible in a transaction.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS contacts_unverified_uq ON contacts (value_index, user_id)
  WHERE value_index IS NOT NULL;
