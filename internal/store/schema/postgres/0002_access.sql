-- Access: how people sign in, what they may do, and the keys of services.


CREATE FUNCTION phc_salt(hash text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE
    WHEN hash LIKE '$2_$%' THEN substr(hash, 8, 22)
    WHEN hash LIKE '$argon2id$%' THEN split_part(hash, '$', 5)
    ELSE split_part(hash, '$', 4)
  END
$$;
COMMENT ON FUNCTION phc_salt(text) IS 'The salt inside a password hash: one extractor a scheme (PHC string format; bcrypt: the first 22 characters).';

CREATE TABLE credentials (
  user_id         uuid NOT NULL,
  hash            text NOT NULL,
  salt            text NOT NULL GENERATED ALWAYS AS (phc_salt(hash)) STORED,
  last_reset      timestamptz NOT NULL,
  must_change     boolean NOT NULL DEFAULT FALSE,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL,
  version         bigint NOT NULL DEFAULT 1,
  schema_version  bigint NOT NULL DEFAULT 1,
  CONSTRAINT credentials_pk PRIMARY KEY (user_id),
  CONSTRAINT credentials_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT credentials_user_ck CHECK (user_id > '00000000-0000-7000-8000-0000000000ff'),
  CONSTRAINT credentials_hash_ck CHECK (
    hash ~ '^[$]argon2id[$]v=19[$]m=[1-9][0-9]{0,6},t=[1-9][0-9]{0,2},p=[1-9][0-9]{0,2}[$][A-Za-z0-9+/]{11,86}[$][A-Za-z0-9+/]{22,172}$'
    OR hash ~ '^[$]2[aby][$][0-9]{2}[$][A-Za-z0-9./]{53}$'
    OR hash ~ '^[$](scrypt|pbkdf2-sha256|pbkdf2-sha512)[$][a-z0-9=,]+[$][A-Za-z0-9+/.]{11,86}[$][A-Za-z0-9+/.]{22,172}$'),
  CONSTRAINT credentials_salt_uq UNIQUE (salt),
  CONSTRAINT credentials_salt_ck CHECK (char_length(salt) >= 11),
  CONSTRAINT credentials_last_reset_ck CHECK (last_reset >= created_at),
  CONSTRAINT credentials_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT credentials_version_ck CHECK (version > 0 AND schema_version > 0)
);
COMMENT ON TABLE credentials IS 'Password verifier, apart from identity; no row for a user without a password.';
COMMENT ON COLUMN credentials.user_id IS '[id] Owner.';
COMMENT ON COLUMN credentials.hash IS '[secret] PHC string: scheme, parameters, salt and digest.';
COMMENT ON COLUMN credentials.salt IS '[secret] Salt, taken out of the PHC string by the database; unique over all rows.';
COMMENT ON COLUMN credentials.last_reset IS '[internal] When the password was last set (UTC).';
COMMENT ON COLUMN credentials.must_change IS '[internal] Password must be changed at the next sign-in.';
COMMENT ON COLUMN credentials.created_at IS '[internal] When the row was made (UTC).';
COMMENT ON COLUMN credentials.updated_at IS '[internal] Last change (UTC).';
COMMENT ON COLUMN credentials.version IS '[internal] Row revision: grows by one with each change; the ETag.';
COMMENT ON COLUMN credentials.schema_version IS '[internal] Generation of the hashing policy.';

CREATE TABLE session_methods (
  id           uuid NOT NULL,
  code         text NOT NULL,
  description  text NOT NULL,
  CONSTRAINT session_methods_pk PRIMARY KEY (id),
  CONSTRAINT session_methods_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT session_methods_code_uq UNIQUE (code),
  CONSTRAINT session_methods_code_ck CHECK (code ~ '^[a-z][a-z_]{1,31}$'),
  CONSTRAINT session_methods_description_ck CHECK (char_length(description) BETWEEN 1 AND 1024)
);
COMMENT ON TABLE session_methods IS 'Lookup: how a session was opened.';
COMMENT ON COLUMN session_methods.id IS '[id] UUIDv7.';
COMMENT ON COLUMN session_methods.code IS '[public] Name other tables reference.';
COMMENT ON COLUMN session_methods.description IS '[public] Meaning, for people.';

CREATE TABLE sessions (
  user_id            uuid NOT NULL,
  id                 uuid NOT NULL,
  token_hash         bytea NOT NULL,
  method             text NOT NULL,
  assurance_level    bigint NOT NULL,
  created_at         timestamptz NOT NULL,
  last_seen_at       timestamptz NOT NULL,
  idle_seconds       bigint NOT NULL,
  expires_at         timestamptz NOT NULL,
  revoked_at         timestamptz,
  address_sealed     bytea,
  user_agent_sealed  bytea,
  schema_version     bigint NOT NULL DEFAULT 1,
  CONSTRAINT sessions_pk PRIMARY KEY (user_id, id),
  CONSTRAINT sessions_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT sessions_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT sessions_user_ck CHECK (user_id > '00000000-0000-7000-8000-0000000000ff'),
  CONSTRAINT sessions_method_fk FOREIGN KEY (method) REFERENCES session_methods (code),
  CONSTRAINT sessions_token_hash_ck CHECK (octet_length(token_hash) = 32),
  CONSTRAINT sessions_assurance_ck CHECK (assurance_level BETWEEN 0 AND 3),
  CONSTRAINT sessions_idle_ck CHECK (idle_seconds BETWEEN 60 AND 34560000),
  CONSTRAINT sessions_life_ck CHECK (expires_at > created_at AND expires_at <= created_at + interval '400 days'),
  CONSTRAINT sessions_last_seen_ck CHECK (last_seen_at >= created_at),
  CONSTRAINT sessions_revoked_ck CHECK (revoked_at >= created_at),
  CONSTRAINT sessions_address_ck CHECK (address_sealed = '\x00' OR (get_byte(address_sealed, 0) = 1 AND octet_length(address_sealed) BETWEEN 30 AND 128)),
  CONSTRAINT sessions_user_agent_ck CHECK (user_agent_sealed = '\x00' OR (get_byte(user_agent_sealed, 0) = 1 AND octet_length(user_agent_sealed) BETWEEN 30 AND 600)),
  CONSTRAINT sessions_schema_version_ck CHECK (schema_version > 0)
);
CREATE INDEX sessions_method_ix ON sessions (method);
CREATE INDEX sessions_expires_ix ON sessions (expires_at);
COMMENT ON TABLE sessions IS 'Signed-in sessions; the token itself is never stored.';
COMMENT ON COLUMN sessions.user_id IS '[id] Owner.';
COMMENT ON COLUMN sessions.id IS '[id] UUIDv7.';
COMMENT ON COLUMN sessions.token_hash IS '[secret] SHA-256 of the bearer token.';
COMMENT ON COLUMN sessions.method IS '[public] How it was opened.';
COMMENT ON COLUMN sessions.assurance_level IS '[internal] 0 must change the password first, 1 one factor, 2 two factors, 3 hardware-bound.';
COMMENT ON COLUMN sessions.created_at IS '[internal] When the row was made (UTC).';
COMMENT ON COLUMN sessions.last_seen_at IS '[internal] Last use (UTC), to the minute.';
COMMENT ON COLUMN sessions.idle_seconds IS '[internal] Ends after this many seconds without use.';
COMMENT ON COLUMN sessions.expires_at IS '[internal] Absolute end (UTC).';
COMMENT ON COLUMN sessions.revoked_at IS '[internal] Ended early (UTC).';
COMMENT ON COLUMN sessions.address_sealed IS '[pii] Client address, sealed.';
COMMENT ON COLUMN sessions.user_agent_sealed IS '[pii] Client user agent, sealed.';
COMMENT ON COLUMN sessions.schema_version IS '[internal] Shape of the sealed values.';

CREATE TABLE setup_links (
  id          uuid NOT NULL,
  token_hash  bytea NOT NULL,
  created_at  timestamptz NOT NULL,
  expires_at  timestamptz NOT NULL,
  used_at     timestamptz,
  CONSTRAINT setup_links_pk PRIMARY KEY (id),
  CONSTRAINT setup_links_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT setup_links_token_hash_uq UNIQUE (token_hash),
  CONSTRAINT setup_links_token_hash_ck CHECK (octet_length(token_hash) = 32),
  CONSTRAINT setup_links_life_ck CHECK (expires_at > created_at AND expires_at <= created_at + interval '1 day'),
  CONSTRAINT setup_links_used_ck CHECK (used_at >= created_at)
);
COMMENT ON TABLE setup_links IS 'One-time links that make the first administrator.';
COMMENT ON COLUMN setup_links.id IS '[id] UUIDv7.';
COMMENT ON COLUMN setup_links.token_hash IS '[secret] SHA-256 of the token in the link.';
COMMENT ON COLUMN setup_links.created_at IS '[internal] When the row was made (UTC).';
COMMENT ON COLUMN setup_links.expires_at IS '[internal] Dead after (UTC).';
COMMENT ON COLUMN setup_links.used_at IS '[internal] Used (UTC).';

CREATE TABLE sign_in_throttles (
  key_hash           bytea NOT NULL,
  failures           bigint NOT NULL,
  window_started_at  timestamptz NOT NULL,
  blocked_until      timestamptz,
  expires_at         timestamptz NOT NULL,
  CONSTRAINT sign_in_throttles_pk PRIMARY KEY (key_hash),
  CONSTRAINT sign_in_throttles_key_hash_ck CHECK (octet_length(key_hash) = 32),
  CONSTRAINT sign_in_throttles_failures_ck CHECK (failures >= 0),
  CONSTRAINT sign_in_throttles_expires_ck CHECK (expires_at >= window_started_at)
);
CREATE INDEX sign_in_throttles_expires_ix ON sign_in_throttles (expires_at);
COMMENT ON TABLE sign_in_throttles IS 'Attempts by identifier and by address prefix, so that guessing is slow; keys are keyed hashes.';
COMMENT ON COLUMN sign_in_throttles.key_hash IS '[pii] Keyed hash of the identifier or of the address prefix, 32 bytes.';
COMMENT ON COLUMN sign_in_throttles.failures IS '[internal] Failed attempts in the window.';
COMMENT ON COLUMN sign_in_throttles.window_started_at IS '[internal] Start of the window (UTC).';
COMMENT ON COLUMN sign_in_throttles.blocked_until IS '[internal] Refused until (UTC).';
COMMENT ON COLUMN sign_in_throttles.expires_at IS '[internal] Forgotten after (UTC).';

CREATE TABLE refused_attempts (
  subject_id  uuid NOT NULL,
  action      text NOT NULL,
  minute      timestamptz NOT NULL,
  attempts    bigint NOT NULL,
  CONSTRAINT refused_attempts_pk PRIMARY KEY (subject_id, action, minute),
  CONSTRAINT refused_attempts_subject_fk FOREIGN KEY (subject_id) REFERENCES users (id),
  CONSTRAINT refused_attempts_action_ck CHECK (action ~ '^[a-z][a-z0-9_]*([.][a-z][a-z0-9_]*){1,3}$' AND char_length(action) <= 64),
  CONSTRAINT refused_attempts_attempts_ck CHECK (attempts > 0),
  CONSTRAINT refused_attempts_minute_ck CHECK (extract(second FROM minute) = 0)
);
CREATE INDEX refused_attempts_minute_ix ON refused_attempts (minute);
COMMENT ON TABLE refused_attempts IS 'Strangers'' refused attempts, counted a minute, until the minute is written to the audit log.';
COMMENT ON COLUMN refused_attempts.subject_id IS '[id] User that was aimed at, or the stranger when it is nobody.';
COMMENT ON COLUMN refused_attempts.action IS '[public] What was tried.';
COMMENT ON COLUMN refused_attempts.minute IS '[internal] Start of the minute (UTC).';
COMMENT ON COLUMN refused_attempts.attempts IS '[internal] How many.';

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
COMMENT ON COLUMN roles.description IS '[public] Meaning, for people.';
COMMENT ON COLUMN roles.is_system IS '[public] Ships with Cardinal: cannot be deleted, renamed or stripped.';
COMMENT ON COLUMN roles.is_assignable IS '[public] Whether it may be granted to people and services.';
COMMENT ON COLUMN roles.holds_all IS '[public] Holds every permission, those declared later too.';
COMMENT ON COLUMN roles.min_holders IS '[internal] Unexpiring holders who can sign in that must remain, so that nobody locks everyone out.';
COMMENT ON COLUMN roles.created_at IS '[internal] When the row was made (UTC).';
COMMENT ON COLUMN roles.updated_at IS '[internal] Last change (UTC).';
COMMENT ON COLUMN roles.version IS '[internal] Row revision: grows by one with each change; the ETag.';
COMMENT ON COLUMN roles.schema_version IS '[internal] Shape of the row.';

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
  CONSTRAINT permissions_name_ck CHECK (name ~ '^[a-z][a-z0-9_]*([.][a-z][a-z0-9_]*){1,3}$' AND char_length(name) <= 64),
  CONSTRAINT permissions_description_ck CHECK (char_length(description) BETWEEN 1 AND 1024),
  CONSTRAINT permissions_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT permissions_version_ck CHECK (version > 0 AND schema_version > 0)
);
COMMENT ON TABLE permissions IS 'Permissions, shared by roles: Cardinal''s own and those that applications declare.';
COMMENT ON COLUMN permissions.id IS '[id] UUIDv7.';
COMMENT ON COLUMN permissions.name IS '[public] Unique name: noun in the plural, dot, verb.';
COMMENT ON COLUMN permissions.description IS '[public] Meaning, for people.';
COMMENT ON COLUMN permissions.is_system IS '[public] Ships with Cardinal: cannot be deleted or renamed.';
COMMENT ON COLUMN permissions.created_at IS '[internal] When the row was made (UTC).';
COMMENT ON COLUMN permissions.updated_at IS '[internal] Last change (UTC).';
COMMENT ON COLUMN permissions.version IS '[internal] Row revision: grows by one with each change; the ETag.';
COMMENT ON COLUMN permissions.schema_version IS '[internal] Shape of the row.';

