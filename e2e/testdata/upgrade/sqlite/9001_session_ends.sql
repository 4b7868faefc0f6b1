-- A migration that only the tests of upgrades know: which version of the program ended a session.
-- The version before does not write the column. A trigger does it for that version, until no node of it is left.
-- The contraction rebuilds the table with the constraint.
ALTER TABLE sessions ADD COLUMN ended_by TEXT;

CREATE TRIGGER sessions_ended_by_default AFTER UPDATE OF revoked_at ON sessions
 WHEN NEW.revoked_at IS NOT NULL AND NEW.ended_by IS NULL BEGIN
  UPDATE sessions SET ended_by = 'before' WHERE user_id = NEW.user_id AND id = NEW.id;
END;
