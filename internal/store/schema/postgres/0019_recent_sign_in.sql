-- When the user of a session last gave a factor in it, for changes that need a recent sign-in. The version before does
-- not write the column: its sessions were authenticated when they were created.
ALTER TABLE sessions ADD COLUMN confirmed_at timestamptz;
COMMENT ON COLUMN sessions.confirmed_at IS
  '[internal] When the user confirmed the session with a factor (UTC); NULL: never.';
ALTER TABLE sessions ADD CONSTRAINT sessions_confirmed_ck CHECK (confirmed_at >= created_at) NOT VALID;
