-- A migration that only the tests of upgrades know: which version of the program ended a session.
-- The version before does not write the column. A trigger does it for that version, until no node of it is left.
-- The constraint applies to new rows from now on; the contraction validates it for all rows.
ALTER TABLE sessions ADD COLUMN ended_by text;
COMMENT ON COLUMN sessions.ended_by IS '[public] Version of the program that ended the session.';
ALTER TABLE sessions ADD CONSTRAINT sessions_ended_by_ck CHECK (ended_by IS NULL OR revoked_at IS NOT NULL) NOT VALID;

CREATE FUNCTION session_ended_by_default() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.revoked_at IS NOT NULL AND NEW.ended_by IS NULL THEN
    NEW.ended_by := 'before';
  END IF;
  RETURN NEW;
END $$;
COMMENT ON FUNCTION session_ended_by_default() IS 'Trigger: sets what the version before does not write.';
CREATE TRIGGER sessions_ended_by_default BEFORE INSERT OR UPDATE ON sessions FOR EACH ROW
  EXECUTE FUNCTION session_ended_by_default();
