-- Two new permissions, and what the built-in roles are allowed to do. No existing role gets the new permissions: only
-- roles that have all permissions have them.

-- A permission that an application declared under one of the names gets another name. Otherwise roles that have it
-- could do what the built-in permission allows.
UPDATE permissions SET name = 'declared.' || name, updated_at = {now}, version = version + 1
 WHERE NOT is_system AND name IN ('contacts.verify', 'imports.manage');

INSERT INTO permissions (id, name, description, is_system, created_at, updated_at) VALUES
  ({id:8006-22}, 'contacts.verify', 'Mark contacts of users as verified, also in imports.', TRUE, {now}, {now}),
  ({id:8006-23}, 'imports.manage', 'Start and undo imports of other users.', TRUE, {now}, {now});

UPDATE permissions SET description = 'Add and remove contacts of other users.', updated_at = {now},
       version = version + 1
 WHERE id = {id:8006-06} AND description = 'Add, verify and remove contacts of other users.';
UPDATE permissions SET description = 'Import users with their password hashes, and undo own imports.',
       updated_at = {now}, version = version + 1
 WHERE id = {id:8006-20} AND description = 'Import users with their password hashes, and undo imports.';

-- The role support could take over every ordinary account: it loses the permission to set passwords, and it cannot mark
-- addresses as verified any more. In a database that is in use, the audit log says so.
INSERT INTO audit_logs (subject_id, id, actor_id, action, changes)
  SELECT {id:8000-02}, {new-id}, {id:8000-02}, 'role.permission_remove',
         '{"roles.name": {"to": "support"}, "role_permissions.credentials.update": {"to": "removed"}}'
   WHERE EXISTS (SELECT 1 FROM role_permissions WHERE role_id = {id:8007-04} AND permission_id = {id:8006-07})
     AND EXISTS (SELECT 1 FROM users WHERE id > {id:8000-ff});
DELETE FROM role_permissions WHERE role_id = {id:8007-04} AND permission_id = {id:8006-07};

-- The description of a built-in role states everything that it can do. One that was changed stays.
UPDATE roles SET version = version + 1, updated_at = {now}, description =
  'Can do everything: has all permissions, also those that are declared later.'
 WHERE id = {id:8007-01} AND description = 'Can do everything.';
UPDATE roles SET version = version + 1, updated_at = {now}, description =
  'Cardinal itself and the command line; has all permissions, also those that are declared later.'
 WHERE id = {id:8007-02} AND description = 'Cardinal itself and the command line; can do everything.';
UPDATE roles SET version = version + 1, updated_at = {now}, description =
  'Reads users, sessions, roles and permissions; checks permissions of users; changes profiles; adds and removes '
  || 'contacts, without verifying them; suspends and reactivates users; ends sessions.'
 WHERE id = {id:8007-04} AND description =
  'Reads users, sessions and roles; changes profiles, contacts and passwords; suspends users; ends sessions.';
UPDATE roles SET version = version + 1, updated_at = {now}, description =
  'Reads users, sessions, roles, permissions, API keys, settings and the audit log; checks permissions of users; '
  || 'changes nothing.'
 WHERE id = {id:8007-05} AND description =
  'Reads users, sessions, roles, API keys, settings and the audit log; changes nothing.';
