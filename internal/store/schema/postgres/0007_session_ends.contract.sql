-- Every ended session says why: what was demanded of new rows since the expansion holds for all.
ALTER TABLE sessions VALIDATE CONSTRAINT sessions_end_reason_fk;
ALTER TABLE sessions VALIDATE CONSTRAINT sessions_end_reason_ck;
DROP TRIGGER sessions_end_unknown ON sessions;
DROP FUNCTION session_end_unknown();
