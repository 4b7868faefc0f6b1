-- Access: how people sign in, what they may do, and the keys of services.

CREATE TABLE credentials ( -- Password verifier, apart from identity; no row for a user without a password.
  user_id         BLOB NOT NULL CONSTRAINT credentials_user_id_form CHECK (length(user_id) = 16), -- [id] Owner.
  hash            TEXT NOT NULL, -- [secret] PHC string: scheme, parameters, salt and digest.
  salt            TEXT NOT NULL GENERATED ALWAYS AS (CASE
    WHEN hash GLOB '$2[aby]$*' THEN substr(hash, 8, 22)
    WHEN hash GLOB '$argon2id$*' THEN substr(substr(hash, instr(hash, ',p=') + 3), instr(substr(hash, instr(hash, ',p=') + 3), '$') + 1,
      instr(substr(substr(hash, instr(hash, ',p=') + 3), instr(substr(hash, instr(hash, ',p=') + 3), '$') + 1), '$') - 1)
    ELSE substr(substr(substr(hash, 2), instr(substr(hash, 2), '$') + 1), instr(substr(substr(hash, 2), instr(substr(hash, 2), '$') + 1), '$') + 1,
      instr(substr(substr(substr(hash, 2), instr(substr(hash, 2), '$') + 1), instr(substr(substr(hash, 2), instr(substr(hash, 2), '$') + 1), '$') + 1), '$') - 1)
    END) STORED, -- [secret] Salt, taken out of the PHC string by the database; unique over all rows.
  last_reset      INTEGER NOT NULL CONSTRAINT credentials_last_reset_form CHECK (last_reset BETWEEN 0 AND 253402300799999999), -- [internal] When the password was last set (UTC).
  must_change     INTEGER NOT NULL DEFAULT FALSE CONSTRAINT credentials_must_change_form CHECK (must_change IN (0, 1)), -- [internal] Password must be changed at the next sign-in.
  created_at      INTEGER NOT NULL CONSTRAINT credentials_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999), -- [internal] When the row was made (UTC).
  updated_at      INTEGER NOT NULL CONSTRAINT credentials_updated_at_form CHECK (updated_at BETWEEN 0 AND 253402300799999999), -- [internal] Last change (UTC).
  version         INTEGER NOT NULL DEFAULT 1, -- [internal] Row revision: grows by one with each change; the ETag.
  schema_version  INTEGER NOT NULL DEFAULT 1, -- [internal] Generation of the hashing policy.
  CONSTRAINT credentials_pk PRIMARY KEY (user_id),
  CONSTRAINT credentials_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT credentials_user_ck CHECK (user_id > x'000000000000700080000000000000ff'),
  CONSTRAINT credentials_hash_ck CHECK (
    hash NOT GLOB '*[^A-Za-z0-9+/.,=$-]*' AND (
    (hash GLOB '$argon2id$v=19$m=[1-9]*,t=[1-9]*,p=[1-9]*$*$*' AND length(hash) BETWEEN 60 AND 320
      AND hash NOT GLOB '*$m=*[^0-9]*,t=*' AND hash NOT GLOB '*,t=*[^0-9]*,p=*' AND hash NOT GLOB '*,p=*[^0-9$]*$*$*')
    OR (hash GLOB '$2[aby]$[0-9][0-9]$*' AND length(hash) = 60)
    OR ((hash GLOB '$scrypt$*$*$*' OR hash GLOB '$pbkdf2-sha256$*$*$*' OR hash GLOB '$pbkdf2-sha512$*$*$*') AND length(hash) BETWEEN 50 AND 400))),
  CONSTRAINT credentials_salt_uq UNIQUE (salt),
  CONSTRAINT credentials_salt_ck CHECK (length(salt) >= 11 AND salt NOT GLOB '*[^A-Za-z0-9+/.]*'),
  CONSTRAINT credentials_last_reset_ck CHECK (last_reset >= created_at),
  CONSTRAINT credentials_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT credentials_version_ck CHECK (version > 0 AND schema_version > 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE session_methods ( -- Lookup: how a session was opened.
  id           BLOB NOT NULL CONSTRAINT session_methods_id_form CHECK (length(id) = 16), -- [id] UUIDv7.
  code         TEXT NOT NULL, -- [public] Name other tables reference.
  description  TEXT NOT NULL, -- [public] Meaning, for people.
  CONSTRAINT session_methods_pk PRIMARY KEY (id),
  CONSTRAINT session_methods_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT session_methods_code_uq UNIQUE (code),
  CONSTRAINT session_methods_code_ck CHECK (code GLOB '[a-z]*' AND code NOT GLOB '*[^a-z_]*' AND length(code) BETWEEN 2 AND 32),
  CONSTRAINT session_methods_description_ck CHECK (length(description) BETWEEN 1 AND 1024)
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions ( -- Signed-in sessions; the token itself is never stored.
  user_id            BLOB NOT NULL CONSTRAINT sessions_user_id_form CHECK (length(user_id) = 16), -- [id] Owner.
  id                 BLOB NOT NULL CONSTRAINT sessions_id_form CHECK (length(id) = 16), -- [id] UUIDv7.
  token_hash         BLOB NOT NULL, -- [secret] SHA-256 of the bearer token.
  method             TEXT NOT NULL, -- [public] How it was opened.
  assurance_level    INTEGER NOT NULL, -- [internal] 0 must change the password first, 1 one factor, 2 two factors, 3 hardware-bound.
  created_at         INTEGER NOT NULL CONSTRAINT sessions_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999), -- [internal] When the row was made (UTC).
  last_seen_at       INTEGER NOT NULL CONSTRAINT sessions_last_seen_at_form CHECK (last_seen_at BETWEEN 0 AND 253402300799999999), -- [internal] Last use (UTC), to the minute.
  idle_seconds       INTEGER NOT NULL, -- [internal] Ends after this many seconds without use.
  expires_at         INTEGER NOT NULL CONSTRAINT sessions_expires_at_form CHECK (expires_at BETWEEN 0 AND 253402300799999999), -- [internal] Absolute end (UTC).
  revoked_at         INTEGER CONSTRAINT sessions_revoked_at_form CHECK (revoked_at BETWEEN 0 AND 253402300799999999), -- [internal] Ended early (UTC).
  address_sealed     BLOB, -- [pii] Client address, sealed.
  user_agent_sealed  BLOB, -- [pii] Client user agent, sealed.
  schema_version     INTEGER NOT NULL DEFAULT 1, -- [internal] Shape of the sealed values.
  CONSTRAINT sessions_pk PRIMARY KEY (user_id, id),
  CONSTRAINT sessions_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT sessions_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT sessions_user_ck CHECK (user_id > x'000000000000700080000000000000ff'),
  CONSTRAINT sessions_method_fk FOREIGN KEY (method) REFERENCES session_methods (code),
  CONSTRAINT sessions_token_hash_ck CHECK (length(token_hash) = 32),
  CONSTRAINT sessions_assurance_ck CHECK (assurance_level BETWEEN 0 AND 3),
  CONSTRAINT sessions_idle_ck CHECK (idle_seconds BETWEEN 60 AND 34560000),
  CONSTRAINT sessions_life_ck CHECK (expires_at > created_at AND expires_at <= created_at + 34560000000000),
  CONSTRAINT sessions_last_seen_ck CHECK (last_seen_at >= created_at),
  CONSTRAINT sessions_revoked_ck CHECK (revoked_at >= created_at),
  CONSTRAINT sessions_address_ck CHECK (address_sealed = x'00' OR (substr(address_sealed, 1, 1) = x'01' AND length(address_sealed) BETWEEN 30 AND 128)),
  CONSTRAINT sessions_user_agent_ck CHECK (user_agent_sealed = x'00' OR (substr(user_agent_sealed, 1, 1) = x'01' AND length(user_agent_sealed) BETWEEN 30 AND 600)),
  CONSTRAINT sessions_schema_version_ck CHECK (schema_version > 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_method_ix ON sessions (method);
CREATE INDEX sessions_expires_ix ON sessions (expires_at);

CREATE TABLE setup_links ( -- One-time links that make the first administrator.
  id          BLOB NOT NULL CONSTRAINT setup_links_id_form CHECK (length(id) = 16), -- [id] UUIDv7.
  token_hash  BLOB NOT NULL, -- [secret] SHA-256 of the token in the link.
  created_at  INTEGER NOT NULL CONSTRAINT setup_links_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999), -- [internal] When the row was made (UTC).
  expires_at  INTEGER NOT NULL CONSTRAINT setup_links_expires_at_form CHECK (expires_at BETWEEN 0 AND 253402300799999999), -- [internal] Dead after (UTC).
  used_at     INTEGER CONSTRAINT setup_links_used_at_form CHECK (used_at BETWEEN 0 AND 253402300799999999), -- [internal] Used (UTC).
  CONSTRAINT setup_links_pk PRIMARY KEY (id),
  CONSTRAINT setup_links_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT setup_links_token_hash_uq UNIQUE (token_hash),
  CONSTRAINT setup_links_token_hash_ck CHECK (length(token_hash) = 32),
  CONSTRAINT setup_links_life_ck CHECK (expires_at > created_at AND expires_at <= created_at + 86400000000),
  CONSTRAINT setup_links_used_ck CHECK (used_at >= created_at)
) STRICT, WITHOUT ROWID;

CREATE TABLE sign_in_throttles ( -- Attempts by identifier and by address prefix, so that guessing is slow; keys are keyed hashes.
  key_hash           BLOB NOT NULL, -- [pii] Keyed hash of the identifier or of the address prefix, 32 bytes.
  failures           INTEGER NOT NULL, -- [internal] Failed attempts in the window.
  window_started_at  INTEGER NOT NULL CONSTRAINT sign_in_throttles_window_started_at_form CHECK (window_started_at BETWEEN 0 AND 253402300799999999), -- [internal] Start of the window (UTC).
  blocked_until      INTEGER CONSTRAINT sign_in_throttles_blocked_until_form CHECK (blocked_until BETWEEN 0 AND 253402300799999999), -- [internal] Refused until (UTC).
  expires_at         INTEGER NOT NULL CONSTRAINT sign_in_throttles_expires_at_form CHECK (expires_at BETWEEN 0 AND 253402300799999999), -- [internal] Forgotten after (UTC).
  CONSTRAINT sign_in_throttles_pk PRIMARY KEY (key_hash),
  CONSTRAINT sign_in_throttles_key_hash_ck CHECK (length(key_hash) = 32),
  CONSTRAINT sign_in_throttles_failures_ck CHECK (failures >= 0),
  CONSTRAINT sign_in_throttles_expires_ck CHECK (expires_at >= window_started_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_in_throttles_expires_ix ON sign_in_throttles (expires_at);

CREATE TABLE refused_attempts ( -- Strangers' refused attempts, counted a minute, until the minute is written to the audit log.
  subject_id  BLOB NOT NULL CONSTRAINT refused_attempts_subject_id_form CHECK (length(subject_id) = 16), -- [id] User that was aimed at, or the stranger when it is nobody.
  action      TEXT NOT NULL, -- [public] What was tried.
  minute      INTEGER NOT NULL CONSTRAINT refused_attempts_minute_form CHECK (minute BETWEEN 0 AND 253402300799999999), -- [internal] Start of the minute (UTC).
  attempts    INTEGER NOT NULL, -- [internal] How many.
  CONSTRAINT refused_attempts_pk PRIMARY KEY (subject_id, action, minute),
  CONSTRAINT refused_attempts_subject_fk FOREIGN KEY (subject_id) REFERENCES users (id),
  CONSTRAINT refused_attempts_action_ck CHECK (action GLOB '[a-z]*.[a-z]*' AND action NOT GLOB '*[^a-z0-9_.]*' AND action NOT GLOB '*.' AND action NOT GLOB '*..*' AND action NOT GLOB '*.[^a-z]*' AND action NOT GLOB '*.*.*.*.*' AND length(action) <= 64),
  CONSTRAINT refused_attempts_attempts_ck CHECK (attempts > 0),
  CONSTRAINT refused_attempts_minute_ck CHECK (minute % 60000000 = 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX refused_attempts_minute_ix ON refused_attempts (minute);

CREATE TABLE roles ( -- Roles: named sets of permissions.
  id              BLOB NOT NULL CONSTRAINT roles_id_form CHECK (length(id) = 16), -- [id] UUIDv7.
  name            TEXT NOT NULL, -- [public] Unique name.
  description     TEXT NOT NULL, -- [public] Meaning, for people.
  is_system       INTEGER NOT NULL DEFAULT FALSE CONSTRAINT roles_is_system_form CHECK (is_system IN (0, 1)), -- [public] Ships with Cardinal: cannot be deleted, renamed or stripped.
  is_assignable   INTEGER NOT NULL DEFAULT TRUE CONSTRAINT roles_is_assignable_form CHECK (is_assignable IN (0, 1)), -- [public] Whether it may be granted to people and services.
  holds_all       INTEGER NOT NULL DEFAULT FALSE CONSTRAINT roles_holds_all_form CHECK (holds_all IN (0, 1)), -- [public] Holds every permission, those declared later too.
  min_holders     INTEGER NOT NULL DEFAULT 0, -- [internal] Unexpiring holders who can sign in that must remain, so that nobody locks everyone out.
  created_at      INTEGER NOT NULL CONSTRAINT roles_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999), -- [internal] When the row was made (UTC).
  updated_at      INTEGER NOT NULL CONSTRAINT roles_updated_at_form CHECK (updated_at BETWEEN 0 AND 253402300799999999), -- [internal] Last change (UTC).
  version         INTEGER NOT NULL DEFAULT 1, -- [internal] Row revision: grows by one with each change; the ETag.
  schema_version  INTEGER NOT NULL DEFAULT 1, -- [internal] Shape of the row.
  CONSTRAINT roles_pk PRIMARY KEY (id),
  CONSTRAINT roles_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT roles_name_uq UNIQUE (name),
  CONSTRAINT roles_name_ck CHECK (name GLOB '[a-z]*' AND name NOT GLOB '*[^a-z0-9_.-]*' AND length(name) BETWEEN 2 AND 63),
  CONSTRAINT roles_description_ck CHECK (length(description) BETWEEN 1 AND 1024),
  CONSTRAINT roles_holds_all_ck CHECK (is_system OR NOT holds_all),
  CONSTRAINT roles_assignable_ck CHECK (is_system OR is_assignable),
  CONSTRAINT roles_min_holders_ck CHECK (min_holders BETWEEN 0 AND 100),
  CONSTRAINT roles_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT roles_version_ck CHECK (version > 0 AND schema_version > 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE permissions ( -- Permissions, shared by roles: Cardinal's own and those that applications declare.
  id              BLOB NOT NULL CONSTRAINT permissions_id_form CHECK (length(id) = 16), -- [id] UUIDv7.
  name            TEXT NOT NULL, -- [public] Unique name: noun in the plural, dot, verb.
  description     TEXT NOT NULL, -- [public] Meaning, for people.
  is_system       INTEGER NOT NULL DEFAULT FALSE CONSTRAINT permissions_is_system_form CHECK (is_system IN (0, 1)), -- [public] Ships with Cardinal: cannot be deleted or renamed.
  created_at      INTEGER NOT NULL CONSTRAINT permissions_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999), -- [internal] When the row was made (UTC).
  updated_at      INTEGER NOT NULL CONSTRAINT permissions_updated_at_form CHECK (updated_at BETWEEN 0 AND 253402300799999999), -- [internal] Last change (UTC).
  version         INTEGER NOT NULL DEFAULT 1, -- [internal] Row revision: grows by one with each change; the ETag.
  schema_version  INTEGER NOT NULL DEFAULT 1, -- [internal] Shape of the row.
  CONSTRAINT permissions_pk PRIMARY KEY (id),
  CONSTRAINT permissions_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT permissions_name_uq UNIQUE (name),
  CONSTRAINT permissions_name_ck CHECK (name GLOB '[a-z]*.[a-z]*' AND name NOT GLOB '*[^a-z0-9_.]*' AND name NOT GLOB '*.' AND name NOT GLOB '*..*' AND name NOT GLOB '*.[^a-z]*' AND name NOT GLOB '*.*.*.*.*' AND length(name) <= 64),
  CONSTRAINT permissions_description_ck CHECK (length(description) BETWEEN 1 AND 1024),
  CONSTRAINT permissions_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT permissions_version_ck CHECK (version > 0 AND schema_version > 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE role_permissions ( -- Junction: which role holds which permission.
  role_id        BLOB NOT NULL CONSTRAINT role_permissions_role_id_form CHECK (length(role_id) = 16), -- [id] Role.
  permission_id  BLOB NOT NULL CONSTRAINT role_permissions_permission_id_form CHECK (length(permission_id) = 16), -- [id] Permission.
  created_at     INTEGER NOT NULL CONSTRAINT role_permissions_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999), -- [internal] When the row was made (UTC).
  CONSTRAINT role_permissions_pk PRIMARY KEY (role_id, permission_id),
  CONSTRAINT role_permissions_role_fk FOREIGN KEY (role_id) REFERENCES roles (id) ON DELETE CASCADE,
  CONSTRAINT role_permissions_permission_fk FOREIGN KEY (permission_id) REFERENCES permissions (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX role_permissions_permission_ix ON role_permissions (permission_id);

CREATE TABLE user_roles ( -- Junction: which user holds which role, granted by whom, until when.
  user_id     BLOB NOT NULL CONSTRAINT user_roles_user_id_form CHECK (length(user_id) = 16), -- [id] Holder.
  role_id     BLOB NOT NULL CONSTRAINT user_roles_role_id_form CHECK (length(role_id) = 16), -- [id] Role.
  granted_by  BLOB NOT NULL CONSTRAINT user_roles_granted_by_form CHECK (length(granted_by) = 16), -- [id] User who granted it.
  created_at  INTEGER NOT NULL CONSTRAINT user_roles_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999), -- [internal] When the row was made (UTC).
  expires_at  INTEGER CONSTRAINT user_roles_expires_at_form CHECK (expires_at BETWEEN 0 AND 253402300799999999), -- [internal] Ends by itself (UTC).
  CONSTRAINT user_roles_pk PRIMARY KEY (user_id, role_id),
  CONSTRAINT user_roles_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT user_roles_role_fk FOREIGN KEY (role_id) REFERENCES roles (id),
  CONSTRAINT user_roles_granted_by_fk FOREIGN KEY (granted_by) REFERENCES users (id),
  CONSTRAINT user_roles_expires_ck CHECK (expires_at > created_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX user_roles_role_ix ON user_roles (role_id, user_id);
CREATE INDEX user_roles_granted_by_ix ON user_roles (granted_by);
CREATE INDEX user_roles_expires_ix ON user_roles (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE api_keys ( -- API keys of services; the key itself is shown once and never stored.
  user_id         BLOB NOT NULL CONSTRAINT api_keys_user_id_form CHECK (length(user_id) = 16), -- [id] Service that owns it.
  id              BLOB NOT NULL CONSTRAINT api_keys_id_form CHECK (length(id) = 16), -- [id] UUIDv7.
  name_sealed     BLOB NOT NULL, -- [pii] What the key is for, sealed under the service's key.
  token_hash      BLOB NOT NULL, -- [secret] SHA-256 of the key.
  hint            TEXT NOT NULL, -- [public] Last four characters of the key, to tell keys apart.
  created_at      INTEGER NOT NULL CONSTRAINT api_keys_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999), -- [internal] When the row was made (UTC).
  expires_at      INTEGER NOT NULL CONSTRAINT api_keys_expires_at_form CHECK (expires_at BETWEEN 0 AND 253402300799999999), -- [internal] Dead after (UTC).
  revoked_at      INTEGER CONSTRAINT api_keys_revoked_at_form CHECK (revoked_at BETWEEN 0 AND 253402300799999999), -- [internal] Ended early (UTC).
  schema_version  INTEGER NOT NULL DEFAULT 1, -- [internal] Shape of the sealed value.
  CONSTRAINT api_keys_pk PRIMARY KEY (user_id, id),
  CONSTRAINT api_keys_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT api_keys_id_uq UNIQUE (id),
  CONSTRAINT api_keys_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT api_keys_user_ck CHECK (user_id > x'000000000000700080000000000000ff'),
  CONSTRAINT api_keys_name_ck CHECK (name_sealed = x'00' OR (substr(name_sealed, 1, 1) = x'01' AND length(name_sealed) BETWEEN 30 AND 512)),
  CONSTRAINT api_keys_token_hash_ck CHECK (length(token_hash) = 32),
  CONSTRAINT api_keys_hint_ck CHECK (length(hint) = 4),
  CONSTRAINT api_keys_life_ck CHECK (expires_at > created_at),
  CONSTRAINT api_keys_revoked_ck CHECK (revoked_at >= created_at),
  CONSTRAINT api_keys_schema_version_ck CHECK (schema_version > 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE api_key_roles ( -- Junction: the roles of its service that an API key may use; ends with the service's grant.
  user_id     BLOB NOT NULL CONSTRAINT api_key_roles_user_id_form CHECK (length(user_id) = 16), -- [id] Service.
  api_key_id  BLOB NOT NULL CONSTRAINT api_key_roles_api_key_id_form CHECK (length(api_key_id) = 16), -- [id] API key.
  role_id     BLOB NOT NULL CONSTRAINT api_key_roles_role_id_form CHECK (length(role_id) = 16), -- [id] Role, one that the service holds.
  CONSTRAINT api_key_roles_pk PRIMARY KEY (user_id, api_key_id, role_id),
  CONSTRAINT api_key_roles_api_key_fk FOREIGN KEY (user_id, api_key_id) REFERENCES api_keys (user_id, id) ON DELETE CASCADE,
  CONSTRAINT api_key_roles_user_role_fk FOREIGN KEY (user_id, role_id) REFERENCES user_roles (user_id, role_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX api_key_roles_user_role_ix ON api_key_roles (user_id, role_id);

-- No last-administrator lockout: a role with min_holders keeps that many holders who can sign in, whoever writes.
CREATE TRIGGER user_roles_keep_holders_delete AFTER DELETE ON user_roles WHEN OLD.expires_at IS NULL BEGIN
  SELECT RAISE(ABORT, 'roles_min_holders: too few holders who can sign in would be left') FROM roles r
   WHERE r.id = OLD.role_id AND EXISTS (
    SELECT 1 FROM users u JOIN user_statuses s ON s.code = u.status JOIN user_kinds k ON k.code = u.kind
     WHERE u.id = OLD.user_id AND s.can_sign_in AND k.can_sign_in) AND r.min_holders > (
    SELECT count(*) FROM user_roles ur
      JOIN users u ON u.id = ur.user_id JOIN user_statuses s ON s.code = u.status JOIN user_kinds k ON k.code = u.kind
     WHERE ur.role_id = r.id AND ur.expires_at IS NULL AND s.can_sign_in AND k.can_sign_in);
END;
CREATE TRIGGER user_roles_keep_holders AFTER UPDATE ON user_roles WHEN OLD.expires_at IS NULL BEGIN
  SELECT RAISE(ABORT, 'roles_min_holders: too few holders who can sign in would be left') FROM roles r
   WHERE r.id = OLD.role_id AND EXISTS (
    SELECT 1 FROM users u JOIN user_statuses s ON s.code = u.status JOIN user_kinds k ON k.code = u.kind
     WHERE u.id = OLD.user_id AND s.can_sign_in AND k.can_sign_in) AND r.min_holders > (
    SELECT count(*) FROM user_roles ur
      JOIN users u ON u.id = ur.user_id JOIN user_statuses s ON s.code = u.status JOIN user_kinds k ON k.code = u.kind
     WHERE ur.role_id = r.id AND ur.expires_at IS NULL AND s.can_sign_in AND k.can_sign_in);
END;
CREATE TRIGGER users_keep_holders AFTER UPDATE OF status ON users WHEN OLD.status <> NEW.status BEGIN
  SELECT RAISE(ABORT, 'roles_min_holders: too few holders who can sign in would be left') FROM user_roles mine JOIN roles r ON r.id = mine.role_id
   WHERE mine.user_id = NEW.id AND mine.expires_at IS NULL
    AND (SELECT can_sign_in FROM user_statuses WHERE code = OLD.status) AND (SELECT can_sign_in FROM user_kinds WHERE code = OLD.kind)
    AND r.min_holders > (
    SELECT count(*) FROM user_roles ur
      JOIN users u ON u.id = ur.user_id JOIN user_statuses s ON s.code = u.status JOIN user_kinds k ON k.code = u.kind
     WHERE ur.role_id = r.id AND ur.expires_at IS NULL AND s.can_sign_in AND k.can_sign_in);
END;
CREATE TRIGGER roles_built_in_fixed BEFORE UPDATE ON roles
 WHEN NEW.is_system <> OLD.is_system OR (OLD.is_system AND (NEW.name <> OLD.name OR NEW.holds_all <> OLD.holds_all OR NEW.is_assignable <> OLD.is_assignable)) BEGIN
  SELECT RAISE(ABORT, 'roles_built_in_fixed: a built-in role keeps its name and its nature');
END;
CREATE TRIGGER roles_built_in_kept BEFORE DELETE ON roles WHEN OLD.is_system BEGIN
  SELECT RAISE(ABORT, 'roles_built_in_kept: a built-in role cannot be deleted');
END;
CREATE TRIGGER permissions_built_in_fixed BEFORE UPDATE ON permissions WHEN NEW.is_system <> OLD.is_system OR (OLD.is_system AND NEW.name <> OLD.name) BEGIN
  SELECT RAISE(ABORT, 'permissions_built_in_fixed: a built-in permission keeps its name');
END;
CREATE TRIGGER permissions_built_in_kept BEFORE DELETE ON permissions WHEN OLD.is_system BEGIN
  SELECT RAISE(ABORT, 'permissions_built_in_kept: a built-in permission cannot be deleted');
END;
CREATE TRIGGER sessions_token_fixed BEFORE UPDATE OF token_hash, user_id, id ON sessions BEGIN
  SELECT RAISE(ABORT, 'sessions_token_fixed: open a new session');
END;
CREATE TRIGGER api_keys_token_fixed BEFORE UPDATE OF token_hash, user_id, id ON api_keys BEGIN
  SELECT RAISE(ABORT, 'api_keys_token_fixed: make a new key');
END;
CREATE TRIGGER credentials_guard_version BEFORE UPDATE ON credentials BEGIN
  SELECT RAISE(ABORT, 'credentials_version_step: version must grow by one') WHERE NEW.version <> OLD.version + 1;
  SELECT RAISE(ABORT, 'credentials_created_fixed: created_at cannot change') WHERE NEW.created_at <> OLD.created_at;
END;
CREATE TRIGGER roles_guard_version BEFORE UPDATE ON roles BEGIN
  SELECT RAISE(ABORT, 'roles_version_step: version must grow by one') WHERE NEW.version <> OLD.version + 1;
  SELECT RAISE(ABORT, 'roles_created_fixed: created_at cannot change') WHERE NEW.created_at <> OLD.created_at;
END;
CREATE TRIGGER permissions_guard_version BEFORE UPDATE ON permissions BEGIN
  SELECT RAISE(ABORT, 'permissions_version_step: version must grow by one') WHERE NEW.version <> OLD.version + 1;
  SELECT RAISE(ABORT, 'permissions_created_fixed: created_at cannot change') WHERE NEW.created_at <> OLD.created_at;
END;
