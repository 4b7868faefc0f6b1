-- Settings of passwords and of recent sign-ins.
INSERT INTO settings (id, name, value, description, created_at, updated_at) VALUES
  ({id:8008-2001}, 'sessions.recent_sign_in_seconds', '900',
    'Changes that affect access need a sign-in, or a confirmation of the session, within this many seconds.',
    {time:2026-11-28}, {time:2026-11-28});
