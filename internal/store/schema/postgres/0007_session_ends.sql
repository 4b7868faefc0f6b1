-- Why a session ended. A program of the version before ends sessions and gives no reason: until none is left, a trigger writes that
-- it is unknown. The constraints hold for what is written from now on; the contraction validates them for the rest.

CREATE TABLE session_end_reasons (
  id           uuid NOT NULL,
  code         text NOT NULL,
  description  text NOT NULL,
  CONSTRAINT session_end_reasons_pk PRIMARY KEY (id),
  CONSTRAINT session_end_reasons_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT session_end_reasons_code_uq UNIQUE (code),
  CONSTRAINT session_end_reasons_code_ck CHECK (code ~ '^[a-z][a-z_]{1,31}$'),
  CONSTRAINT session_end_reasons_description_ck CHECK (char_length(description) BETWEEN 1 AND 1024)
);
COMMENT ON TABLE session_end_reasons IS 'Lookup: why a session ended before its time.';
COMMENT ON COLUMN session_end_reasons.id IS '[id] UUIDv7.';
COMMENT ON COLUMN session_end_reasons.code IS '[public] Name other tables reference.';
COMMENT ON COLUMN session_end_reasons.description IS '[public] Meaning, for people.';

INSERT INTO session_end_reasons (id, code, description) VALUES
  ('00000000-0000-7000-800a-000000000001', 'signed_out', 'The person signed out.'),
  ('00000000-0000-7000-800a-000000000002', 'ended_by_person', 'The person ended it from elsewhere.'),
  ('00000000-0000-7000-800a-000000000003', 'ended_by_other', 'Somebody else ended it: an administrator, or the operator.'),
  ('00000000-0000-7000-800a-000000000004', 'password_changed', 'The password was changed or set.'),
  ('00000000-0000-7000-800a-000000000005', 'account_stopped', 'The account was suspended or deleted.'),
  ('00000000-0000-7000-800a-000000000006', 'claim_lost', 'Somebody else proved the address that the account had claimed.'),
  ('00000000-0000-7000-800a-000000000007', 'unknown', 'It ended before reasons were kept.');

ALTER TABLE sessions ADD COLUMN end_reason text;
ALTER TABLE sessions ADD CONSTRAINT sessions_end_reason_fk FOREIGN KEY (end_reason) REFERENCES session_end_reasons (code) NOT VALID;
ALTER TABLE sessions ADD CONSTRAINT sessions_end_reason_ck CHECK ((revoked_at IS NULL) = (end_reason IS NULL)) NOT VALID;
COMMENT ON COLUMN sessions.end_reason IS '[public] Why it ended early.';

CREATE FUNCTION session_end_unknown() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.revoked_at IS NOT NULL AND NEW.end_reason IS NULL THEN
    NEW.end_reason := 'unknown';
  END IF;
  RETURN NEW;
END $$;
COMMENT ON FUNCTION session_end_unknown() IS 'Trigger: what a program of the version before leaves out.';
CREATE TRIGGER sessions_end_unknown BEFORE INSERT OR UPDATE ON sessions FOR EACH ROW EXECUTE FUNCTION session_end_unknown();
