-- No node of the version before is left: its default is not needed.
ALTER TABLE sessions VALIDATE CONSTRAINT sessions_ended_by_ck;
DROP TRIGGER sessions_ended_by_default ON sessions;
DROP FUNCTION session_ended_by_default();
