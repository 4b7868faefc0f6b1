-- backfill: sessions (user_id, id)
-- Sessions that ended before the expansion.
UPDATE sessions SET ended_by = 'before' WHERE revoked_at IS NOT NULL AND ended_by IS NULL AND {batch}
