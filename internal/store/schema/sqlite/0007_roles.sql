-- Roles, permissions, and the roles of users.

CREATE TABLE roles ( -- Roles: named sets of permissions.
  id              BLOB NOT NULL -- [id] UUIDv7.
    CONSTRAINT roles_id_form CHECK (length(id) = 16),
  name            TEXT NOT NULL, -- [public] Unique name.
  description     TEXT NOT NULL, -- [public] Description for readers.
  is_system       INTEGER NOT NULL DEFAULT FALSE -- [public] Whether it is built in: it cannot be deleted or renamed.
    CONSTRAINT roles_is_system_form CHECK (is_system IN (0, 1)),
  is_assignable   INTEGER NOT NULL DEFAULT TRUE -- [public] Whether it can be granted to users and services.
    CONSTRAINT roles_is_assignable_form CHECK (is_assignable IN (0, 1)),
  holds_all       INTEGER NOT NULL DEFAULT FALSE -- [public] Whether it has all permissions, also those declared later.
    CONSTRAINT roles_holds_all_form CHECK (holds_all IN (0, 1)),
  min_holders     INTEGER NOT NULL DEFAULT 0, -- [internal] Minimum of users who can sign in and have it without expiry.
  created_at      INTEGER NOT NULL -- [internal] When the row was created (UTC).
    CONSTRAINT roles_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999),
  updated_at      INTEGER NOT NULL -- [internal] When the row was last changed (UTC).
    CONSTRAINT roles_updated_at_form CHECK (updated_at BETWEEN 0 AND 253402300799999999),
  version         INTEGER NOT NULL DEFAULT 1, -- [internal] Row version: increases by one per change; the ETag.
  schema_version  INTEGER NOT NULL DEFAULT 1, -- [internal] Version of the row's format.
  CONSTRAINT roles_pk PRIMARY KEY (id),
  CONSTRAINT roles_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT roles_name_uq UNIQUE (name),
  CONSTRAINT roles_name_ck CHECK (name GLOB '[a-z]*' AND name NOT GLOB '*[^a-z0-9_.-]*'
    AND length(name) BETWEEN 2 AND 63),
  CONSTRAINT roles_description_ck CHECK (length(description) BETWEEN 1 AND 1024),
  CONSTRAINT roles_holds_all_ck CHECK (is_system OR NOT holds_all),
  CONSTRAINT roles_assignable_ck CHECK (is_system OR is_assignable),
  CONSTRAINT roles_min_holders_ck CHECK (min_holders BETWEEN 0 AND 100),
  CONSTRAINT roles_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT roles_version_ck CHECK (version > 0 AND schema_version > 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE permissions ( -- Permissions, shared by roles: built-in ones, and those that applications declare.
  id              BLOB NOT NULL -- [id] UUIDv7.
    CONSTRAINT permissions_id_form CHECK (length(id) = 16),
  name            TEXT NOT NULL, -- [public] Unique name: plural noun, dot, verb.
  description     TEXT NOT NULL, -- [public] Description for readers.
  is_system       INTEGER NOT NULL DEFAULT FALSE -- [public] Whether it is built in: it cannot be deleted or renamed.
    CONSTRAINT permissions_is_system_form CHECK (is_system IN (0, 1)),
  created_at      INTEGER NOT NULL -- [internal] When the row was created (UTC).
    CONSTRAINT permissions_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999),
  updated_at      INTEGER NOT NULL -- [internal] When the row was last changed (UTC).
    CONSTRAINT permissions_updated_at_form CHECK (updated_at BETWEEN 0 AND 253402300799999999),
  version         INTEGER NOT NULL DEFAULT 1, -- [internal] Row version: increases by one per change; the ETag.
  schema_version  INTEGER NOT NULL DEFAULT 1, -- [internal] Version of the row's format.
  CONSTRAINT permissions_pk PRIMARY KEY (id),
  CONSTRAINT permissions_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT permissions_name_uq UNIQUE (name),
  CONSTRAINT permissions_name_ck CHECK (name GLOB '[a-z]*.[a-z]*' AND name NOT GLOB '*[^a-z0-9_.]*'
    AND name NOT GLOB '*.' AND name NOT GLOB '*..*' AND name NOT GLOB '*.[^a-z]*' AND name NOT GLOB '*.*.*.*.*'
    AND length(name) <= 64),
  CONSTRAINT permissions_description_ck CHECK (length(description) BETWEEN 1 AND 1024),
  CONSTRAINT permissions_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT permissions_version_ck CHECK (version > 0 AND schema_version > 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE role_permissions ( -- Junction: which role has which permission.
  role_id        BLOB NOT NULL -- [id] Role.
    CONSTRAINT role_permissions_role_id_form CHECK (length(role_id) = 16),
  permission_id  BLOB NOT NULL -- [id] Permission.
    CONSTRAINT role_permissions_permission_id_form CHECK (length(permission_id) = 16),
  created_at     INTEGER NOT NULL -- [internal] When the row was created (UTC).
    CONSTRAINT role_permissions_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999),
  CONSTRAINT role_permissions_pk PRIMARY KEY (role_id, permission_id),
  CONSTRAINT role_permissions_role_fk FOREIGN KEY (role_id) REFERENCES roles (id) ON DELETE CASCADE,
  CONSTRAINT role_permissions_permission_fk FOREIGN KEY (permission_id) REFERENCES permissions (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX role_permissions_permission_ix ON role_permissions (permission_id);

CREATE TABLE user_roles ( -- Junction: which user has which role, with the grantor and the expiry.
  user_id     BLOB NOT NULL -- [id] User with the role.
    CONSTRAINT user_roles_user_id_form CHECK (length(user_id) = 16),
  role_id     BLOB NOT NULL -- [id] Role.
    CONSTRAINT user_roles_role_id_form CHECK (length(role_id) = 16),
  granted_by  BLOB NOT NULL -- [id] User that granted the role.
    CONSTRAINT user_roles_granted_by_form CHECK (length(granted_by) = 16),
  created_at  INTEGER NOT NULL -- [internal] When the row was created (UTC).
    CONSTRAINT user_roles_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999),
  expires_at  INTEGER -- [internal] Expiry of the grant (UTC); NULL if it has none.
    CONSTRAINT user_roles_expires_at_form CHECK (expires_at BETWEEN 0 AND 253402300799999999),
  CONSTRAINT user_roles_pk PRIMARY KEY (user_id, role_id),
  CONSTRAINT user_roles_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT user_roles_role_fk FOREIGN KEY (role_id) REFERENCES roles (id),
  CONSTRAINT user_roles_granted_by_fk FOREIGN KEY (granted_by) REFERENCES users (id),
  CONSTRAINT user_roles_expires_ck CHECK (expires_at > created_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX user_roles_role_ix ON user_roles (role_id, user_id);
CREATE INDEX user_roles_granted_by_ix ON user_roles (granted_by);
CREATE INDEX user_roles_expires_ix ON user_roles (expires_at) WHERE expires_at IS NOT NULL;

CREATE TRIGGER roles_guard_version BEFORE UPDATE ON roles BEGIN
  SELECT RAISE(ABORT, 'roles_version_step: version must increase by one') WHERE NEW.version <> OLD.version + 1;
  SELECT RAISE(ABORT, 'roles_created_fixed: created_at cannot change') WHERE NEW.created_at <> OLD.created_at;
END;
CREATE TRIGGER roles_built_in_kept BEFORE DELETE ON roles WHEN OLD.is_system BEGIN
  SELECT RAISE(ABORT, 'roles_built_in_kept: a built-in role cannot be deleted');
END;
CREATE TRIGGER roles_built_in_fixed BEFORE UPDATE ON roles
 WHEN NEW.is_system <> OLD.is_system OR (OLD.is_system AND (
  NEW.name <> OLD.name OR NEW.holds_all <> OLD.holds_all OR NEW.is_assignable <> OLD.is_assignable)) BEGIN
  SELECT RAISE(ABORT, 'roles_built_in_fixed: name, holds_all and is_assignable of a built-in role cannot change');
END;
CREATE TRIGGER permissions_guard_version BEFORE UPDATE ON permissions BEGIN
  SELECT RAISE(ABORT, 'permissions_version_step: version must increase by one') WHERE NEW.version <> OLD.version + 1;
  SELECT RAISE(ABORT, 'permissions_created_fixed: created_at cannot change') WHERE NEW.created_at <> OLD.created_at;
END;
CREATE TRIGGER permissions_built_in_kept BEFORE DELETE ON permissions WHEN OLD.is_system BEGIN
  SELECT RAISE(ABORT, 'permissions_built_in_kept: a built-in permission cannot be deleted');
END;
CREATE TRIGGER permissions_built_in_fixed BEFORE UPDATE ON permissions
 WHEN NEW.is_system <> OLD.is_system OR (OLD.is_system AND NEW.name <> OLD.name) BEGIN
  SELECT RAISE(ABORT, 'permissions_built_in_fixed: the name of a built-in permission cannot change');
END;

-- Protection against a lockout: a role with min_holders keeps at least that many users who can sign in, however the
-- database is changed.
CREATE TRIGGER user_roles_keep_holders AFTER UPDATE ON user_roles WHEN OLD.expires_at IS NULL BEGIN
  SELECT RAISE(ABORT, 'roles_min_holders: too few users who can sign in would be left') FROM roles r
   WHERE r.id = OLD.role_id AND EXISTS (
    SELECT 1 FROM users u JOIN user_statuses s ON s.code = u.status JOIN user_kinds k ON k.code = u.kind
     WHERE u.id = OLD.user_id AND s.can_sign_in AND k.can_sign_in) AND r.min_holders > (
    SELECT count(*) FROM user_roles ur
      JOIN users u ON u.id = ur.user_id JOIN user_statuses s ON s.code = u.status JOIN user_kinds k ON k.code = u.kind
     WHERE ur.role_id = r.id AND ur.expires_at IS NULL AND s.can_sign_in AND k.can_sign_in);
END;
CREATE TRIGGER user_roles_keep_holders_delete AFTER DELETE ON user_roles WHEN OLD.expires_at IS NULL BEGIN
  SELECT RAISE(ABORT, 'roles_min_holders: too few users who can sign in would be left') FROM roles r
   WHERE r.id = OLD.role_id AND EXISTS (
    SELECT 1 FROM users u JOIN user_statuses s ON s.code = u.status JOIN user_kinds k ON k.code = u.kind
     WHERE u.id = OLD.user_id AND s.can_sign_in AND k.can_sign_in) AND r.min_holders > (
    SELECT count(*) FROM user_roles ur
      JOIN users u ON u.id = ur.user_id JOIN user_statuses s ON s.code = u.status JOIN user_kinds k ON k.code = u.kind
     WHERE ur.role_id = r.id AND ur.expires_at IS NULL AND s.can_sign_in AND k.can_sign_in);
END;
CREATE TRIGGER users_keep_holders AFTER UPDATE OF status ON users WHEN OLD.status <> NEW.status BEGIN
  SELECT RAISE(ABORT, 'roles_min_holders: too few users who can sign in would be left')
    FROM user_roles mine JOIN roles r ON r.id = mine.role_id
   WHERE mine.user_id = NEW.id AND mine.expires_at IS NULL
    AND (SELECT can_sign_in FROM user_statuses WHERE code = OLD.status)
    AND (SELECT can_sign_in FROM user_kinds WHERE code = OLD.kind)
    AND r.min_holders > (
    SELECT count(*) FROM user_roles ur
      JOIN users u ON u.id = ur.user_id JOIN user_statuses s ON s.code = u.status JOIN user_kinds k ON k.code = u.kind
     WHERE ur.role_id = r.id AND ur.expires_at IS NULL AND s.can_sign_in AND k.can_sign_in);
END;
