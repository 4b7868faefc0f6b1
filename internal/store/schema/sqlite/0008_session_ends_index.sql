-- The index of the foreign key.
CREATE INDEX IF NOT EXISTS sessions_end_reason_ix ON sessions (end_reason) WHERE end_reason IS NOT NULL;
