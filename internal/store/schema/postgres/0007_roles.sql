-- Roles, permissions, and the roles of users.

CREATE TABLE roles (
  id              uuid NOT NULL,
  name            text NOT NULL,
  description     text NOT NULL,
  is_system       boolean NOT NULL DEFAULT FALSE,
  is_assignable   boolean NOT NULL DEFAULT TRUE,
  holds_all       boolean NOT NULL DEFAULT FALSE,
  min_holders     bigint NOT NULL DEFAULT 0,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL,
  version         bigint NOT NULL DEFAULT 1,
  schema_version  bigint NOT NULL DEFAULT 1,
  CONSTRAINT roles_pk PRIMARY KEY (id),
  CONSTRAINT roles_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT roles_name_uq UNIQUE (name),
  CONSTRAINT roles_name_ck CHECK (name ~ '^[a-z][a-z0-9_.-]{1,62}$'),
  CONSTRAINT roles_description_ck CHECK (char_length(description) BETWEEN 1 AND 1024),
  CONSTRAINT roles_holds_all_ck CHECK (is_system OR NOT holds_all),
  CONSTRAINT roles_assignable_ck CHECK (is_system OR is_assignable),
  CONSTRAINT roles_min_holders_ck CHECK (min_holders BETWEEN 0 AND 100),
  CONSTRAINT roles_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT roles_version_ck CHECK (version > 0 AND schema_version > 0)
);
COMMENT ON TABLE roles IS 'Roles: named sets of permissions.';
COMMENT ON COLUMN roles.id IS '[id] UUIDv7.';
COMMENT ON COLUMN roles.name IS '[public] Unique name.';
COMMENT ON COLUMN roles.description IS '[public] Description for readers.';
COMMENT ON COLUMN roles.is_system IS '[public] Whether it is built in: it cannot be deleted or renamed.';
COMMENT ON COLUMN roles.is_assignable IS '[public] Whether it can be granted to users and services.';
COMMENT ON COLUMN roles.holds_all IS '[public] Whether it has all permissions, also those declared later.';
COMMENT ON COLUMN roles.min_holders IS '[internal] Minimum of users who can sign in and have it without expiry.';
COMMENT ON COLUMN roles.created_at IS '[internal] When the row was created (UTC).';
COMMENT ON COLUMN roles.updated_at IS '[internal] When the row was last changed (UTC).';
COMMENT ON COLUMN roles.version IS '[internal] Row version: increases by one per change; the ETag.';
COMMENT ON COLUMN roles.schema_version IS '[internal] Version of the row''s format.';

CREATE TABLE permissions (
  id              uuid NOT NULL,
  name            text NOT NULL,
  description     text NOT NULL,
  is_system       boolean NOT NULL DEFAULT FALSE,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL,
  version         bigint NOT NULL DEFAULT 1,
  schema_version  bigint NOT NULL DEFAULT 1,
  CONSTRAINT permissions_pk PRIMARY KEY (id),
  CONSTRAINT permissions_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT permissions_name_uq UNIQUE (name),
  CONSTRAINT permissions_name_ck CHECK (name ~ '^[a-z][a-z0-9_]*([.][a-z][a-z0-9_]*){1,3}$'
    AND char_length(name) <= 64),
  CONSTRAINT permissions_description_ck CHECK (char_length(description) BETWEEN 1 AND 1024),
  CONSTRAINT permissions_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT permissions_version_ck CHECK (version > 0 AND schema_version > 0)
);
COMMENT ON TABLE permissions IS 'Permissions, shared by roles: built-in ones, and those that applications declare.';
COMMENT ON COLUMN permissions.id IS '[id] UUIDv7.';
COMMENT ON COLUMN permissions.name IS '[public] Unique name: plural noun, dot, verb.';
COMMENT ON COLUMN permissions.description IS '[public] Description for readers.';
COMMENT ON COLUMN permissions.is_system IS '[public] Whether it is built in: it cannot be deleted or renamed.';
COMMENT ON COLUMN permissions.created_at IS '[internal] When the row was created (UTC).';
COMMENT ON COLUMN permissions.updated_at IS '[internal] When the row was last changed (UTC).';
COMMENT ON COLUMN permissions.version IS '[internal] Row version: increases by one per change; the ETag.';
COMMENT ON COLUMN permissions.schema_version IS '[internal] Version of the row''s format.';

