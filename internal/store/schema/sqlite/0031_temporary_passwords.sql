-- Temporary passwords: a password that another user set works once, and expires.
--
-- A row counts only for the password that was set at password_set_at. So a change of the password ends it, also one
-- that the previous version makes.

CREATE TABLE temporary_passwords ( -- Passwords that another user set: each works once, until it expires.
  user_id          BLOB NOT NULL -- [id] Owner.
    CONSTRAINT temporary_passwords_user_id_form CHECK (length(user_id) = 16),
  password_set_at  INTEGER NOT NULL -- [internal] The last_reset of the password that the row belongs to (UTC).
    CONSTRAINT temporary_passwords_password_set_at_form CHECK (password_set_at BETWEEN 0 AND 253402300799999999),
  expires_at       INTEGER NOT NULL -- [internal] Expiry (UTC).
    CONSTRAINT temporary_passwords_expires_at_form CHECK (expires_at BETWEEN 0 AND 253402300799999999),
  used_at          INTEGER -- [internal] When the user signed in with the password (UTC).
    CONSTRAINT temporary_passwords_used_at_form CHECK (used_at BETWEEN 0 AND 253402300799999999),
  CONSTRAINT temporary_passwords_pk PRIMARY KEY (user_id),
  CONSTRAINT temporary_passwords_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT temporary_passwords_life_ck CHECK (expires_at > password_set_at),
  CONSTRAINT temporary_passwords_used_ck CHECK (used_at < expires_at)
) STRICT, WITHOUT ROWID;