CREATE TABLE role_permissions (
  role_id        uuid NOT NULL,
  permission_id  uuid NOT NULL,
  created_at     timestamptz NOT NULL,
  CONSTRAINT role_permissions_pk PRIMARY KEY (role_id, permission_id),
  CONSTRAINT role_permissions_role_fk FOREIGN KEY (role_id) REFERENCES roles (id) ON DELETE CASCADE,
  CONSTRAINT role_permissions_permission_fk FOREIGN KEY (permission_id) REFERENCES permissions (id) ON DELETE CASCADE
);
CREATE INDEX role_permissions_permission_ix ON role_permissions (permission_id);
COMMENT ON TABLE role_permissions IS 'Junction: which role holds which permission.';
COMMENT ON COLUMN role_permissions.role_id IS '[id] Role.';
COMMENT ON COLUMN role_permissions.permission_id IS '[id] Permission.';
COMMENT ON COLUMN role_permissions.created_at IS '[internal] When the row was made (UTC).';

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
COMMENT ON TABLE user_roles IS 'Junction: which user holds which role, granted by whom, until when.';
COMMENT ON COLUMN user_roles.user_id IS '[id] Holder.';
COMMENT ON COLUMN user_roles.role_id IS '[id] Role.';
COMMENT ON COLUMN user_roles.granted_by IS '[id] User who granted it.';
COMMENT ON COLUMN user_roles.created_at IS '[internal] When the row was made (UTC).';
COMMENT ON COLUMN user_roles.expires_at IS '[internal] Ends by itself (UTC).';