CREATE TABLE role_permissions (
  role_id        uuid NOT NULL,
  permission_id  uuid NOT NULL,
  created_at     timestamptz NOT NULL,
  CONSTRAINT role_permissions_pk PRIMARY KEY (role_id, permission_id),
  CONSTRAINT role_permissions_role_fk FOREIGN KEY (role_id) REFERENCES roles (id) ON DELETE CASCADE,
  CONSTRAINT role_permissions_permission_fk FOREIGN KEY (permission_id) REFERENCES permissions (id) ON DELETE CASCADE
);
CREATE INDEX role_permissions_permission_ix ON role_permissions (permission_id);
COMMENT ON TABLE role_permissions IS 'Junction: which role has which permission.';
COMMENT ON COLUMN role_permissions.role_id IS '[id] Role.';
COMMENT ON COLUMN role_permissions.permission_id IS '[id] Permission.';
COMMENT ON COLUMN role_permissions.created_at IS '[internal] When the row was created (UTC).';

CREATE TABLE user_roles (
  user_id     uuid NOT NULL,
  role_id     uuid NOT NULL,
  granted_by  uuid NOT NULL,
  created_at  timestamptz NOT NULL,
  expires_at  timestamptz,
  CONSTRAINT user_roles_pk PRIMARY KEY (user_id, role_id),
  CONSTRAINT user_roles_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT user_roles_role_fk FOREIGN KEY (role_id) REFERENCES roles (id),
  CONSTRAINT user_roles_granted_by_fk FOREIGN KEY (granted_by) REFERENCES users (id),
  CONSTRAINT user_roles_expires_ck CHECK (expires_at > created_at)
);
CREATE INDEX user_roles_role_ix ON user_roles (role_id, user_id);
CREATE INDEX user_roles_granted_by_ix ON user_roles (granted_by);
CREATE INDEX user_roles_expires_ix ON user_roles (expires_at) WHERE expires_at IS NOT NULL;
COMMENT ON TABLE user_roles IS 'Junction: which user has which role, with the grantor and the expiry.';
COMMENT ON COLUMN user_roles.user_id IS '[id] User with the role.';
COMMENT ON COLUMN user_roles.role_id IS '[id] Role.';
COMMENT ON COLUMN user_roles.granted_by IS '[id] User that granted the role.';
COMMENT ON COLUMN user_roles.created_at IS '[internal] When the row was created (UTC).';
COMMENT ON COLUMN user_roles.expires_at IS '[internal] Expiry of the grant (UTC); NULL if it has none.';

CREATE TRIGGER roles_guard_version BEFORE UPDATE ON roles FOR EACH ROW EXECUTE FUNCTION guard_version();
CREATE TRIGGER roles_built_in_kept BEFORE DELETE ON roles FOR EACH ROW WHEN (OLD.is_system)
  EXECUTE FUNCTION refuse_change('roles_built_in_kept', 'a built-in role cannot be deleted');

CREATE FUNCTION guard_system_role() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.is_system <> OLD.is_system OR (OLD.is_system AND
     (NEW.name, NEW.holds_all, NEW.is_assignable) IS DISTINCT FROM (OLD.name, OLD.holds_all, OLD.is_assignable)) THEN
    RAISE EXCEPTION 'name, holds_all and is_assignable of a built-in role cannot change'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'roles_built_in_fixed', TABLE = 'roles';
  END IF;
  RETURN NEW;
END $$;
COMMENT ON FUNCTION guard_system_role() IS
  'Trigger: name, holds_all and is_assignable of built-in roles cannot change.';

