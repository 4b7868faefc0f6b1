CREATE INDEX IF NOT EXISTS sessions_ended_by_ix ON sessions (ended_by) WHERE ended_by IS NOT NULL;