CREATE TABLE api_keys (
  user_id         uuid NOT NULL,
  id              uuid NOT NULL,
  name_sealed     bytea NOT NULL,
  token_hash      bytea NOT NULL,
  hint            text NOT NULL,
  created_at      timestamptz NOT NULL,
  expires_at      timestamptz NOT NULL,
  revoked_at      timestamptz,
  schema_version  bigint NOT NULL DEFAULT 1,
  CONSTRAINT api_keys_pk PRIMARY KEY (user_id, id),
  CONSTRAINT api_keys_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT api_keys_id_uq UNIQUE (id),
  CONSTRAINT api_keys_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT api_keys_user_ck CHECK (user_id > '00000000-0000-7000-8000-0000000000ff'),
  CONSTRAINT api_keys_name_ck CHECK (name_sealed = '\x00' OR (get_byte(name_sealed, 0) = 1 AND octet_length(name_sealed) BETWEEN 30 AND 512)),
  CONSTRAINT api_keys_token_hash_ck CHECK (octet_length(token_hash) = 32),
  CONSTRAINT api_keys_hint_ck CHECK (char_length(hint) = 4),
  CONSTRAINT api_keys_life_ck CHECK (expires_at > created_at),
  CONSTRAINT api_keys_revoked_ck CHECK (revoked_at >= created_at),
  CONSTRAINT api_keys_schema_version_ck CHECK (schema_version > 0)
);
COMMENT ON TABLE api_keys IS 'API keys of services; the key itself is shown once and never stored.';
COMMENT ON COLUMN api_keys.user_id IS '[id] Service that owns it.';
COMMENT ON COLUMN api_keys.id IS '[id] UUIDv7.';
COMMENT ON COLUMN api_keys.name_sealed IS '[pii] What the key is for, sealed under the service''s key.';
COMMENT ON COLUMN api_keys.token_hash IS '[secret] SHA-256 of the key.';
COMMENT ON COLUMN api_keys.hint IS '[public] Last four characters of the key, to tell keys apart.';
COMMENT ON COLUMN api_keys.created_at IS '[internal] When the row was made (UTC).';
COMMENT ON COLUMN api_keys.expires_at IS '[internal] Dead after (UTC).';
COMMENT ON COLUMN api_keys.revoked_at IS '[internal] Ended early (UTC).';
COMMENT ON COLUMN api_keys.schema_version IS '[internal] Shape of the sealed value.';

