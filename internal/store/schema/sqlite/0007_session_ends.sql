-- Why a session ended. A program of the version before ends sessions and gives no reason: until none is left, a trigger writes that
-- it is unknown. The contraction makes the table anew, with the rule that every ended session says why.

CREATE TABLE session_end_reasons ( -- Lookup: why a session ended before its time.
  id           BLOB NOT NULL CONSTRAINT session_end_reasons_id_form CHECK (length(id) = 16), -- [id] UUIDv7.
  code         TEXT NOT NULL, -- [public] Name other tables reference.
  description  TEXT NOT NULL, -- [public] Meaning, for people.
  CONSTRAINT session_end_reasons_pk PRIMARY KEY (id),
  CONSTRAINT session_end_reasons_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT session_end_reasons_code_uq UNIQUE (code),
  CONSTRAINT session_end_reasons_code_ck CHECK (code GLOB '[a-z]*' AND code NOT GLOB '*[^a-z_]*' AND length(code) BETWEEN 2 AND 32),
  CONSTRAINT session_end_reasons_description_ck CHECK (length(description) BETWEEN 1 AND 1024)
) STRICT, WITHOUT ROWID;

INSERT INTO session_end_reasons (id, code, description) VALUES
  (x'0000000000007000800a000000000001', 'signed_out', 'The person signed out.'),
  (x'0000000000007000800a000000000002', 'ended_by_person', 'The person ended it from elsewhere.'),
  (x'0000000000007000800a000000000003', 'ended_by_other', 'Somebody else ended it: an administrator, or the operator.'),
  (x'0000000000007000800a000000000004', 'password_changed', 'The password was changed or set.'),
  (x'0000000000007000800a000000000005', 'account_stopped', 'The account was suspended or deleted.'),
  (x'0000000000007000800a000000000006', 'claim_lost', 'Somebody else proved the address that the account had claimed.'),
  (x'0000000000007000800a000000000007', 'unknown', 'It ended before reasons were kept.');

ALTER TABLE sessions ADD COLUMN end_reason TEXT CONSTRAINT sessions_end_reason_fk REFERENCES session_end_reasons (code);

CREATE TRIGGER sessions_end_unknown AFTER UPDATE OF revoked_at ON sessions WHEN NEW.revoked_at IS NOT NULL AND NEW.end_reason IS NULL BEGIN
  UPDATE sessions SET end_reason = 'unknown' WHERE user_id = NEW.user_id AND id = NEW.id;
END;
