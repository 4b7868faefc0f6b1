-- backfill: sessions (user_id, id)
-- Sessions that ended before reasons were kept.
UPDATE sessions SET end_reason = 'unknown' WHERE revoked_at IS NOT NULL AND end_reason IS NULL AND {batch}