CREATE TABLE api_key_roles (
  user_id     uuid NOT NULL,
  api_key_id  uuid NOT NULL,
  role_id     uuid NOT NULL,
  CONSTRAINT api_key_roles_pk PRIMARY KEY (user_id, api_key_id, role_id),
  CONSTRAINT api_key_roles_api_key_fk FOREIGN KEY (user_id, api_key_id) REFERENCES api_keys (user_id, id) ON DELETE CASCADE,
  CONSTRAINT api_key_roles_user_role_fk FOREIGN KEY (user_id, role_id) REFERENCES user_roles (user_id, role_id) ON DELETE CASCADE
);
CREATE INDEX api_key_roles_user_role_ix ON api_key_roles (user_id, role_id);
COMMENT ON TABLE api_key_roles IS 'Junction: the roles of its service that an API key may use; ends with the service''s grant.';
COMMENT ON COLUMN api_key_roles.user_id IS '[id] Service.';
COMMENT ON COLUMN api_key_roles.api_key_id IS '[id] API key.';
COMMENT ON COLUMN api_key_roles.role_id IS '[id] Role, one that the service holds.';

-- No last-administrator lockout: a role with min_holders keeps that many holders who can sign in, whoever writes.
-- The role's row is the lock, so two revocations at once cannot both see the other's holder. Checked at COMMIT.
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
    RAISE EXCEPTION 'role % needs % holder(s) who can sign in, % would be left', wanted.name, wanted.min_holders, holders
      USING ERRCODE = 'check_violation', CONSTRAINT = 'roles_min_holders', TABLE = 'roles';
  END IF;
