-- Temporary passwords: a password that another user set works once, and expires.
--
-- A row counts only for the password that was set at password_set_at. So a change of the password ends it, also one
-- that the previous version makes.

CREATE TABLE temporary_passwords (
  user_id          uuid NOT NULL,
  password_set_at  timestamptz NOT NULL,
  expires_at       timestamptz NOT NULL,
  used_at          timestamptz,
  CONSTRAINT temporary_passwords_pk PRIMARY KEY (user_id),
  CONSTRAINT temporary_passwords_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT temporary_passwords_life_ck CHECK (expires_at > password_set_at),
  CONSTRAINT temporary_passwords_used_ck CHECK (used_at < expires_at)
);
COMMENT ON TABLE temporary_passwords IS 'Passwords that another user set: each works once, until it expires.';
COMMENT ON COLUMN temporary_passwords.user_id IS '[id] Owner.';
COMMENT ON COLUMN temporary_passwords.password_set_at IS
  '[internal] The last_reset of the password that the row belongs to (UTC).';
COMMENT ON COLUMN temporary_passwords.expires_at IS '[internal] Expiry (UTC).';
COMMENT ON COLUMN temporary_passwords.used_at IS '[internal] When the user signed in with the password (UTC).';
