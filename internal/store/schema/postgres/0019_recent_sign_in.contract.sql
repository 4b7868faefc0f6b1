-- The constraint was valid for new rows only.
ALTER TABLE sessions VALIDATE CONSTRAINT sessions_confirmed_ck;