END $$;
COMMENT ON FUNCTION keep_role_holders(uuid) IS 'Refuses when a role has fewer holders who can sign in than its min_holders.';

CREATE FUNCTION guard_user_roles() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF OLD.expires_at IS NULL AND EXISTS (
       SELECT FROM users u JOIN user_statuses s ON s.code = u.status JOIN user_kinds k ON k.code = u.kind
        WHERE u.id = OLD.user_id AND s.can_sign_in AND k.can_sign_in) THEN
    PERFORM keep_role_holders(OLD.role_id);
  END IF;
  RETURN NULL;
END $$;
COMMENT ON FUNCTION guard_user_roles() IS 'Constraint trigger: a grant that ends must leave the role its holders.';

CREATE FUNCTION guard_user_holders() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF (SELECT can_sign_in FROM user_statuses WHERE code = OLD.status) AND (SELECT can_sign_in FROM user_kinds WHERE code = OLD.kind) THEN
    PERFORM keep_role_holders(ur.role_id)
       FROM user_roles ur JOIN roles r ON r.id = ur.role_id
      WHERE ur.user_id = NEW.id AND ur.expires_at IS NULL AND r.min_holders > 0
      ORDER BY ur.role_id;
  END IF;
  RETURN NULL;
END $$;
COMMENT ON FUNCTION guard_user_holders() IS 'Constraint trigger: a user who can no longer sign in must leave each role its holders.';

