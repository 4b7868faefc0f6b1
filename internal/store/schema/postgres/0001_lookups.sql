-- Lookup tables. Other tables refer to their rows by code, and flags in the rows control behaviour.
-- The first functions are shared by all tables. Times, ids and random values come from the service, never from the
-- database: these functions only read what a value contains.

CREATE FUNCTION uuid_v7_time(id uuid) RETURNS timestamptz LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT to_timestamp(
    (('x' || substr(translate(id::text, '-', ''), 1, 12))::bit(48)::bigint / 1000.0)::double precision)
$$;
COMMENT ON FUNCTION uuid_v7_time(uuid) IS 'Time in a UUIDv7, to the millisecond (RFC 9562, section 5.7).';

CREATE FUNCTION uuid_v7_floor(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT encode(substring(int8send((extract(epoch FROM moment) * 1000)::bigint) FROM 3)
    || '\x70008000000000000000'::bytea, 'hex')::uuid
$$;
COMMENT ON FUNCTION uuid_v7_floor(timestamptz) IS
  'Lowest UUIDv7 of a moment: a bound of partitions and of time ranges.';

CREATE FUNCTION guard_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.version <> OLD.version + 1 THEN
    RAISE EXCEPTION 'version must increase by one (% to %)', OLD.version, NEW.version
      USING ERRCODE = 'check_violation', CONSTRAINT = TG_TABLE_NAME || '_version_step', TABLE = TG_TABLE_NAME;
  END IF;
  IF NEW.created_at <> OLD.created_at THEN
    RAISE EXCEPTION 'created_at cannot change'
      USING ERRCODE = 'check_violation', CONSTRAINT = TG_TABLE_NAME || '_created_fixed', TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
COMMENT ON FUNCTION guard_version() IS
  'Trigger: each update increases version by exactly one; created_at cannot change.';

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% on % is refused: %', TG_OP, TG_TABLE_NAME, TG_ARGV[1]
    USING ERRCODE = 'check_violation', CONSTRAINT = TG_ARGV[0], TABLE = TG_TABLE_NAME;
END $$;
COMMENT ON FUNCTION refuse_change() IS
  'Trigger: refuses the statement. Arguments: the name of the rule, and what to do instead.';

CREATE TABLE user_kinds (
  id                 uuid NOT NULL,
  code               text NOT NULL,
  description        text NOT NULL,
  can_sign_in        boolean NOT NULL,
  can_hold_api_keys  boolean NOT NULL,
  is_listed          boolean NOT NULL,
  CONSTRAINT user_kinds_pk PRIMARY KEY (id),
  CONSTRAINT user_kinds_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT user_kinds_code_uq UNIQUE (code),
  CONSTRAINT user_kinds_code_ck CHECK (code ~ '^[a-z][a-z_]{1,31}$'),
  CONSTRAINT user_kinds_description_ck CHECK (char_length(description) BETWEEN 1 AND 1024)
);
COMMENT ON TABLE user_kinds IS 'Lookup: kinds of users. Flags describe behaviour, so that code does not test names.';
COMMENT ON COLUMN user_kinds.id IS '[id] UUIDv7.';
COMMENT ON COLUMN user_kinds.code IS '[public] Name that other tables reference.';
COMMENT ON COLUMN user_kinds.description IS '[public] Description for readers.';
COMMENT ON COLUMN user_kinds.can_sign_in IS '[public] Whether users of this kind can have credentials and sessions.';
COMMENT ON COLUMN user_kinds.can_hold_api_keys IS '[public] Whether users of this kind can have API keys.';
COMMENT ON COLUMN user_kinds.is_listed IS '[public] Whether lists of users include this kind by default.';

CREATE TABLE user_statuses (
  id           uuid NOT NULL,
  code         text NOT NULL,
  description  text NOT NULL,
  can_sign_in  boolean NOT NULL,
  is_deleted   boolean NOT NULL,
  is_erased    boolean NOT NULL,
  CONSTRAINT user_statuses_pk PRIMARY KEY (id),
  CONSTRAINT user_statuses_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT user_statuses_code_uq UNIQUE (code),
  CONSTRAINT user_statuses_code_ck CHECK (code ~ '^[a-z][a-z_]{1,31}$'),
  CONSTRAINT user_statuses_description_ck CHECK (char_length(description) BETWEEN 1 AND 1024),
  CONSTRAINT user_statuses_deleted_ck CHECK (NOT (is_deleted AND can_sign_in)),
  CONSTRAINT user_statuses_erased_ck CHECK (is_deleted OR NOT is_erased)
);
COMMENT ON TABLE user_statuses IS
  'Lookup: statuses of users. Flags describe behaviour, so that code does not test names.';
COMMENT ON COLUMN user_statuses.id IS '[id] UUIDv7.';
COMMENT ON COLUMN user_statuses.code IS '[public] Name that other tables reference.';
COMMENT ON COLUMN user_statuses.description IS '[public] Description for readers.';
COMMENT ON COLUMN user_statuses.can_sign_in IS '[public] Whether a user with this status can have a session.';
COMMENT ON COLUMN user_statuses.is_deleted IS '[public] Whether a user with this status is soft-deleted.';
COMMENT ON COLUMN user_statuses.is_erased IS '[public] Whether this status is final: personal data is destroyed.';

CREATE TABLE user_status_transitions (
  id           uuid NOT NULL,
  from_status  text,
  to_status    text NOT NULL,
  action       text NOT NULL,
  description  text NOT NULL,
  CONSTRAINT user_status_transitions_pk PRIMARY KEY (id),
  CONSTRAINT user_status_transitions_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT user_status_transitions_from_fk FOREIGN KEY (from_status) REFERENCES user_statuses (code),
  CONSTRAINT user_status_transitions_to_fk FOREIGN KEY (to_status) REFERENCES user_statuses (code),
  CONSTRAINT user_status_transitions_differ_ck CHECK (from_status <> to_status),
  CONSTRAINT user_status_transitions_action_ck CHECK (action ~ '^[a-z][a-z_]{1,31}$')
);
CREATE UNIQUE INDEX user_status_transitions_from_ix ON user_status_transitions (from_status, action, to_status);
CREATE UNIQUE INDEX user_status_transitions_initial_uq ON user_status_transitions (action) WHERE from_status IS NULL;
CREATE INDEX user_status_transitions_to_ix ON user_status_transitions (to_status);
COMMENT ON TABLE user_status_transitions IS
  'Lookup: allowed status transitions with their actions. Others are refused.';
COMMENT ON COLUMN user_status_transitions.id IS '[id] UUIDv7.';
COMMENT ON COLUMN user_status_transitions.from_status IS '[public] Status before the transition; NULL for a new user.';
COMMENT ON COLUMN user_status_transitions.to_status IS '[public] Status after the transition.';
COMMENT ON COLUMN user_status_transitions.action IS
  '[public] Requested action, such as create, sign_up, activate, suspend, delete or erase.';
COMMENT ON COLUMN user_status_transitions.description IS '[public] When this transition happens.';

CREATE TABLE contact_kinds (
  id           uuid NOT NULL,
  code         text NOT NULL,
  description  text NOT NULL,
  CONSTRAINT contact_kinds_pk PRIMARY KEY (id),
  CONSTRAINT contact_kinds_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT contact_kinds_code_uq UNIQUE (code),
  CONSTRAINT contact_kinds_code_ck CHECK (code ~ '^[a-z][a-z_]{1,31}$'),
  CONSTRAINT contact_kinds_description_ck CHECK (char_length(description) BETWEEN 1 AND 1024)
);
COMMENT ON TABLE contact_kinds IS 'Lookup: kinds of contact.';
COMMENT ON COLUMN contact_kinds.id IS '[id] UUIDv7.';
COMMENT ON COLUMN contact_kinds.code IS '[public] Name that other tables reference.';
COMMENT ON COLUMN contact_kinds.description IS '[public] Description for readers.';

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
COMMENT ON TABLE session_methods IS 'Lookup: how a session was created.';
COMMENT ON COLUMN session_methods.id IS '[id] UUIDv7.';
COMMENT ON COLUMN session_methods.code IS '[public] Name that other tables reference.';
COMMENT ON COLUMN session_methods.description IS '[public] Description for readers.';

CREATE TABLE session_end_reasons (
  id           uuid NOT NULL,
  code         text NOT NULL,
  description  text NOT NULL,
  CONSTRAINT session_end_reasons_pk PRIMARY KEY (id),
  CONSTRAINT session_end_reasons_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT session_end_reasons_code_uq UNIQUE (code),
  CONSTRAINT session_end_reasons_code_ck CHECK (code ~ '^[a-z][a-z_]{1,31}$'),
  CONSTRAINT session_end_reasons_description_ck CHECK (char_length(description) BETWEEN 1 AND 1024)
);
COMMENT ON TABLE session_end_reasons IS 'Lookup: why a session ended before its expiry.';
COMMENT ON COLUMN session_end_reasons.id IS '[id] UUIDv7.';
COMMENT ON COLUMN session_end_reasons.code IS '[public] Name that other tables reference.';
COMMENT ON COLUMN session_end_reasons.description IS '[public] Description for readers.';

CREATE TABLE countries (
  id            uuid NOT NULL,
  code          text NOT NULL,
  name          text NOT NULL,
  tax_rate_ppm  bigint NOT NULL DEFAULT 0,
  created_at    timestamptz NOT NULL,
  updated_at    timestamptz NOT NULL,
  version       bigint NOT NULL DEFAULT 1,
  CONSTRAINT countries_pk PRIMARY KEY (id),
  CONSTRAINT countries_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT countries_code_uq UNIQUE (code),
  CONSTRAINT countries_name_uq UNIQUE (name),
  CONSTRAINT countries_code_ck CHECK (code ~ '^[A-Z]{2}$'),
  CONSTRAINT countries_name_ck CHECK (char_length(name) BETWEEN 1 AND 128),
  CONSTRAINT countries_tax_rate_ck CHECK (tax_rate_ppm BETWEEN 0 AND 1000000),
  CONSTRAINT countries_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT countries_version_ck CHECK (version > 0)
);
COMMENT ON TABLE countries IS 'Countries and their tax rates. A rate is stored once, in one row (third normal form).';
COMMENT ON COLUMN countries.id IS '[id] UUIDv7.';
COMMENT ON COLUMN countries.code IS '[public] ISO 3166-1 alpha-2 code; other tables reference it.';
COMMENT ON COLUMN countries.name IS '[public] Short name in English.';
COMMENT ON COLUMN countries.tax_rate_ppm IS '[public] Standard tax rate in parts per million: 190000 is 19 %.';
COMMENT ON COLUMN countries.created_at IS '[internal] When the row was created (UTC).';
COMMENT ON COLUMN countries.updated_at IS '[internal] When the row was last changed (UTC).';
COMMENT ON COLUMN countries.version IS '[internal] Row version: increases by one per change; the ETag.';

CREATE TRIGGER countries_guard_version BEFORE UPDATE ON countries FOR EACH ROW EXECUTE FUNCTION guard_version();
