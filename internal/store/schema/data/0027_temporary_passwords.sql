-- Passwords that another user set: how long they work, and the permission of a backend that passes on passwords.

INSERT INTO settings (id, name, value, description, created_at, updated_at) VALUES
  ({id:8008-1801}, 'passwords.temporary_lifetime_seconds', '86400',
    'A password that another user set works once, and only within this many seconds.',
    {time:2026-11-28}, {time:2026-11-28});

-- A permission that an application declared under the name gets another name. Otherwise roles that have it could do
-- what the built-in permission allows. No existing role gets the new permission, except those that have all.
UPDATE permissions SET name = 'declared.' || name, updated_at = {now}, version = version + 1
 WHERE NOT is_system AND name = 'credentials.relay';
INSERT INTO permissions (id, name, description, is_system, created_at, updated_at) VALUES
  ({id:8006-1801}, 'credentials.relay', 'Pass on passwords that other users chose themselves.', TRUE, {now}, {now});