CREATE FUNCTION guard_system_role() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.is_system <> OLD.is_system OR (OLD.is_system AND (NEW.name, NEW.holds_all, NEW.is_assignable) IS DISTINCT FROM (OLD.name, OLD.holds_all, OLD.is_assignable)) THEN
    RAISE EXCEPTION 'a built-in role keeps its name and its nature'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'roles_built_in_fixed', TABLE = 'roles';
  END IF;
  RETURN NEW;
END $$;
COMMENT ON FUNCTION guard_system_role() IS 'Trigger: built-in roles keep their name and nature.';

CREATE FUNCTION guard_system_permission() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.is_system <> OLD.is_system OR (OLD.is_system AND NEW.name <> OLD.name) THEN
    RAISE EXCEPTION 'a built-in permission keeps its name'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'permissions_built_in_fixed', TABLE = 'permissions';
  END IF;
  RETURN NEW;
END $$;
COMMENT ON FUNCTION guard_system_permission() IS 'Trigger: built-in permissions keep their name.';

CREATE CONSTRAINT TRIGGER user_roles_keep_holders AFTER UPDATE OR DELETE ON user_roles DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION guard_user_roles();
CREATE CONSTRAINT TRIGGER users_keep_holders AFTER UPDATE OF status ON users DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION guard_user_holders();
CREATE TRIGGER roles_built_in_fixed BEFORE UPDATE ON roles FOR EACH ROW EXECUTE FUNCTION guard_system_role();
CREATE TRIGGER roles_built_in_kept BEFORE DELETE ON roles FOR EACH ROW WHEN (OLD.is_system)
  EXECUTE FUNCTION refuse_change('roles_built_in_kept', 'a built-in role cannot be deleted');
CREATE TRIGGER permissions_built_in_fixed BEFORE UPDATE ON permissions FOR EACH ROW EXECUTE FUNCTION guard_system_permission();
CREATE TRIGGER permissions_built_in_kept BEFORE DELETE ON permissions FOR EACH ROW WHEN (OLD.is_system)
  EXECUTE FUNCTION refuse_change('permissions_built_in_kept', 'a built-in permission cannot be deleted');
CREATE TRIGGER sessions_token_fixed BEFORE UPDATE OF token_hash, user_id, id ON sessions FOR EACH ROW
  EXECUTE FUNCTION refuse_change('sessions_token_fixed', 'open a new session');
CREATE TRIGGER api_keys_token_fixed BEFORE UPDATE OF token_hash, user_id, id ON api_keys FOR EACH ROW
  EXECUTE FUNCTION refuse_change('api_keys_token_fixed', 'make a new key');
CREATE TRIGGER credentials_guard_version BEFORE UPDATE ON credentials FOR EACH ROW EXECUTE FUNCTION guard_version();
CREATE TRIGGER roles_guard_version BEFORE UPDATE ON roles FOR EACH ROW EXECUTE FUNCTION guard_version();
CREATE TRIGGER permissions_guard_version BEFORE UPDATE ON permissions FOR EACH ROW EXECUTE FUNCTION guard_version();