CREATE TRIGGER roles_built_in_fixed BEFORE UPDATE ON roles FOR EACH ROW EXECUTE FUNCTION guard_system_role();
CREATE TRIGGER permissions_guard_version BEFORE UPDATE ON permissions FOR EACH ROW EXECUTE FUNCTION guard_version();
CREATE TRIGGER permissions_built_in_kept BEFORE DELETE ON permissions FOR EACH ROW WHEN (OLD.is_system)
  EXECUTE FUNCTION refuse_change('permissions_built_in_kept', 'a built-in permission cannot be deleted');

CREATE FUNCTION guard_system_permission() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.is_system <> OLD.is_system OR (OLD.is_system AND NEW.name <> OLD.name) THEN
    RAISE EXCEPTION 'the name of a built-in permission cannot change'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'permissions_built_in_fixed', TABLE = 'permissions';
  END IF;
  RETURN NEW;
END $$;
COMMENT ON FUNCTION guard_system_permission() IS 'Trigger: the name of built-in permissions cannot change.';

CREATE TRIGGER permissions_built_in_fixed BEFORE UPDATE ON permissions FOR EACH ROW
  EXECUTE FUNCTION guard_system_permission();

-- Protection against a lockout: a role with min_holders keeps at least that many users who can sign in, however the
-- database is changed. The row of the role is the lock, so that two concurrent revocations cannot each rely on the user
-- that the other removes. Checked at COMMIT.
CREATE FUNCTION keep_role_holders(role_id uuid) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  wanted roles;
  holders bigint;
BEGIN
  SELECT * INTO wanted FROM roles r WHERE r.id = keep_role_holders.role_id AND r.min_holders > 0 FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  SELECT count(*) INTO holders
    FROM user_roles ur
    JOIN users u ON u.id = ur.user_id
    JOIN user_statuses s ON s.code = u.status
    JOIN user_kinds k ON k.code = u.kind
   WHERE ur.role_id = wanted.id AND ur.expires_at IS NULL AND s.can_sign_in AND k.can_sign_in;
  IF holders < wanted.min_holders THEN
    RAISE EXCEPTION 'role % needs % user(s) who can sign in, % would be left', wanted.name, wanted.min_holders, holders
      USING ERRCODE = 'check_violation', CONSTRAINT = 'roles_min_holders', TABLE = 'roles';
  END IF;
END $$;
COMMENT ON FUNCTION keep_role_holders(uuid) IS
  'Fails when fewer users with the role can sign in than its min_holders requires.';

CREATE FUNCTION guard_user_roles() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF OLD.expires_at IS NULL AND EXISTS (
       SELECT FROM users u JOIN user_statuses s ON s.code = u.status JOIN user_kinds k ON k.code = u.kind
        WHERE u.id = OLD.user_id AND s.can_sign_in AND k.can_sign_in) THEN
    PERFORM keep_role_holders(OLD.role_id);
  END IF;
  RETURN NULL;
END $$;
COMMENT ON FUNCTION guard_user_roles() IS 'Constraint trigger: checks min_holders of a role after a grant ended.';

CREATE FUNCTION guard_user_holders() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF (SELECT can_sign_in FROM user_statuses WHERE code = OLD.status)
     AND (SELECT can_sign_in FROM user_kinds WHERE code = OLD.kind) THEN
    PERFORM keep_role_holders(ur.role_id)
       FROM user_roles ur JOIN roles r ON r.id = ur.role_id
      WHERE ur.user_id = NEW.id AND ur.expires_at IS NULL AND r.min_holders > 0
      ORDER BY ur.role_id;
  END IF;
  RETURN NULL;
END $$;
COMMENT ON FUNCTION guard_user_holders() IS
  'Constraint trigger: checks min_holders of each role of a user who can no longer sign in.';

CREATE CONSTRAINT TRIGGER user_roles_keep_holders AFTER UPDATE OR DELETE ON user_roles DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION guard_user_roles();
CREATE CONSTRAINT TRIGGER users_keep_holders AFTER UPDATE OF status ON users DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION guard_user_holders();
