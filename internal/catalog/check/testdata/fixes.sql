-- G23 user_roles.role_id: no index finds the rows that refer to roles
CREATE INDEX CONCURRENTLY user_roles_role_ix ON cardinal.user_roles (role_id);
-- G30 roles.late: it was never validated
ALTER TABLE cardinal.roles VALIDATE CONSTRAINT late;
-- G24 index a1: another index of user_roles finds the same rows
DROP INDEX cardinal.a1;
